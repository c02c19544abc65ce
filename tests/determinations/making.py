"""Visits whose packages say what a test wants: the shipped checklists, answered well but for what is changed."""

from functools import cache
from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.services.checklists.content import parse_checklist, shipped_bodies
from tests.factories.checklists import CHECKED_ON, good_answers
from tests.factories.field import Field
from tests.factories.world import Person, World

PATH = "/api/v1/determinations"
NO, YES = {"value": "no"}, {"value": "yes"}
NO_ALARM = {"RTO-10": NO, "RTO-10.3": NO, "RTO-10.4": YES}
"""MEM10-7-5 for machinery: gas fuel, no working pressure alarm."""
NO_CONTRACT_CHECKS = {"RV-00": YES, "RV-04": YES, "RV-05": NO, "RV-05.1": NO}
"""MEM10-3-1: contractors, coordinated, never checked."""


@cache
def _good(code: str) -> dict[str, Any]:
    return good_answers(parse_checklist(shipped_bodies()[code]))[0]


def answers(
    code: str, changes: dict[str, Any] | None = None, *, without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Good answers to a shipped checklist with `changes`, and nothing said of `without`."""
    return {
        path: answer for path, answer in {**_good(code), **(changes or {})}.items() if path not in without
    }


class Visit:
    """One visit by two officers to an enterprise of the given trades."""

    def __init__(self, world: World, *trades: str, region: UUID | None = None) -> None:
        self.world = world
        self.field = Field(world, region=region, trades=list(trades))
        place = region or world.town
        self.officers = [world.person("inspector", region=place) for _ in range(2)]
        self.phone = self.field.phone(self.officers[0].user_id)

    @property
    def reader(self) -> Person:
        return self.officers[0]

    def submit(
        self, code: str, given: dict[str, Any], *, supersedes: UUID | None = None, **changes: Any
    ) -> UUID:
        """Seal and send one package; its id."""
        if supersedes is not None:
            changes["supersedes"] = {"id": str(supersedes), "reason": "更正"}
        ids = [officer.user_id for officer in self.officers]
        changes.setdefault("legal_date", CHECKED_ON.isoformat())  # the day the good answers are good on
        document = self.field.document(self.field.publish(code), ids, answers=given, **changes)
        package = self.phone.seal(document, [])
        answer = self.phone.put_package(package)
        assert answer.status_code == 201, answer.text
        return package.id

    def another(self) -> None:
        """From here on it is another visit to the same site."""
        self.field.visit_id = new_id()

    def determination(self, person: Person | None = None) -> dict[str, Any]:
        """What the console shows of the visit."""
        answer = (person or self.reader).get(f"{PATH}/visits/{self.field.visit_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def verdicts(self, *kinds: str) -> list[dict[str, Any]]:
        """The current verdicts of the visit, of some kinds only when told."""
        found = self.determination()["verdicts"]
        return [one for one in found if one["is_current"] and (not kinds or one["kind"] in kinds)]
