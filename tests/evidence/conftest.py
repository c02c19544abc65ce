"""A team at a site with a phone, for files that belong to its packages."""

from dataclasses import dataclass

import pytest

from anshao_phone import Device, Photo, SealedPackage
from tests.factories.field import Field
from tests.factories.world import Person, World


@dataclass(frozen=True)
class Team:
    """Two certified officers of the town, the first one's phone, and a site there."""

    world: World
    field: Field
    officers: tuple[Person, Person]
    phone: Device

    def seal(self, *photos: Photo) -> SealedPackage:
        """A package of the first officer that declares these files."""
        officers = [officer.user_id for officer in self.officers]
        return self.phone.seal(self.field.document(self.field.publish("rto"), officers), list(photos))

    def sent(self, *photos: Photo) -> SealedPackage:
        """The same, taken in by the server."""
        package = self.seal(*photos)
        answer = self.phone.put_package(package)
        assert answer.status_code == 201, answer.text
        return package


@pytest.fixture
def team(world: World) -> Team:
    field = Field(world)
    officers = (
        world.person("inspector", region=world.town),
        world.person("inspector", region=world.town),
    )
    return Team(world, field, officers, field.phone(officers[0].user_id))
