"""A closed hazard's placard waits on a list for its removal; a merged one's follows the hazard that stays, and comes back."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.models.hazards import HazardDuplicate
from app.services.runtime import Runtime
from tests.factories.world import World
from tests.hazards.test_placard_page import read, token_of
from tests.hazards.test_placards import HAZARDS, PLACARDS, Scene
from tests.support.queries import recorded_queries


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def close(scene: Scene, hazard: UUID | None = None) -> None:
    scene.hazard = hazard or scene.hazard
    scene.put_hazard(status="reinspected")
    answer = scene.chief.post(f"{HAZARDS}/{scene.hazard}/closure", json={"note": "已整改"}, version=1)
    assert answer.status_code == 200, answer.text


def merged(scene: Scene, kept: UUID) -> dict[str, Any]:
    """The scene's hazard merged into another; the pair as answered."""

    async def pair(session: AsyncSession) -> UUID:
        row = HazardDuplicate(hazard_id=scene.hazard, other_id=kept, region_id=scene.world.town, reasons=[])
        session.add(row)
        await session.flush()
        return row.id

    duplicate = scene.world.in_database(pair)
    body = {"kept_id": str(kept), "reason": "同一隐患"}
    answer = scene.chief.post(f"/api/v1/hazard-duplicates/{duplicate}/merging", json=body, version=1)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def parted(scene: Scene, pair: dict[str, Any]) -> None:
    path = f"/api/v1/hazard-duplicates/{pair['id']}/undoing"
    assert scene.chief.post(path, json={"reason": "并非同一隐患"}, version=pair["version"]).status_code == 200


def another(scene: Scene) -> UUID:
    """Another major hazard of the site, overdue as the scene's."""
    first, scene.hazard = scene.hazard, scene.docket.hazard()
    scene.put_hazard()
    second, scene.hazard = scene.hazard, first
    return second


def steps(scene: Scene, placard: dict[str, Any]) -> list[tuple[str, str | None]]:
    shown = scene.chief.get(f"{PLACARDS}/{placard['id']}").json()
    return [(one["action"], one["note"]) for one in shown["steps"]]


def shown(scene: Scene, placard: dict[str, Any]) -> dict[str, Any]:
    return dict(scene.chief.get(f"{PLACARDS}/{placard['id']}").json())


def test_closing_a_hazard_proposes_its_placard_s_removal_and_takes_nothing_down(scene: Scene) -> None:
    placard = scene.decided()
    assert scene.listed(removal_due=True) == []
    close(scene)
    assert scene.listed(removal_due=True) == [placard["id"]]
    after = shown(scene, placard)
    assert (after["status"], after["removal_due"]) == ("in_force", True)
    action, note = steps(scene, placard)[-1]
    assert (action, "已销号" in str(note)) == ("propose_removal", True)
    assert scene.step(scene.chief, after, "remove").json()["status"] == "removed"
    assert scene.listed(removal_due=True) == []
    assert shown(scene, placard)["removal_due"] is False


def test_a_removal_read_before_the_closing_is_made_on_the_new_version(scene: Scene) -> None:
    placard = scene.decided()
    close(scene)
    assert scene.step(scene.chief, placard, "remove").status_code == 412


def test_a_placard_that_is_only_proposed_or_was_taken_down_is_not_proposed_for_removal(scene: Scene) -> None:
    proposed, withdrawn = scene.propose(kind="supervised_listing").json(), scene.decided()
    assert scene.step(scene.chief, withdrawn, "withdraw").status_code == 200
    close(scene)
    assert scene.listed(removal_due=True) == []
    assert "propose_removal" not in [
        action for one in (proposed, withdrawn) for action, _ in steps(scene, one)
    ]


def test_the_public_page_says_that_the_hazard_is_closed_while_the_placard_is_still_up(scene: Scene) -> None:
    token = token_of(scene, scene.decided())
    assert "销号" not in read(scene, token).text
    scene.put_hazard(status="reinspected")
    accepted = read(scene, token)
    assert "已经复查合格" in accepted.text
    assert "A re-inspection found the hazard removed" in accepted.text
    close(scene)
    closed = read(scene, token)
    assert closed.status_code == 200
    assert f"已整改并销号，尚待办理摘牌（{shanghai_today()}）" in closed.text
    assert f"still to be taken down ({shanghai_today()})" in closed.text
    assert closed.headers["etag"] != accepted.headers["etag"]


def test_a_merged_hazard_s_placard_follows_the_one_that_stays(scene: Scene) -> None:
    placard, kept, own = scene.decided(), another(scene), scene.hazard
    clause = read(scene, token_of(scene, placard)).text
    scene.put_hazard(status="reinspected")
    merged(scene, kept)
    now = shown(scene, placard)
    assert (now["status"], now["hazard_id"], now["standing_hazard_id"]) == ("in_force", str(own), str(kept))
    assert now["removal_due"] is False
    assert steps(scene, placard)[-1][0] == "follow"
    assert "MEM10-7-5" in clause
    assert "MEM10-7-5" in read(scene, token_of(scene, placard)).text
    early = scene.step(scene.chief, now, "remove")
    assert (early.status_code, early.json()["code"]) == (409, "placard_not_accepted")
    assert scene.listed(hazard_id=str(kept)) == [placard["id"]]
    scene.hazard = kept
    assert scene.propose().json()["code"] == "placard_stands"
    close(scene, kept)
    assert scene.listed(removal_due=True) == [placard["id"]]
    assert "已整改并销号" in read(scene, token_of(scene, placard)).text
    assert scene.step(scene.chief, shown(scene, placard), "remove").json()["status"] == "removed"


def test_over_two_mergings_the_last_hazard_decides(scene: Scene) -> None:
    placard, middle, last = scene.decided(), another(scene), another(scene)
    merged(scene, middle)
    scene.hazard = middle
    merged(scene, last)
    assert shown(scene, placard)["standing_hazard_id"] == str(last)
    assert [action for action, _ in steps(scene, placard)][-2:] == ["follow", "follow"]
    close(scene, last)
    assert scene.listed(removal_due=True) == [placard["id"]]


def test_parting_gives_the_placard_back_to_its_own_hazard(scene: Scene) -> None:
    placard, kept, own = scene.decided(), another(scene), scene.hazard
    pair = merged(scene, kept)
    parted(scene, pair)
    assert shown(scene, placard)["standing_hazard_id"] == str(own)
    assert [action for action, _ in steps(scene, placard)][-2:] == ["follow", "part"]
    assert scene.listed(hazard_id=str(kept)) == []
    scene.hazard = kept
    assert scene.propose().status_code == 201


def test_a_placard_of_a_merged_hazard_is_not_decided_any_more_but_refused(scene: Scene) -> None:
    proposed, kept = scene.propose().json(), another(scene)
    merged(scene, kept)
    now = shown(scene, proposed)
    assert scene.step(scene.chief, now, "decide").json()["code"] == "placard_conditions"
    assert scene.step(scene.chief, now, "refuse").status_code == 200
    scene.hazard = kept
    assert scene.propose().status_code == 201


def test_placards_are_listed_with_their_hazards_in_few_statements(scene: Scene, runtime: Runtime) -> None:
    scene.decided()
    merged(scene, another(scene))
    scene.hazard = another(scene)
    scene.decided(kind="supervised_listing")
    with recorded_queries(runtime.database) as few:
        scene.chief.get(PLACARDS, params={"limit": 1})
    with recorded_queries(runtime.database) as many:
        assert len(scene.listed()) == 2
    assert len(few) == len(many)


def test_nobody_elsewhere_is_shown_what_waits_for_removal(scene: Scene) -> None:
    scene.decided()
    close(scene)
    abroad = scene.world.person("approver", region=scene.world.other_district)
    assert scene.listed(abroad, removal_due=True) == []
