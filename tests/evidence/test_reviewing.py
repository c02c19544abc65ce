"""Reviewers read reasons and give verdicts; duplicates are shown to whoever is entitled to both, and to nobody else in any way."""

from typing import Any
from uuid import UUID

import pytest

from app.core.ids import new_id
from app.enums.evidence import Outcome, ProvenanceCheck
from app.services.runtime import Runtime
from tests.evidence.conftest import Team
from tests.evidence.files import camera_jpeg
from tests.evidence.test_intake import row_of
from tests.evidence.test_judging import BEIJING, HERE, Shot, judge_all, rows, shot, take_in
from tests.evidence.test_reading import CONSOLE
from tests.factories.field import Field
from tests.factories.world import Person
from tests.support.queries import recorded_queries


def provenance(person: Person, evidence_id: UUID) -> Any:
    return person.get(f"{CONSOLE}/{evidence_id}/provenance")


def give(
    person: Person,
    evidence_id: UUID,
    version: int | None,
    verdict: str = "doubted",
    reason: str = "拍摄时间不符",
) -> Any:
    path = f"{CONSOLE}/{evidence_id}/provenance/verdicts"
    return person.post(path, json={"verdict": verdict, "reason": reason}, version=version)


@pytest.fixture
def odd(team: Team, runtime: Runtime) -> Shot:
    """A photograph from the gallery with a mock position."""
    one = shot(source="gallery", position={**HERE, "mock": True})
    take_in(team, runtime, one)
    judge_all(team.world, runtime)
    return one


@pytest.fixture
def reviewer(team: Team) -> Person:
    return team.world.person("supervisor", region=team.world.town)


def test_a_reviewer_reads_every_check_with_its_reason_in_both_languages(odd: Shot, reviewer: Person) -> None:
    answer = provenance(reviewer, odd.id)
    assert answer.status_code == 200, answer.text
    view = answer.json()
    assert {check["code"] for check in view["checks"]} == set(ProvenanceCheck) - {ProvenanceCheck.DUPLICATE}
    by_code = {check["code"]: check for check in view["checks"]}
    assert by_code["mock_position"]["outcome"] == Outcome.FLAGGED
    assert (by_code["mock_position"]["zh"], by_code["mock_position"]["title_zh"]) == (
        "手机报告该位置来自模拟定位", "模拟定位")  # fmt: skip
    assert by_code["speed"]["outcome"] == Outcome.UNKNOWN
    assert view["score"] == sum(check["weight"] for check in view["checks"]) >= 80
    assert (view["verdict"], view["reviews"], view["duplicates"]) == (None, [], [])
    assert answer.headers["etag"] == '"1"'


def test_a_verdict_needs_the_version_that_was_read_and_all_verdicts_stay(odd: Shot, reviewer: Person) -> None:
    assert give(reviewer, odd.id, None).status_code == 428
    assert give(reviewer, odd.id, 7).status_code == 412
    first = give(reviewer, odd.id, 1, "rejected", "模拟定位")
    assert first.status_code == 201, first.text
    assert (first.json()["verdict"], first.headers["etag"]) == ("rejected", '"2"')
    assert give(reviewer, odd.id, 1).status_code == 412
    second = give(reviewer, odd.id, 2, "accepted", "已核对原始记录").json()
    assert [(one["verdict"], one["reason"], one["on_version"]) for one in second["reviews"]] == [
        ("accepted", "已核对原始记录", 2), ("rejected", "模拟定位", 1),
    ]  # fmt: skip
    assert second["has_changed_since_verdict"] is False


def test_no_verdict_alters_or_refuses_the_file(team: Team, odd: Shot, reviewer: Person) -> None:
    before = row_of(team.world, odd.id)
    assert give(reviewer, odd.id, 1, "rejected").status_code == 201
    assert row_of(team.world, odd.id) == before
    shown = team.officers[0].get(f"{CONSOLE}/{odd.id}").json()
    assert shown["status"] == "verified"
    assert team.officers[0].get(f"{CONSOLE}/{odd.id}/original").content == odd.content
    assert before is not None
    assert team.phone.receipt(before["package_id"]) is not None


def test_a_verdict_is_written_into_the_audit_log(team: Team, odd: Shot, reviewer: Person) -> None:
    give(reviewer, odd.id, 1)
    found = rows(
        team.world, "SELECT user_id, region_id FROM audit_entries WHERE action = 'evidence:review' AND object_id = :id",
        id=odd.id,
    )  # fmt: skip
    assert found == [{"user_id": reviewer.user_id, "region_id": team.world.town}]


@pytest.mark.parametrize(
    "body",
    [{"verdict": "doubted", "reason": ""}, {"verdict": "doubted", "reason": "  "}, {"verdict": "doubted"},
     {"verdict": "deleted", "reason": "x"}, {"verdict": "doubted", "reason": "x\x00"}],
)  # fmt: skip
def test_a_verdict_without_a_reason_is_none(odd: Shot, reviewer: Person, body: dict[str, str]) -> None:
    path = f"{CONSOLE}/{odd.id}/provenance/verdicts"
    assert reviewer.post(path, json=body, version=1).status_code == 422


def test_a_verdict_stays_when_the_photograph_is_judged_again_and_the_change_shows(
    team: Team, runtime: Runtime, odd: Shot, reviewer: Person
) -> None:
    give(reviewer, odd.id, 1, "accepted", "属实")
    rows(
        team.world,
        "UPDATE evidence_provenance SET checks = '[]' WHERE evidence_id = :id RETURNING 1",
        id=odd.id,
    )
    rows(team.world, "UPDATE evidence_files SET judged_at = NULL WHERE id = :id RETURNING 1", id=odd.id)
    judge_all(team.world, runtime)
    view = provenance(reviewer, odd.id).json()
    assert (view["verdict"], view["has_changed_since_verdict"], view["version"]) == ("accepted", True, 3)


def test_who_may_read_and_who_may_judge(team: Team, odd: Shot) -> None:
    world = team.world
    read = {
        role: provenance(world.person(role, region=world.town), odd.id).status_code
        for role in ("supervisor", "case_officer", "legal_reviewer", "approver", "auditor", "inspector",
                     "safety_assistant", "administrator")
    }  # fmt: skip
    assert {role for role, status in read.items() if status == 200} == {
        "supervisor", "case_officer", "legal_reviewer", "approver", "auditor"}  # fmt: skip
    assert set(read.values()) == {200, 403}
    auditor = world.person("auditor", region=world.town)
    assert give(auditor, odd.id, 1).status_code == 403
    foreign = world.person("supervisor", region=world.other_town)
    assert provenance(foreign, odd.id).status_code == 404
    assert give(foreign, odd.id, 1).status_code == 404
    reads_here_reviews_elsewhere = world.person("auditor", region=world.town)
    assert give(reads_here_reviews_elsewhere, odd.id, 1).status_code == 403
    phone = team.phone.request("GET", f"/evidence/{odd.id}/provenance")
    assert phone.status_code == 404


def test_nobody_reviews_what_he_sent_himself(team: Team, runtime: Runtime) -> None:
    sender = team.world.person("inspector", "case_officer", region=team.world.town)
    own = Team(team.world, team.field, (sender, team.officers[1]), team.field.phone(sender.user_id))
    one = shot()
    take_in(own, runtime, one)
    judge_all(team.world, runtime)
    answer = give(sender, one.id, 1)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_evidence")


def test_no_officer_of_a_record_reviews_what_his_colleague_sent_for_it(team: Team, runtime: Runtime) -> None:
    colleague = team.world.person("inspector", "case_officer", region=team.world.town)
    pair = Team(team.world, team.field, (team.officers[0], colleague), team.phone)
    one, foreign = shot(), shot()
    take_in(pair, runtime, one)
    take_in(team, runtime, foreign)
    judge_all(team.world, runtime)
    answer = give(colleague, one.id, 1)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_evidence")
    assert give(colleague, foreign.id, 1).status_code == 201


def test_what_is_not_judged_yet_says_so_to_those_entitled(
    team: Team, runtime: Runtime, reviewer: Person
) -> None:
    one = shot()
    take_in(team, runtime, one)
    pending = provenance(reviewer, one.id)
    assert (pending.status_code, pending.json()["code"]) == (404, "provenance_pending")
    foreign = team.world.person("supervisor", region=team.world.other_town)
    assert provenance(foreign, one.id).json()["code"] == "not_found"
    assert provenance(reviewer, new_id()).json()["code"] == "not_found"


@pytest.fixture
def twice(team: Team, runtime: Runtime) -> tuple[Shot, Shot]:
    """The same bytes, first of the other district's town, then of this one; all else of them is fine."""
    world = team.world
    officer = world.person("inspector", region=world.other_town)
    field = Field(world, region=world.other_town)
    elsewhere = Team(
        world,
        field,
        (officer, world.person("inspector", region=world.other_town)),
        field.phone(officer.user_id),
    )
    content = camera_jpeg(size=(640, 480))
    first, again = shot(content), shot(content)
    take_in(elsewhere, runtime, first)
    take_in(team, runtime, again)
    judge_all(world, runtime)
    return first, again


def test_a_duplicate_is_shown_to_who_is_entitled_to_both(team: Team, twice: tuple[Shot, Shot]) -> None:
    first, again = twice
    city = team.world.person("supervisor")
    view = provenance(city, again.id).json()
    (found,) = view["duplicates"]
    assert (found["evidence_id"], found["is_exact"], found["weight"]) == (str(first.id), True, 60)
    assert found["zh"] == "与另一次的既往照片字节完全相同"
    assert view["score"] == 60
    assert provenance(city, first.id).json()["duplicates"] == []
    listed = {item["evidence_id"]: item for item in city.get(f"{CONSOLE}/provenance").json()["items"]}
    assert (listed[str(again.id)]["flags"], listed[str(again.id)]["duplicates"]) == (["duplicate"], 1)
    assert str(first.id) not in listed


def test_whoever_may_see_one_of_them_only_learns_nothing_of_the_other(
    team: Team, runtime: Runtime, twice: tuple[Shot, Shot]
) -> None:
    """Compared member by member with a photograph that repeats nothing."""
    first, again = twice
    alone = shot()
    take_in(team, runtime, alone)
    judge_all(team.world, runtime)
    town = team.world.person("supervisor", region=team.world.town)
    view, plain = (provenance(town, one.id).json() for one in (again, alone))
    for member in ("score", "version", "duplicates", "verdict", "has_changed_since_verdict", "reviews"):
        assert view[member] == plain[member]
    assert [(c["code"], c["outcome"]) for c in view["checks"]] == [
        (c["code"], c["outcome"]) for c in plain["checks"]
    ]
    assert str(first.id) not in provenance(town, again.id).text
    assert town.get(f"{CONSOLE}/provenance").json()["items"] == []
    everything = town.get(f"{CONSOLE}/provenance", params={"min_score": 0}).json()["items"]
    assert {(item["evidence_id"], item["score"], item["duplicates"]) for item in everything} == {
        (str(again.id), 0, 0), (str(alone.id), 0, 0)}  # fmt: skip
    other = team.world.person("supervisor", region=team.world.other_town)
    assert provenance(other, again.id).status_code == 404
    assert provenance(other, first.id).json()["duplicates"] == []


def test_a_foreign_duplicate_found_later_does_not_show_in_the_version(
    team: Team, runtime: Runtime, twice: tuple[Shot, Shot]
) -> None:
    _, again = twice
    city = team.world.person("supervisor")
    first_seen = provenance(city, again.id).json()
    rows(team.world, "DELETE FROM evidence_duplicates WHERE evidence_id = :id RETURNING 1", id=again.id)
    rows(team.world, "UPDATE evidence_files SET judged_at = NULL WHERE id = :id RETURNING 1", id=again.id)
    judge_all(team.world, runtime)
    view = provenance(city, again.id).json()
    assert (len(view["duplicates"]), view["version"]) == (1, 1)
    assert view["changed_at"] == first_seen["changed_at"]


def test_the_list_is_filtered_by_region_weight_and_review_and_paged_by_two_statements(
    team: Team, runtime: Runtime
) -> None:
    mocked = [shot(position={**HERE, "mock": True}) for _ in range(3)]
    chosen = [shot(source="gallery") for _ in range(2)]
    take_in(team, runtime, *mocked, *chosen, shot())
    judge_all(team.world, runtime)
    city = team.world.person("supervisor")

    def listed(**params: Any) -> list[str]:
        seen: list[str] = []
        while True:
            with recorded_queries(runtime.database) as statements:
                page = city.get(f"{CONSOLE}/provenance", params={"limit": 2, **params}).json()
            assert len(statements) <= 2, statements  # who is acting, and the page
            seen += [item["evidence_id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return seen
            params["cursor"] = page["next_cursor"]

    def ids(photos: list[Shot]) -> list[str]:
        return sorted((str(one.id) for one in photos), reverse=True)

    assert listed() == ids([*mocked, *chosen])
    assert listed(min_score=50) == ids(mocked)
    assert len(listed(min_score=0)) == 6
    assert listed(region_id=str(team.world.district)) == ids([*mocked, *chosen])
    assert listed(region_id=str(team.world.other_district)) == []
    assert give(city, mocked[0].id, 1).status_code == 201
    assert listed(is_reviewed=False) == ids([*mocked[1:], *chosen])
    assert listed(is_reviewed=True) == listed(verdict="doubted") == ids(mocked[:1])
    assert listed(verdict="accepted") == []
    assert city.get(f"{CONSOLE}/provenance", params={"min_score": 101}).status_code == 422


def test_a_phones_speed_names_no_place_of_another_region(
    team: Team, runtime: Runtime, reviewer: Person
) -> None:
    before = shot(captured_at="2026-11-25T09:00:00+08:00", position=HERE)
    after = shot(captured_at="2026-11-25T09:10:00+08:00", position=BEIJING)
    take_in(team, runtime, before, after)
    judge_all(team.world, runtime)
    (speed,) = [c for c in provenance(reviewer, after.id).json()["checks"] if c["code"] == "speed"]
    assert speed["outcome"] == Outcome.FLAGGED
    assert set(speed["compared"]) == {"distance_m", "allowance_m", "elapsed_s", "kmh", "limit_kmh"}
