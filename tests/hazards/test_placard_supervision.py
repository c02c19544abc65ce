"""Who watches a placard answers for its clock: both go to another by one act of whoever decides about it, never the clock alone."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.enums.identity import Role
from app.models.history import AuditEntry
from app.models.identity import User
from app.services.identity.policy import PERMISSIONS
from tests.factories.world import Person, World
from tests.hazards.test_placard_authorities import LISTING, Tiers, refused
from tests.hazards.test_placard_extensions import Listed
from tests.hazards.test_placards import PLACARDS, Scene


class Watched(Listed):
    """A listed hazard, whose placard a second officer of the authority may come to watch."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.other = world.person("inspector", region=world.town)

    def name(self, who: Person | None = None, **changes: Any) -> Any:
        body = {"supervisor_id": str(self.other.user_id), "reason": "原督办人员调离"} | changes
        path = f"{PLACARDS}/{self.placard['id']}/supervisor"
        return (who or self.chief).post(path, json=body, version=self.shown()["version"])

    def answering(self) -> tuple[str, str]:
        """Who watches the placard, and who answers for its clock."""
        return self.shown()["supervisor_id"], self.clock()["responsible_id"]


@pytest.fixture
def watched(world: World) -> Watched:
    return Watched(world)


def test_the_clock_of_a_placard_is_not_handed_over_without_it(watched: Watched) -> None:
    before, clock = watched.answering(), watched.clock()
    body = {"responsible_id": str(watched.other.user_id), "reason": "调离"}
    path = f"/api/v1/clocks/{clock['id']}/hand-over"
    answer = watched.chief.post(path, json=body, version=clock["version"])
    assert refused(answer) == (422, "clock_of_supervisor")
    assert answer.json()["placard_id"] == watched.placard["id"]
    assert f"/placards/{watched.placard['id']}/supervisor" in answer.json()["title"]
    assert watched.answering() == before
    assert watched.clock()["version"] == clock["version"]


def test_who_is_named_watches_the_placard_and_answers_for_its_clock_from_now_on(watched: Watched) -> None:
    first, other, due = (
        str(watched.officer.user_id),
        str(watched.other.user_id),
        watched.placard["due_on"],
    )
    assert watched.answering() == (first, first)
    answer = watched.name()
    assert answer.status_code == 200, answer.text
    assert (answer.json()["supervisor_id"], answer.json()["due_on"]) == (other, due)
    assert answer.headers["etag"] == f'"{watched.placard["version"] + 1}"'
    assert watched.answering() == (other, other)
    *_, decided, named = watched.shown()["steps"]
    assert (decided["action"], decided["supervisor_id"]) == ("decide", first)
    assert (named["action"], named["supervisor_id"], named["user_id"], named["note"]) == (
        "name_supervisor", other, str(watched.chief.user_id), "原督办人员调离",
    )  # fmt: skip
    row = watched.clock()["ledger"][-1]
    assert (row["action"], row["responsible_id"], row["due_after"]) == ("hand_over", other, due)

    async def logged(session: AsyncSession) -> AuditEntry:
        wanted = select(AuditEntry).where(AuditEntry.object_id == UUID(watched.placard["id"]))
        return (await session.scalars(wanted.order_by(AuditEntry.id.desc()).limit(1))).one()

    entry = watched.world.in_database(logged)
    assert entry.action == "hazards:name_supervisor_placard"
    assert entry.detail is not None
    assert (entry.detail["watched_by"], entry.detail["supervisor_id"]) == (first, other)


def test_every_role_at_the_door(watched: Watched) -> None:
    for role in Role:
        answer = watched.name(watched.world.person(role, region=watched.world.district))
        assert answer.status_code == (200 if role in PERMISSIONS["hazards:govern"] else 403), role


def test_only_whoever_decides_about_the_placard_names_who_watches_it(watched: Watched) -> None:
    below = watched.world.person("approver", region=watched.world.town)
    assert refused(watched.name(below)) == (403, "placard_decider")
    abroad = watched.world.person("approver", region=watched.world.other_district)
    body = {"supervisor_id": str(watched.other.user_id), "reason": "调离"}
    path = f"{PLACARDS}/{watched.placard['id']}/supervisor"
    assert abroad.post(path, json=body, version=watched.placard["version"]).status_code == 404


def test_only_the_version_that_was_read_gets_another_supervisor(watched: Watched) -> None:
    body = {"supervisor_id": str(watched.other.user_id), "reason": "调离"}
    path = f"{PLACARDS}/{watched.placard['id']}/supervisor"
    assert watched.chief.post(path, json=body).status_code == 428
    assert watched.chief.post(path, json=body, version=watched.placard["version"] - 1).status_code == 412
    assert watched.name(reason=" ").status_code == 422
    assert watched.answering() == (str(watched.officer.user_id),) * 2


def test_what_is_not_up_gets_no_other_supervisor(world: World) -> None:
    scene = Scene(world)
    proposed = scene.propose().json()
    withdrawn = scene.step(scene.chief, scene.decided(kind="supervised_listing"), "withdraw").json()
    for placard in (proposed, withdrawn):
        body = {"supervisor_id": str(scene.officer.user_id), "reason": "调离"}
        answer = scene.chief.post(
            f"{PLACARDS}/{placard['id']}/supervisor", json=body, version=placard["version"]
        )
        assert refused(answer) == (409, "placard_state")


def test_who_watches_has_an_open_account_and_is_not_named_to_the_public(watched: Watched) -> None:
    assert refused(watched.name(supervisor_id=str(new_id()))) == (422, "placard_persons")

    def become(**values: Any) -> None:
        mine = update(User).where(User.id == watched.other.user_id).values(values)
        watched.world.in_database(lambda session: session.execute(mine))

    become(is_active=False)
    assert refused(watched.name()) == (422, "placard_persons")
    become(is_active=True, name="重大事故")  # as the text says
    assert refused(watched.name()) == (422, "placard_text")
    assert watched.answering() == (str(watched.officer.user_id),) * 2


def test_who_watches_is_of_the_authority_in_whose_name_the_placard_stands(world: World) -> None:
    tiers = Tiers(world)
    proposed = tiers.propose(supervisor_id=str(tiers.watcher.user_id), **LISTING).json()
    placard = tiers.decide(tiers.chief, proposed).json()
    path = f"{PLACARDS}/{placard['id']}/supervisor"

    def name(who: UUID) -> Any:
        body = {"supervisor_id": str(who), "reason": "调离"}
        return tiers.chief.post(path, json=body, version=placard["version"])

    assert refused(name(tiers.head.user_id)) == (422, "placard_persons")
    assert name(tiers.chief.user_id).status_code == 200
