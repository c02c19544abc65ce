"""Who knocks: every role at home, in a sibling district, in another city and in the next town, by browser and by phone."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from app.enums.identity import Role
from app.models.identity import ApiClient
from app.routers.endpoints import Endpoint
from app.services.identity.policy import CLIENT_SCOPES, actions_of
from app.services.identity.tokens import issue_access_token
from tests.factories.field import Field
from tests.factories.invited import invited_person
from tests.factories.world import Person, World

Place = tuple[UUID, UUID]
"""An enterprise and its site."""


class Callers:
    """Logged-in people and clients of one city or district, each made once."""

    def __init__(self, world: World, region: UUID, place: Callable[[], Place] | None = None) -> None:
        """`place`: the enterprise and the site that an enterprise's person is invited to; new ones of the region unless told."""
        self._place = place or (lambda: _place_of(Field(world, region=region)))
        self._invited: Person | None = None
        self._world = world
        self._region = region
        self._browsers: dict[tuple[str, ...], Person] = {}
        self._phones: dict[tuple[str, ...], Person] = {}
        self._clients: dict[tuple[str, ...], Person] = {}

    def browser(self, *roles: str) -> Person:
        """A browser's session of somebody with these roles."""
        if roles not in self._browsers:
            self._browsers[roles] = self._world.person(*roles, region=self._region)
        return self._browsers[roles]

    def phone(self, *roles: str) -> Person:
        """The session of the same person's phone."""
        if roles not in self._phones:
            person = self.browser(*roles)
            phone = Field(self._world, region=self._region).phone(person.user_id)
            self._phones[roles] = self._world.logged_in(person.user_id, phone.device_id)
        return self._phones[roles]

    def client(self, *scopes: str) -> Person:
        """A third-party application."""
        if scopes not in self._clients:
            self._clients[scopes] = api_client(self._world, self._region, scopes)
        return self._clients[scopes]

    def invited(self) -> Person:
        """A person of an enterprise, invited to its site."""
        if self._invited is None:
            self._invited = invited_person(self._world, *self._place())
        return self._invited

    def at(self, endpoint: Endpoint, role: str) -> Person:
        """Somebody with the role, come to the door the right way."""
        return self.phone(role) if endpoint.audience == "mobile" else self.browser(role)

    def entitled(self, endpoint: Endpoint) -> list[Person]:
        """One caller for every role to which an endpoint is open; where no roles come in, a client with every scope, or an invited
        person."""
        if endpoint.audience == "enterprise":
            return [self.invited()]
        if endpoint.audience == "partner":
            return [self.client(*sorted(CLIENT_SCOPES))]
        return [self.at(endpoint, role) for role in Role if endpoint.is_open_to(actions_of(role))]


def api_client(world: World, region: UUID, scopes: tuple[str, ...]) -> Person:
    """A client with a token, without asking for one."""
    row = ApiClient(
        name=f"client {world.code} {scopes} {region}", secret_hash="x", scopes=list(scopes), region_id=region
    )

    async def make(session: Any) -> UUID:
        session.add(row)
        await session.flush()
        return row.id

    identifier = world.in_database(make)
    token = issue_access_token(
        world.runtime.keys, minutes=60, client_id=identifier, secret_number=1, scopes=scopes
    )
    return Person(world.client, identifier, identifier, token)


def _place_of(field: Field) -> Place:
    return field.enterprise_id, field.site_id
