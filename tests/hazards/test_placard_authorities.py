"""In whose name a placard stands: of the authority that decided are name, number and who watches, whoever registered the hazard."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.models.hazards import Hazard
from app.models.identity import User
from tests.factories.world import LONG_AGO, Person, World
from tests.hazards.test_placard_page import read, token_of
from tests.hazards.test_placards import PLACARDS, Scene
from tests.organizations.test_jurisdiction import entrusted, office, over

LISTING = {"kind": "supervised_listing"}


class Tiers(Scene):
    """A hazard that the town's own authority has registered; above it a district's authority, and the city's bureau."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        district = {"region_id": world.district, "name": "东区应急管理局", "document_word": "东区应急"}
        self.town, self.district = (
            office(world, over(world.town)),
            office(world, over(world.district), **district),
        )
        self.officer = world.person("inspector", region=world.town, authority=self.town)
        self.head = world.person("approver", region=world.town, authority=self.town)
        self.chief = world.person("approver", region=world.district, authority=self.district)
        self.watcher = world.person("inspector", region=world.district, authority=self.district)

        async def register(session: AsyncSession) -> None:
            ours = update(Hazard).where(Hazard.id == self.hazard)
            await session.execute(ours.values(authority_id=self.town))

        world.in_database(register)

    def decide(self, who: Person, placard: dict[str, Any], **said: Any) -> Any:
        path, body = f"{PLACARDS}/{placard['id']}/decision", {"reason": "情况属实"}
        named = {name: str(value) for name, value in said.items()}
        return who.post(path, json=body | named, version=placard["version"])


@pytest.fixture
def tiers(world: World) -> Tiers:
    return Tiers(world)


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_listing_decided_by_the_district_is_the_district_s_though_the_town_registered_the_hazard(
    tiers: Tiers,
) -> None:
    proposed = tiers.propose(supervisor_id=str(tiers.watcher.user_id), **LISTING).json()
    assert proposed["authority_id"] == str(tiers.town)
    decided = tiers.decide(tiers.chief, proposed).json()
    assert (decided["status"], decided["authority_id"]) == ("in_force", str(tiers.district))
    assert decided["number"] == f"东区应急督办〔{shanghai_today().year}〕1号"
    assert decided["supervisor_id"] == str(tiers.watcher.user_id)
    page = read(tiers, token_of(tiers, decided)).text
    assert "东区应急管理局" in page
    assert decided["number"] in page
    assert "东镇人民政府" not in page
    params = {"subject_id": decided["id"], "code": "placard"}
    (clock,) = tiers.chief.get("/api/v1/clocks", params=params).json()["items"]
    assert clock["authority_id"] == str(tiers.district)


def test_each_authority_numbers_its_own_placards(tiers: Tiers) -> None:
    year = shanghai_today().year
    by_town = tiers.decide(tiers.head, tiers.propose().json()).json()
    listing = tiers.propose(supervisor_id=str(tiers.watcher.user_id), **LISTING).json()
    by_district = tiers.decide(tiers.chief, listing).json()
    assert [one["number"] for one in (by_town, by_district)] == [
        f"东镇警示〔{year}〕1号",
        f"东区应急督办〔{year}〕1号",
    ]
    assert by_town["authority_id"] == str(tiers.town)


def test_who_watches_is_of_the_authority_that_decides_and_named_by_it_where_the_proposal_named_another(
    tiers: Tiers,
) -> None:
    proposed = tiers.propose(**LISTING).json()
    for stranger in ({}, {"supervisor_id": tiers.head.user_id}):
        assert refused(tiers.decide(tiers.chief, proposed, **stranger)) == (422, "placard_persons")
    decided = tiers.decide(tiers.chief, proposed, supervisor_id=tiers.watcher.user_id)
    assert decided.json()["supervisor_id"] == str(tiers.watcher.user_id)


def test_the_text_for_the_public_names_nobody_whom_the_decision_names(tiers: Tiers) -> None:
    async def rename(session: AsyncSession) -> None:
        mine = update(User).where(User.id == tiers.watcher.user_id)
        await session.execute(mine.values(name="李督办"))

    tiers.world.in_database(rename)
    proposed = tiers.propose(text_zh="整改情况由李督办跟踪。", **LISTING).json()
    answer = tiers.decide(tiers.chief, proposed, supervisor_id=tiers.watcher.user_id)
    assert refused(answer) == (422, "placard_text")


def test_whoever_watches_has_an_account_that_is_open(tiers: Tiers) -> None:
    """On the day of the proposal, and on that of the decision."""

    def keep(open: bool) -> None:
        mine = update(User).where(User.id == tiers.watcher.user_id).values(is_active=open)
        tiers.world.in_database(lambda session: session.execute(mine))

    watching = {"supervisor_id": str(tiers.watcher.user_id)}
    keep(open=False)
    assert refused(tiers.propose(**watching, **LISTING)) == (422, "placard_persons")
    keep(open=True)
    proposed, other = tiers.propose(**watching, **LISTING).json(), tiers.propose().json()
    keep(open=False)
    assert refused(tiers.decide(tiers.chief, proposed)) == (422, "placard_persons")
    assert refused(tiers.decide(tiers.chief, other, **watching)) == (422, "placard_persons")
    keep(open=True)
    assert tiers.decide(tiers.chief, proposed).status_code == 200


def test_whoever_watches_is_of_an_authority_of_the_place(tiers: Tiers) -> None:
    world = tiers.world
    western = office(world, over(world.other_district), region_id=world.other_district, document_word="西区")
    stranger = world.person("inspector", region=world.other_district, authority=western)
    assert refused(tiers.propose(supervisor_id=str(stranger.user_id))) == (422, "placard_persons")


@pytest.mark.parametrize("own", ["none", "entrusted", "ended"])
def test_a_town_s_people_list_in_the_district_s_name_only_while_it_has_entrusted_their_authority(
    world: World, own: str
) -> None:
    """A grant over the district makes no district's authority of a town's."""
    tiers = Tiers(world)
    last = LONG_AGO if own == "ended" else None
    rows = [] if own == "none" else [entrusted(tiers.district, LONG_AGO, last)]
    authority = office(world, over(world.town), *rows, document_word="北镇")
    decider = world.person("approver", region=world.district, authority=authority)
    watching = {"supervisor_id": tiers.watcher.user_id}
    proposed = tiers.propose(**LISTING).json()
    assert refused(tiers.decide(decider, proposed, **watching)) == (422, "placard_authority")
    answer = tiers.decide(decider, proposed, authority_id=tiers.district, **watching)
    if own == "entrusted":
        assert answer.json()["authority_id"] == str(tiers.district)
        assert answer.json()["number"].startswith("东区应急督办")
    else:
        assert refused(answer) == (422, "placard_authority")


def test_an_entrusted_town_puts_up_a_warning_in_the_name_of_whom_it_acts_for_and_never_in_its_own(
    tiers: Tiers,
) -> None:
    """Though a town decides warnings, and covers the place."""
    world = tiers.world
    town = office(world, over(world.town), entrusted(tiers.district, LONG_AGO, None), document_word="北镇")
    head = world.person("approver", region=world.town, authority=town)
    watching = {"supervisor_id": head.user_id}
    proposed = tiers.propose().json()
    for named in ({}, {"authority_id": town}):
        assert refused(tiers.decide(head, proposed, **watching, **named)) == (422, "placard_authority")
    answer = tiers.decide(head, proposed, authority_id=tiers.district, supervisor_id=tiers.watcher.user_id)
    assert answer.json()["authority_id"] == str(tiers.district)
    assert answer.json()["number"] == f"东区应急警示〔{shanghai_today().year}〕1号"
    assert tiers.step(head, answer.json(), "withdraw").status_code == 200


def test_nobody_decides_in_the_name_of_an_authority_without_jurisdiction_there(tiers: Tiers) -> None:
    world = tiers.world
    western = office(world, over(world.other_district), region_id=world.other_district, document_word="西区")
    decider = world.person("approver", region=world.district, authority=western)
    proposed = tiers.propose().json()
    assert refused(tiers.decide(decider, proposed)) == (422, "placard_authority")
    assert refused(tiers.decide(tiers.chief, proposed, authority_id=western)) == (422, "placard_authority")
    assert tiers.chief.get(f"{PLACARDS}/{proposed['id']}").json()["status"] == "proposed"


@pytest.mark.parametrize("action", ["remove", "withdraw"])
def test_what_the_district_put_up_is_taken_down_by_it_or_above_it_and_not_by_the_town(
    world: World, action: str
) -> None:
    """Of a warning a town may decide as well: its own."""
    for may, who in ((False, "head"), (True, "chief"), (True, "city")):
        tiers = Tiers(World(world.client, world.runtime, world.in_database))
        people = {"head": tiers.head, "chief": tiers.chief, "city": tiers.world.person("approver")}
        watching = {"supervisor_id": tiers.watcher.user_id}
        decided = tiers.decide(tiers.chief, tiers.propose().json(), **watching).json()
        tiers.put_hazard(status="reinspected")
        answer = tiers.step(people[who], decided, action)
        assert answer.status_code == (200 if may else 403), (who, answer.text)
        if not may:
            assert answer.json()["code"] == "placard_decider"
            assert read(tiers, token_of(tiers, decided)).status_code == 200


@pytest.mark.parametrize(("beside", "status"), [("district", 403), ("city", 200)])
def test_an_authority_seated_in_the_same_region_is_beside_it_and_not_above(
    tiers: Tiers, beside: str, status: int
) -> None:
    world = tiers.world
    seat = getattr(world, beside)
    other = office(world, over(world.district), region_id=seat, name="消防救援", document_word="消防")
    peer = world.person("approver", region=world.district, authority=other)
    proposed = tiers.propose(supervisor_id=str(tiers.watcher.user_id), **LISTING).json()
    decided = tiers.decide(tiers.chief, proposed).json()
    answer = tiers.step(peer, decided, "withdraw")
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json()["code"] == "placard_decider"


def test_what_the_town_put_up_is_withdrawn_by_the_town_and_by_the_district(world: World) -> None:
    for who in ("head", "chief"):
        tiers = Tiers(World(world.client, world.runtime, world.in_database))
        decided = tiers.decide(tiers.head, tiers.propose().json()).json()
        assert tiers.step(getattr(tiers, who), decided, "withdraw").status_code == 200


def test_the_decision_is_audited_with_its_authority(tiers: Tiers) -> None:
    watching = {"supervisor_id": tiers.watcher.user_id}
    decided = tiers.decide(tiers.chief, tiers.propose(**LISTING).json(), **watching).json()
    auditor = tiers.world.person("auditor")
    listed = auditor.get("/api/v1/audit/entries", params={"object_id": decided["id"]}).json()["items"]
    named = {row["action"]: row["detail"]["authority_id"] for row in listed}
    assert named == {
        "hazards:propose_placard": str(tiers.town),
        "hazards:decide_placard": str(tiers.district),
    }
