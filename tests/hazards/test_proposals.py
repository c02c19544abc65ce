"""What is overdue is proposed, never done: one row for each hazard, kind and deadline, taken up by the acts themselves."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.enums.hazards import ProposalEnd, ProposalStatus
from app.enums.identity import Role
from app.models.hazards import Hazard, HazardDuplicate, HazardProposal
from app.models.history import AuditEntry
from app.services.clocks.service import end_clocks
from app.services.hazards.content import proposal_kinds
from app.services.hazards.proposal_workflow import STATES, TRANSITIONS
from app.services.hazards.proposing import propose_for_overdue, start_rechecks
from app.services.identity.policy import PERMISSIONS
from app.services.runtime import Runtime
from tests.factories.cases import Docket, step
from tests.factories.orders import order
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

HAZARDS, PROPOSALS = "/api/v1/hazards", "/api/v1/hazard-proposals"


class Scene:
    """A hazard ordered fifteen days ago and more, as seen on the day after its deadline."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.docket = Docket(world)
        self.officers = [
            world.person("inspector", "case_officer", region=world.town, certificate=True) for _ in range(2)
        ]
        self.chief = self.docket.chief
        self.due = shanghai_today() + timedelta(days=15)
        self.hazard = self.ordered()

    def ordered(self, **values: Any) -> UUID:
        hazard = self.docket.hazard()
        self.put(hazard, **values)
        answer = order(self.officers, hazard)
        assert answer.status_code == 201, answer.text
        return hazard

    def put(self, hazard: UUID, **values: Any) -> None:
        async def change(session: AsyncSession) -> None:
            await session.execute(update(Hazard).where(Hazard.id == hazard).values(version=1, **values))

        self.world.in_database(change)

    def major(self, hazard: UUID | None = None) -> None:
        since = {"clause": "MEM10-7-5", "major_since": shanghai_today()}
        self.put(hazard or self.hazard, level="major", **since)

    def passes(self) -> Any:
        """The day after the deadline; everybody logs in again."""
        return standing_at(datetime(*self.due.timetuple()[:3], 12, tzinfo=SHANGHAI) + timedelta(days=1))

    def log_in(self) -> None:
        self.officers = [self.world.logged_in(one.user_id) for one in self.officers]
        self.chief = self.world.logged_in(self.chief.user_id)

    def propose(self) -> int:
        """As the job does; how many are new of this hazard (other tests leave hazards behind)."""
        before = len(self.listed())
        while self.world.in_database(propose_for_overdue):
            pass
        return len(self.listed()) - before

    def start_rechecks(self) -> None:
        while self.world.in_database(start_rechecks):
            pass

    def shown(self, hazard: UUID | None = None, who: Person | None = None) -> dict[str, Any]:
        return dict((who or self.chief).get(f"{HAZARDS}/{hazard or self.hazard}").json())

    def listed(self, who: Person | None = None, **params: Any) -> list[dict[str, Any]]:
        answer = (who or self.chief).get(PROPOSALS, params={"hazard_id": str(self.hazard), **params})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def dismiss(self, proposal: dict[str, Any], who: Person | None = None, reason: str = "已另案处理") -> Any:
        path = f"{PROPOSALS}/{proposal['id']}/dismissal"
        return (who or self.chief).post(path, json={"reason": reason}, version=proposal["version"])

    def rechecks(self) -> list[dict[str, Any]]:
        params = {"subject_id": str(self.hazard), "code": "recheck"}
        return list(self.chief.get("/api/v1/clocks", params=params).json()["items"])


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


@pytest.fixture
def overdue(scene: Scene) -> Any:
    """The same on the day after the deadline, everything proposed."""
    with scene.passes():
        scene.log_in()
        scene.propose()
        yield scene


def test_nothing_is_proposed_before_the_deadline_has_passed(scene: Scene) -> None:
    assert scene.propose() == 0
    with standing_at(datetime(*scene.due.timetuple()[:3], 23, 59, tzinfo=SHANGHAI)):
        scene.log_in()
        assert scene.propose() == 0


def test_an_overdue_hazard_is_proposed_once_with_its_ground_and_stays_as_it_is(scene: Scene) -> None:
    before = scene.shown()
    with scene.passes():
        scene.log_in()
        assert (scene.propose(), scene.propose()) == (1, 0)
        (proposal,) = scene.listed(status="open")
        after = scene.shown()
    assert (proposal["kind"], proposal["due_on"], proposal["object_id"]) == (
        "open_case",
        str(scene.due),
        None,
    )
    assert proposal["clock_title"] == "责令限期整改"
    assert proposal["basis_zh"].startswith("安全生产法第一百零二条")
    assert proposal["hazard_number"] == before["number"]
    assert {**before, "is_overdue": True} == after


def test_a_measure_is_proposed_for_a_major_hazard_that_none_covers(scene: Scene) -> None:
    scene.major()
    with scene.passes():
        scene.log_in()
        scene.propose()
        assert {one["kind"] for one in scene.listed()} == {"open_case", "onsite_measure", "placard_warning"}


def test_no_measure_is_proposed_where_one_is_in_force(scene: Scene) -> None:
    scene.major()
    assert _measure(scene).status_code == 201
    with scene.passes():
        scene.log_in()
        scene.propose()
        assert {one["kind"] for one in scene.listed()} == {"open_case", "placard_warning"}


def test_what_becomes_major_later_is_proposed_then(overdue: Scene) -> None:
    overdue.major()
    assert (overdue.propose(), overdue.propose()) == (2, 0)


def test_opening_a_case_takes_the_proposal_up(overdue: Scene) -> None:
    request = overdue.docket.request(
        overdue.hazard, officer_ids=[str(one.user_id) for one in overdue.officers]
    )
    opened = overdue.officers[0].post("/api/v1/cases", json=request)
    assert opened.status_code == 201, opened.text
    (proposal,) = overdue.listed()
    assert (proposal["status"], proposal["object_kind"], proposal["object_id"]) == (
        "taken_up",
        "case",
        opened.json()["id"],
    )
    assert proposal["settled_by"] == str(overdue.officers[0].user_id)
    assert overdue.dismiss(proposal).status_code == 409
    assert overdue.propose() == 0


def test_no_case_is_proposed_where_one_is_open_and_it_is_once_that_has_let_go(scene: Scene) -> None:
    case = scene.docket.open(scene.hazard)
    with scene.passes():
        scene.log_in()
        assert scene.propose() == 0
        handler = scene.world.logged_in(scene.docket.officers[0].user_id)
        withdrawn = step(handler, case, "withdraw", note="材料不全，另行立案")
        assert withdrawn.status_code == 200, withdrawn.text
        assert scene.propose() == 1
        assert [one["kind"] for one in scene.listed(status="open")] == ["open_case"]


def test_no_case_is_proposed_where_one_is_open_for_a_hazard_merged_into_it(scene: Scene) -> None:
    middle, last = scene.docket.hazard(), scene.docket.hazard()
    scene.docket.open(last)
    scene.put(middle, merged_into_id=scene.hazard)
    scene.put(last, merged_into_id=middle)
    with scene.passes():
        scene.log_in()
        assert scene.propose() == 0
        scene.put(last, merged_into_id=None)
        assert scene.propose() == 1


def test_another_hazard_s_case_hinders_no_proposal(scene: Scene) -> None:
    scene.docket.open(scene.docket.hazard())
    with scene.passes():
        scene.log_in()
        assert scene.propose() == 1


def test_a_measure_takes_up_its_own_proposal_and_no_other(overdue: Scene) -> None:
    overdue.major()
    overdue.propose()
    decided = _measure(overdue)
    assert decided.status_code == 201, decided.text
    became = {one["kind"]: (one["status"], one["object_id"]) for one in overdue.listed()}
    assert became.pop("onsite_measure") == ("taken_up", decided.json()["id"])
    assert became == {"open_case": ("open", None), "placard_warning": ("open", None)}


def test_a_dismissed_proposal_keeps_the_reason_and_does_not_come_back(overdue: Scene) -> None:
    (proposal,) = overdue.listed()
    assert overdue.dismiss(proposal, reason=" ").status_code == 422
    dismissed = overdue.dismiss(proposal).json()
    assert (dismissed["status"], dismissed["settled_reason"], dismissed["settled_by"]) == (
        "dismissed",
        "已另案处理",
        str(overdue.chief.user_id),
    )
    assert overdue.propose() == 0
    assert overdue.listed(status="open") == []


def test_a_closed_hazard_s_proposal_is_gone_by_itself(overdue: Scene) -> None:
    overdue.put(overdue.hazard, status="reinspected")
    path = f"{HAZARDS}/{overdue.hazard}/closure"
    closed = overdue.chief.post(path, json={"note": "已整改"}, version=1)
    assert closed.status_code in (200, 201), closed.text
    (proposal,) = overdue.listed()
    assert (proposal["status"], proposal["withdrawn_because"], proposal["settled_by"]) == (
        "withdrawn",
        "hazard_closed",
        None,
    )


def test_a_merged_hazard_s_proposal_is_gone_by_itself(overdue: Scene) -> None:
    other = overdue.docket.hazard()
    overdue.put(overdue.hazard, status="reinspected")

    async def pair(session: AsyncSession) -> Any:
        row = HazardDuplicate(
            hazard_id=other, other_id=overdue.hazard, region_id=overdue.world.town, reasons=[]
        )
        session.add(row)
        await end_all(session, overdue.hazard)
        await session.flush()
        return row.id

    duplicate = overdue.world.in_database(pair)
    merging = {"kept_id": str(other), "reason": "同一隐患"}
    merged = overdue.chief.post(f"/api/v1/hazard-duplicates/{duplicate}/merging", json=merging, version=1)
    assert merged.status_code == 200, merged.text
    assert [one["withdrawn_because"] for one in overdue.listed()] == ["hazard_merged"]


def test_a_moved_deadline_takes_the_old_one_s_proposal_back(scene: Scene) -> None:
    path = f"{HAZARDS}/{scene.hazard}/extensions"
    version = scene.shown()["version"]
    proposed = scene.officers[0].post(path, json={"amount": 10, "reason": "设备到货延迟"}, version=version)
    with scene.passes():
        scene.log_in()
        scene.start_rechecks()
        scene.propose()
        assert len(scene.rechecks()) == 1
        grant = f"/api/v1/extensions/{proposed.json()['id']}/grant"
        assert scene.chief.post(grant, json={"reason": "情况属实"}, version=1).status_code == 200
        assert [one["withdrawn_because"] for one in scene.listed()] == ["deadline_moved"]
        assert scene.rechecks() == []
        assert scene.propose() == 0
    scene.due += timedelta(days=10)
    with scene.passes():
        scene.log_in()
        assert scene.propose() == 1
        assert [one["due_on"] for one in scene.listed(status="open")] == [str(scene.due)]


def _let_stand_still(scene: Scene) -> None:
    """The deadline is gone, and it is back on the same day: a suspension that was entered by mistake."""
    params = {"subject_id": str(scene.hazard), "code": "rectification"}
    (clock,) = scene.chief.get("/api/v1/clocks", params=params).json()["items"]
    path, day = f"/api/v1/clocks/{clock['id']}", str(scene.due)
    body = {"on_date": day, "ground": "review", "reason": "复议机关决定停止执行"}
    stopped = scene.officers[0].post(f"{path}/suspension", json=body, version=clock["version"])
    assert (stopped.status_code, stopped.json()["due_on"]) == (200, None), stopped.text
    assert scene.propose() == 0
    body = {"on_date": day, "reason": "录入有误"}
    resumed = scene.officers[0].post(f"{path}/resumption", json=body, version=stopped.json()["version"])
    assert (resumed.status_code, resumed.json()["due_on"]) == (200, str(scene.due)), resumed.text


def test_what_a_deadline_took_with_it_is_proposed_again_when_it_is_back(overdue: Scene) -> None:
    overdue.major()
    overdue.propose()
    before = {one["kind"]: one for one in overdue.listed(status="open")}
    assert set(before) == {"open_case", "onsite_measure", "placard_warning"}
    _let_stand_still(overdue)
    assert {one["withdrawn_because"] for one in overdue.listed()} == {"deadline_moved"}
    overdue.propose()
    after = {one["kind"]: one for one in overdue.listed()}
    assert after == {kind: {**one, "version": 3} for kind, one in before.items()}

    async def history(session: AsyncSession) -> list[str]:
        of_it = AuditEntry.object_id == UUID(before["open_case"]["id"])
        return list(
            (await session.execute(select(AuditEntry.action).where(of_it).order_by(AuditEntry.id))).scalars()
        )

    assert overdue.world.in_database(history) == [
        "hazards:propose_proposal",
        "hazards:withdraw_proposal",
        "hazards:propose_again_proposal",
    ]
    assert overdue.dismiss(after["open_case"]).json()["status"] == "dismissed"


def test_what_was_dismissed_or_taken_up_does_not_come_back_with_the_deadline(overdue: Scene) -> None:
    overdue.major()
    overdue.propose()
    kinds = {one["kind"]: one for one in overdue.listed()}
    assert overdue.dismiss(kinds["placard_warning"]).status_code == 200
    overdue.world.in_database(_settled(kinds["onsite_measure"]["id"], "taken_up"))
    _let_stand_still(overdue)
    overdue.propose()
    assert {one["kind"]: one["status"] for one in overdue.listed()} == {
        "open_case": "open",
        "onsite_measure": "taken_up",
        "placard_warning": "dismissed",
    }


@pytest.mark.parametrize("because", sorted({*ProposalEnd} - {ProposalEnd.DEADLINE_MOVED}))
def test_what_was_taken_back_for_another_reason_stays_so(overdue: Scene, because: ProposalEnd) -> None:
    (proposal,) = overdue.listed()
    overdue.world.in_database(_settled(proposal["id"], "withdrawn", because))
    overdue.propose()
    assert [one["withdrawn_because"] for one in overdue.listed()] == [because.value]


def test_the_time_for_re_inspecting_runs_from_the_deadline_s_end_without_being_asked_for(
    scene: Scene,
) -> None:
    scene.start_rechecks()
    assert scene.rechecks() == []
    with scene.passes():
        scene.log_in()
        scene.start_rechecks()
        scene.start_rechecks()
        (clock,) = scene.rechecks()
        assert clock["due_on"] == str(scene.due + timedelta(days=10))
        path = f"{HAZARDS}/{scene.hazard}"
        said = {"note": "已整改", "evidence_ids": []}
        version = scene.shown()["version"]
        told = scene.officers[0].post(f"{path}/rectification", json=said, version=version)
        assert told.status_code in (200, 201), told.text
        assert [one["id"] for one in scene.rechecks()] == [clock["id"]]


def test_a_re_inspection_that_was_asked_for_keeps_its_own_time(scene: Scene) -> None:
    path = f"{HAZARDS}/{scene.hazard}/rectification"
    said = {"note": "已整改", "evidence_ids": []}
    assert scene.officers[0].post(path, json=said, version=scene.shown()["version"]).status_code in (200, 201)
    (clock,) = scene.rechecks()
    with scene.passes():
        scene.log_in()
        scene.start_rechecks()
        assert [one["id"] for one in scene.rechecks()] == [clock["id"]]


def test_every_state_and_role_at_the_door(overdue: Scene) -> None:
    assert {one.value for one in ProposalStatus} == STATES
    (proposal,) = overdue.listed()
    people = {role: overdue.world.person(role, region=overdue.world.town) for role in Role}
    for status in sorted(STATES):
        for role, person in people.items():
            overdue.world.in_database(_settled(proposal["id"], status))
            answer = overdue.dismiss({**proposal, "version": 1}, person)
            allowed = role in PERMISSIONS["hazards:govern"]
            wanted = 403 if not allowed else 200 if status in TRANSITIONS["dismiss"].sources else 409
            assert answer.status_code == wanted, (status, role, answer.text)


def test_only_the_version_that_was_read_is_dismissed(overdue: Scene) -> None:
    (proposal,) = overdue.listed()
    assert overdue.dismiss({**proposal, "version": 7}).status_code == 412


@pytest.mark.parametrize("role", sorted(PERMISSIONS["hazards:read"]))
def test_another_town_s_proposal_is_not_found(overdue: Scene, role: str) -> None:
    (proposal,) = overdue.listed()
    abroad = overdue.world.person(role, region=overdue.world.other_town)
    assert overdue.listed(abroad) == []
    assert abroad.get(f"{PROPOSALS}/{proposal['id']}").status_code == 404
    wanted = 404 if role in PERMISSIONS["hazards:govern"] else 403
    assert overdue.dismiss(proposal, abroad).status_code == wanted


def test_proposals_are_listed_by_region_kind_and_state_in_few_statements(
    overdue: Scene, runtime: Runtime
) -> None:
    overdue.major()
    overdue.propose()
    assert len(overdue.listed()) == 3
    assert [one["kind"] for one in overdue.listed(kind="onsite_measure")] == ["onsite_measure"]
    assert overdue.listed(region_id=str(overdue.world.other_town)) == []
    assert len(overdue.listed(region_id=str(overdue.world.district))) == 3
    with recorded_queries(runtime.database) as few:
        overdue.listed(limit=1)
    with recorded_queries(runtime.database) as many:
        overdue.listed()
    assert len(few) == len(many)


def test_every_kind_names_its_article_and_what_takes_it_up(scene: Scene) -> None:
    shown = scene.chief.get(f"{PROPOSALS}/kinds").json()
    assert [one["code"] for one in shown] == [one.code for one in proposal_kinds()]
    assert all(one["basis_zh"] and one["taken_up_by"] for one in shown)


def _measure(scene: Scene) -> Any:
    body = {
        "site_id": str(scene.docket.field.site_id),
        "authority_id": str(scene.world.authority),
        "officer_ids": [str(one.user_id) for one in scene.officers],
        "kinds": ["eliminate_now"],
        "place": "喷涂车间",
        "ground": "排除前无法保证安全",
        "hazard_ids": [str(scene.hazard)],
    }
    return scene.officers[0].post("/api/v1/onsite-measures", json=body)


async def end_all(session: AsyncSession, hazard_id: UUID) -> None:
    """As a passed re-inspection leaves the clocks."""
    await end_clocks(session, SYSTEM, hazard_id, ("rectification", "recheck"), shanghai_today())


def _settled(proposal_id: str, status: str, because: ProposalEnd = ProposalEnd.HAZARD_CLOSED) -> Any:
    """The proposal in a state, with what the table's checks want beside it."""
    values: dict[str, Any] = {
        "status": status,
        "version": 1,
        "settled_at": None if status == "open" else datetime.now(SHANGHAI),
        "object_kind": "case" if status == "taken_up" else None,
        "object_id": UUID(int=1) if status == "taken_up" else None,
        "settled_reason": "无需办理" if status == "dismissed" else None,
        "withdrawn_because": because.value if status == "withdrawn" else None,
    }

    async def change(session: AsyncSession) -> None:
        await session.execute(
            update(HazardProposal).where(HazardProposal.id == UUID(proposal_id)).values(values)
        )

    return change
