"""Sending packages of every shape, and looking at what the server has kept of them."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from tests.factories.field import Field, Photo, SealedPackage
from tests.factories.world import World


class Sending:
    """A team of two on one site, with the phone of the first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.field = Field(world)
        self.team = [world.person("inspector", region=world.town) for _ in range(2)]
        self.phone = self.field.phone(self.team[0].user_id)
        self.template = self.field.publish("rto")

    def document(self, **changes: Any) -> dict[str, Any]:
        """A sound package's document; `changes` replace members."""
        sound = self.field.document(self.template, [officer.user_id for officer in self.team])
        return {**sound, **changes}

    def sealed(self, photos: list[Photo] | None = None, **changes: Any) -> SealedPackage:
        """A package with these members."""
        return self.phone.seal(self.document(**changes), photos or [])

    def bent(self, bend: Callable[[str], str | bytes], **changes: Any) -> SealedPackage:
        """A package whose text was bent before it was signed."""
        package = self.sealed(**changes)
        bytes_ = bend(package.sealed.decode())
        return SealedPackage(
            package.id, bytes_ if isinstance(bytes_, bytes) else bytes_.encode("utf-8"), package.photos
        )

    def whole(self, **changes: Any) -> SealedPackage:
        """A package whose whole document, id and author included, can be replaced member by member."""
        package = self.sealed()
        document = {**json.loads(package.sealed), **changes}
        return SealedPackage(package.id, json.dumps(document).encode(), ())

    def put(self, **changes: Any) -> Any:
        """Send a package with these members."""
        return self.phone.put_package(self.sealed(**changes))

    def pushed(self, package: SealedPackage, **members: Any) -> dict[str, Any]:
        """The row of a package that is pushed for the first time; `members` replace those of its document."""
        signature = self.phone.sign(f"anshao.package/1\n{package.hash}".encode())
        sealed = package.sealed.decode()
        document = {
            "id": str(package.id), "sealed": sealed, "key_id": self.phone.key_id, "signature": signature,
        }  # fmt: skip
        return {"newDocumentState": document | members, "assumedMasterState": None}

    def raw(self, content: bytes) -> SealedPackage:
        """Any bytes at all, as if they were a package."""
        return SealedPackage(new_id(), content, ())

    def kept(self, package_id: UUID) -> list[bytes]:
        """Every byte string kept under an id: the first, then the conflicts in order of arrival."""

        async def find(session: AsyncSession) -> list[bytes]:
            found = text(
                "SELECT sealed FROM package_intakes WHERE package_id = :id UNION ALL "
                "(SELECT sealed FROM package_conflicts WHERE package_id = :id ORDER BY id)"
            )
            return [bytes(row) for row in (await session.execute(found, {"id": package_id})).scalars()]

        return list(self.world.in_database(find))

    def status(self, package_id: UUID) -> tuple[str, str | None]:
        """The intake's status and reason."""

        async def find(session: AsyncSession) -> Any:
            found = text("SELECT status, reason FROM package_intakes WHERE package_id = :id")
            return (await session.execute(found, {"id": package_id})).one()

        status, reason = self.world.in_database(find)
        return status, reason


def codes(answer: Any) -> set[str]:
    """The issue codes of an answer."""
    assert answer.status_code in (200, 201), answer.text
    return {issue["code"] for issue in answer.json()["issues"]}
