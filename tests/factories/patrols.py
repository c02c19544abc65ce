"""An assistant in a town, with his phone and the documents he seals."""

from typing import Any
from uuid import UUID

from app.core.ids import new_id
from tests.factories.field import Field, Photo, SealedPackage
from tests.factories.world import World

POINTS = [
    {"key": "exit", "name": "疏散通道", "outcome": "abnormal", "note": "堆放杂物"},
    {"key": "extinguisher", "name": "灭火器", "outcome": "normal"},
]


class Assistant:
    """One safety assistant on his round."""

    def __init__(self, world: World, field: Field | None = None, region: UUID | None = None) -> None:
        self.world = world
        self.field = field or Field(world)
        self.person = world.person("safety_assistant", region=region or world.town)
        self.phone = self.field.phone(self.person.user_id)

    def patrol_document(self, **changes: Any) -> dict[str, Any]:
        """A patrol of two points; no officers, no checklist, no party."""
        return self._document("patrol", {"patrol": {"note": "例行巡查", "points": POINTS}, **changes})

    def whistle_document(self, **changes: Any) -> dict[str, Any]:
        """A whistle from the same place."""
        content = {"what": "车间内动火未见审批", "urgency": "immediate"}
        return self._document("whistle", {"whistle": content, **changes})

    def _document(self, kind: str, changes: dict[str, Any]) -> dict[str, Any]:
        whole = self.field.document({}, [], kind=kind)
        for member in ("officers", "template", "answers", "party", "assignment_id"):
            del whole[member]
        return {**whole, "visit_id": str(new_id()), **changes}

    def send(self, document: dict[str, Any], photos: list[Photo] | None = None) -> SealedPackage:
        """Seal and send; the server must take it."""
        package = self.phone.seal(document, photos or [])
        answer = self.phone.put_package(package)
        assert answer.status_code == 201, answer.text
        return package
