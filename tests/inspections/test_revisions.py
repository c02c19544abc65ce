"""Corrections name their base by id and hash; of one record's packages one stands, and forks and conflicts keep both."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device as Phone
from anshao_phone import SealedPackage, sha256_of
from app.core.ids import new_id
from app.services.determinations.repository import VISIT_LOCK
from tests.determinations.making import NO, NO_ALARM, Visit, answers
from tests.factories.checklists import CHECKED_ON
from tests.factories.patrols import Assistant
from tests.factories.sending import Sending, codes
from tests.factories.world import World
from tests.support.queries import recorded_queries

PATH = "/api/v1/packages"
MORE = NO_ALARM | {"RTO-01": NO}


class Record(Visit):
    """A record of a visit, its corrections, and a person who decides about forks."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "machinery")
        self.judge = world.person("approver")
        self.first = self.seal(NO_ALARM)
        self.put(self.first)

    def seal(
        self,
        changes: dict[str, Any],
        base: SealedPackage | None = None,
        phone: Phone | None = None,
        hash_: str | None = "",
        **more: Any,
    ) -> SealedPackage:
        """A package, or a correction of `base`; `hash_` None: the base's hash is not named."""
        if base is not None:
            named = {"id": str(base.id), "reason": "更正", "hash": base.hash if hash_ == "" else hash_}
            more["supersedes"] = {name: value for name, value in named.items() if value is not None}
        more.setdefault("legal_date", CHECKED_ON.isoformat())  # the day the good answers are good on
        officers = [officer.user_id for officer in self.officers]
        given = answers("rto", changes)
        document = self.field.document(self.field.publish("rto"), officers, answers=given, **more)
        return (phone or self.phone).seal(document, [])

    def put(self, package: SealedPackage, phone: Phone | None = None) -> Any:
        answer = (phone or self.phone).put_package(package)
        assert answer.status_code == 201, answer.text
        return answer

    def line(self, package: SealedPackage | None = None) -> dict[str, Any]:
        answer = self.reader.get(f"{PATH}/{(package or self.first).id}/revisions")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def shown(self, package: SealedPackage) -> dict[str, Any]:
        return next(one for one in self.line()["packages"] if one["id"] == str(package.id))

    def decide(self, package: SealedPackage, decision: str, version: int | None = None) -> Any:
        body = {"decision": decision, "reason": "现场核对"}
        return self.judge.post(
            f"{PATH}/{package.id}/fork-verdict",
            json=body,
            version=version or self.shown(package)["version"],
        )

    def hazards(self) -> list[str]:
        found = self.reader.get(f"/api/v1/hazards?site_id={self.field.site_id}").json()["items"]
        return sorted(hazard["item_code"] for hazard in found)

    def sheets(self) -> list[str]:
        """The packages whose fact sheets stand."""

        async def find(session: AsyncSession) -> list[str]:
            query = text(
                "SELECT package_id FROM fact_sheets WHERE site_id = :site AND NOT is_superseded ORDER BY id"
            )
            rows = await session.execute(query, {"site": self.field.site_id})
            return [str(row) for row in rows.scalars()]

        return list(self.world.in_database(find))


@pytest.fixture
def record(world: World) -> Record:
    return Record(world)


def ids(*packages: SealedPackage) -> list[str]:
    return [str(package.id) for package in packages]


# --- lines and forks


def test_a_correction_that_names_its_base_by_id_and_hash_takes_its_place(record: Record) -> None:
    second = record.seal(MORE, record.first)
    answer = record.put(second)
    assert codes(answer) & {"base_hash_missing", "base_superseded", "base_differs"} == set()
    line = record.line()
    assert (line["root_id"], line["standing_id"]) == (str(record.first.id), str(second.id))
    assert [(one["id"], one["is_standing"], one["supersedes_reason"]) for one in line["packages"]] == [
        (str(record.first.id), False, None),
        (str(second.id), True, "更正"),
    ]
    assert record.sheets() == ids(second)


def test_a_correction_without_its_bases_hash_counts_and_is_flagged(record: Record) -> None:
    second = record.seal(MORE, record.first, hash_=None)
    assert "base_hash_missing" in codes(record.put(second))
    assert record.line()["standing_id"] == str(second.id)


def test_the_second_correction_of_one_base_is_a_fork_and_the_first_stands(record: Record) -> None:
    second, third = record.seal(NO_ALARM, record.first), record.seal(MORE, record.first)
    record.put(second)
    assert "base_superseded" in codes(record.put(third))
    assert record.line()["standing_id"] == str(second.id)
    shown = record.shown(third)
    assert (shown["fork"], shown["fork_status"], shown["is_standing"]) == ("base_superseded", "open", False)
    assert record.sheets() == ids(second)
    assert record.hazards() == ["RTO-10", "RTO-10.3"]
    assert [one["id"] for one in record.judge.get(f"{PATH}/forks").json()["items"]] == ids(third)
    assert record.phone.receipt(third.id) is not None


def test_a_correction_of_other_bytes_than_the_bases_is_a_fork_too(record: Record) -> None:
    second = record.seal(MORE, record.first, hash_=sha256_of(b"what the phone took for its base"))
    assert "base_differs" in codes(record.put(second))
    assert record.line()["standing_id"] == str(record.first.id)
    assert record.hazards() == ["RTO-10", "RTO-10.3"]
    third = record.seal(NO_ALARM, record.first)
    record.put(third)
    assert record.line()["standing_id"] == str(third.id)


def test_a_correction_by_somebody_of_another_authority_is_a_fork_whether_or_not_it_names_the_hash(
    record: Record, world: World
) -> None:
    """Whoever sees the site reads the record's id; that does not make the record his to replace."""
    stranger = world.person("inspector")
    phone = record.field.phone(stranger.user_id)

    async def belong_elsewhere(session: AsyncSession) -> None:
        other = new_id()
        values = {"id": other, "code": other.hex[-12:], "region": world.city, "user": stranger.user_id}
        await session.execute(
            text(
                "INSERT INTO authorities (id, code, name, document_word, region_id, valid_from, version, created_at, updated_at)"
                " SELECT :id, :code, '他局', '他局', :region, valid_from, 1, created_at, updated_at FROM authorities LIMIT 1"
            ),
            values,
        )
        await session.execute(text("UPDATE users SET authority_id = :id WHERE id = :user"), values)

    world.in_database(belong_elsewhere)
    for hash_ in (None, ""):
        theirs = record.seal(MORE, record.first, phone, hash_=hash_)
        assert "base_of_others" in codes(record.put(theirs, phone))
        assert record.shown(theirs)["fork"] == "base_of_others"
    assert record.line()["standing_id"] == str(record.first.id)
    assert record.sheets() == ids(record.first)
    assert record.decide(theirs, "chosen").status_code == 200
    assert record.line()["standing_id"] == str(theirs.id)


def test_a_colleague_of_the_bases_authority_may_correct_it(record: Record, world: World) -> None:
    colleague = record.field.phone(world.person("inspector").user_id)
    second = record.seal(MORE, record.first, colleague)
    assert "base_of_others" not in codes(record.put(second, colleague))
    assert record.line()["standing_id"] == str(second.id)


def test_a_correction_of_a_fork_is_a_fork_and_one_of_what_stands_is_none(record: Record) -> None:
    second, third = record.seal(NO_ALARM, record.first), record.seal(NO_ALARM, record.first)
    record.put(second)
    record.put(third)
    of_fork, of_standing = record.seal(MORE, third), record.seal(NO_ALARM, second)
    assert "base_superseded" in codes(record.put(of_fork))
    assert "base_superseded" not in codes(record.put(of_standing))
    assert record.line()["standing_id"] == str(of_standing.id)
    assert record.sheets() == ids(of_standing)


def test_two_corrections_at_the_same_instant_leave_one_standing_and_one_fork(world: World) -> None:
    for _ in range(4):
        record = Record(world)
        other = record.field.phone(record.officers[1].user_id)
        rivals = [
            (record.seal(MORE, record.first), record.phone),
            (record.seal(MORE, record.first, other), other),
        ]
        together = threading.Barrier(2)

        def send(rival: tuple[SealedPackage, Phone], record: Record = record, at: Any = together) -> Any:
            at.wait()
            return record.put(*rival)

        with ThreadPoolExecutor(2) as pool:
            sent = list(pool.map(send, rivals))
        assert sorted("base_superseded" in codes(answer) for answer in sent) == [False, True]
        standing = [one for one in record.line()["packages"] if one["is_standing"]]
        assert len(standing) == 1
        assert record.sheets() == [standing[0]["id"]]
        assert record.hazards() == ["RTO-01", "RTO-10", "RTO-10.3"]
        assert len(record.judge.get(f"{PATH}/forks").json()["items"]) >= 1


def test_the_database_itself_lets_only_one_package_of_a_line_stand(record: Record, world: World) -> None:
    second = record.seal(MORE, record.first)
    record.put(second)

    async def tamper(session: AsyncSession) -> None:
        await session.execute(
            text("UPDATE packages SET is_standing = true WHERE id = :id"), {"id": record.first.id}
        )

    with pytest.raises(DBAPIError):
        world.in_database(tamper)


# --- deciding about a fork


def test_a_chosen_fork_stands_with_all_that_follows_and_nothing_is_deleted(record: Record) -> None:
    second, third = record.seal(NO_ALARM, record.first), record.seal({"RTO-01": NO}, record.first)
    record.put(second)
    record.put(third)
    assert len(record.verdicts("suspected_major")) == 1
    answer = record.decide(third, "chosen")
    assert answer.status_code == 200, answer.text
    line = answer.json()
    assert line["standing_id"] == str(third.id)
    assert [one["id"] for one in line["packages"]] == ids(record.first, second, third)
    verdict = record.shown(third)["verdict"]
    assert (verdict["decision"], verdict["reason"], verdict["replaced_id"], verdict["user_id"]) == (
        "chosen", "现场核对", str(second.id), str(record.judge.user_id),
    )  # fmt: skip
    assert record.sheets() == ids(third)
    assert record.hazards() == ["RTO-01", "RTO-10", "RTO-10.3"]
    assert record.verdicts("suspected_major") == []
    issues = record.phone.request("GET", f"/packages/{third.id}").json()["issues"]
    assert {one["at"] for one in issues if one["code"] == "finding_withdrawn"} == {
        "answers/RTO-10",
        "answers/RTO-10.3",
    }
    assert record.judge.get(f"{PATH}/forks").json()["items"] == []
    later = record.seal(MORE, third)
    assert "base_superseded" not in codes(record.put(later))


def test_a_fork_set_aside_stays_beside_without_effect(record: Record) -> None:
    second, third = record.seal(NO_ALARM, record.first), record.seal(MORE, record.first)
    record.put(second)
    record.put(third)
    assert record.decide(third, "set_aside").status_code == 200
    assert (record.line()["standing_id"], record.shown(third)["fork_status"]) == (str(second.id), "set_aside")
    assert record.hazards() == ["RTO-10", "RTO-10.3"]
    assert record.decide(third, "chosen").json()["code"] == "fork_decided"
    assert record.decide(second, "chosen").json()["code"] == "fork_decided"


def test_deciding_needs_the_right_the_version_and_a_reason(record: Record, world: World) -> None:
    second, third = record.seal(NO_ALARM, record.first), record.seal(MORE, record.first)
    record.put(second)
    record.put(third)
    path, body = f"{PATH}/{third.id}/fork-verdict", {"decision": "chosen", "reason": "x"}
    assert record.reader.post(path, json=body, version=1).status_code == 403
    assert record.judge.post(path, json=body).status_code == 428
    assert record.judge.post(path, json=body, version=9).status_code == 412
    assert record.judge.post(path, json={**body, "reason": " "}, version=1).status_code == 422
    elsewhere = world.person("approver", region=world.other_district)
    assert elsewhere.post(path, json=body, version=1).status_code == 404
    assert record.line()["standing_id"] == str(second.id)


def test_two_forks_chosen_at_the_same_instant_leave_one_standing(record: Record) -> None:
    packages = [record.seal(NO_ALARM, record.first) for _ in range(4)]
    for package in packages:
        record.put(package)
    forks = packages[1:]
    with ThreadPoolExecutor(3) as pool:
        answers_ = list(pool.map(lambda one: record.decide(one, "chosen", 1), forks))
    assert {answer.status_code for answer in answers_} <= {200, 409}
    assert 200 in {answer.status_code for answer in answers_}
    line = record.line()
    assert [one["id"] for one in line["packages"] if one["is_standing"]] == [line["standing_id"]]
    assert record.sheets() == [line["standing_id"]]
    assert record.hazards() == ["RTO-10", "RTO-10.3"]


def test_a_choice_and_a_correction_at_the_same_instant_leave_one_standing(record: Record) -> None:
    second, third = record.seal(NO_ALARM, record.first), record.seal(NO_ALARM, record.first)
    record.put(second)
    record.put(third)
    correction = record.seal(MORE, second)
    with ThreadPoolExecutor(2) as pool:
        chosen, corrected = (
            pool.submit(record.decide, third, "chosen", 1),
            pool.submit(record.put, correction),
        )
    assert chosen.result().status_code in (200, 409)
    assert corrected.result().status_code == 201
    line = record.line()
    assert [one["id"] for one in line["packages"] if one["is_standing"]] == [line["standing_id"]]
    assert record.sheets() == [line["standing_id"]]


def test_a_fork_that_names_a_visit_of_its_own_makes_no_visit_until_it_is_chosen(record: Record) -> None:
    second = record.seal(NO_ALARM, record.first)
    record.put(second)
    third = record.seal(NO_ALARM, record.first, visit_id=str(new_id()))
    record.put(third)

    def visits() -> int:
        return sum(one["visits"] for one in record.judge.get("/api/v1/inspections/visits/counts").json())

    assert visits() == 1
    assert record.decide(third, "chosen").status_code == 200
    assert visits() == 1
    assert record.sheets() == ids(third)


def test_a_correction_that_moves_away_waits_for_whoever_judges_the_visit_it_leaves(
    record: Record, world: World
) -> None:
    """The visit it leaves is judged again: read while another package of it is half written, that one would be forgotten."""
    held, let_go = threading.Event(), asyncio.Event()

    async def hold(session: AsyncSession) -> None:
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:visit, :seed))")
        await session.execute(lock, {"visit": str(record.field.visit_id), "seed": VISIT_LOCK})
        held.set()
        await let_go.wait()

    moved = record.seal(NO_ALARM, record.first, visit_id=str(new_id()))
    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(world.in_database, hold)
        assert held.wait(20)
        sent = pool.submit(record.put, moved)
        time.sleep(0.7)
        assert not sent.done()
        assert world.client.portal is not None
        world.client.portal.call(_set, let_go)
        holding.result(20)
        sent.result(20)
    assert record.sheets() == ids(moved)


async def _set(event: asyncio.Event) -> None:
    event.set()


def test_forks_of_an_assistants_patrol_and_whistle_do_not_count_until_chosen(world: World) -> None:
    walker, judge = Assistant(world), world.person("approver")
    for make, area in ((walker.patrol_document, "patrols"), (walker.whistle_document, "whistles")):
        first = walker.send(make())
        named = {"id": str(first.id), "hash": first.hash, "reason": "更正"}
        second, third = (walker.send(make(supersedes=named)) for _ in range(2))

        def listed(area: str = area) -> set[str]:
            return {one["id"] for one in judge.get(f"/api/v1/{area}").json()["items"]}

        assert listed() == {str(second.id)}
        body = {"decision": "chosen", "reason": "以后一份为准"}
        answer = judge.post(f"{PATH}/{third.id}/fork-verdict", json=body, version=1)
        assert answer.status_code == 200, answer.text
        assert listed() == {str(third.id)}


# --- side by side


def test_revisions_show_what_each_changes_answer_by_answer_and_how_it_differs_from_what_stands(
    record: Record,
) -> None:
    second = record.seal(MORE, record.first)
    record.put(second)
    refused: dict[str, Any] = {"party": {"outcome": "refused", "text_hash": sha256_of(b"x")}}
    third = record.seal({**NO_ALARM, "RTO-02": NO}, record.first, **refused)
    record.put(third)
    with recorded_queries(record.world.runtime.database) as queries:
        line = record.line()
    assert len(queries) <= 5
    changed = {"/".join(one["at"]): one for one in record.shown(second)["differences"]}
    assert changed["answers/RTO-01/value"]["change"] == "changed"
    assert (changed["answers/RTO-01/value"]["before"], changed["answers/RTO-01/value"]["after"]) == (
        "yes",
        "no",
    )
    assert not any(name.startswith("answers/RTO-10") for name in changed)
    from_standing = {"/".join(one["at"]): one["change"] for one in record.shown(third)["from_standing"]}
    assert from_standing["answers/RTO-01/value"] == "changed"
    assert from_standing["answers/RTO-02/value"] == "changed"
    assert (from_standing["party/name"], from_standing["party/outcome"]) == ("removed", "changed")
    assert "李工" not in str(line)


def test_the_phone_reads_the_line_of_its_own_record_and_a_strangers_phone_does_not(
    record: Record, world: World
) -> None:
    second = record.seal(MORE, record.first)
    record.put(second)
    own = record.phone.request("GET", f"/packages/{second.id}/revisions")
    assert own.json()["standing_id"] == str(second.id)
    stranger = world.person("inspector", region=world.other_town)
    other = record.field.phone(stranger.user_id)
    assert other.request("GET", f"/packages/{second.id}/revisions").status_code == 404


def test_the_sealed_bytes_are_given_as_signed_and_the_look_is_written_down(
    record: Record, world: World
) -> None:
    answer = record.judge.get(f"{PATH}/{record.first.id}/sealed")
    assert answer.content == record.first.sealed
    assert sha256_of(answer.content) == record.first.hash
    params = {"object_id": str(record.first.id)}
    looks = world.person("auditor").get("/api/v1/audit/entries", params=params).json()["items"]
    assert ("inspections:read_sealed", str(record.judge.user_id)) in {
        (one["action"], one["user_id"]) for one in looks
    }
    assert world.person("supervisor").get(f"{PATH}/{record.first.id}/sealed").status_code == 403


# --- conflicts


@pytest.fixture
def sending(world: World) -> Sending:
    return Sending(world)


def conflicting(sending: Sending) -> tuple[SealedPackage, SealedPackage]:
    first = sending.sealed(answers={"RTO-01": {"value": "yes"}})
    other = SealedPackage(first.id, first.sealed.replace(b'"yes"', b'"no"'), ())
    assert sending.phone.put_package(first).status_code == 201
    assert sending.phone.put_package(other).json()["code"] == "package_conflict"
    return first, other


def test_a_conflict_shows_both_contents_side_by_side(sending: Sending, world: World) -> None:
    judge = world.person("approver")
    first, other = conflicting(sending)
    (listed,) = judge.get(f"{PATH}/conflicts").json()["items"]
    assert (listed["package_id"], listed["first_sha256"], listed["sha256"]) == (
        str(first.id), first.hash, other.hash,
    )  # fmt: skip
    shown = judge.get(f"{PATH}/conflicts/{listed['id']}").json()
    assert (shown["first"]["is_signed"], shown["other"]["is_signed"]) == (True, True)
    assert shown["first"]["document"]["answers"]["RTO-01"]["value"] == "yes"
    assert shown["other"]["document"]["answers"]["RTO-01"]["value"] == "no"
    assert [(one["at"], one["before"], one["after"]) for one in shown["differences"]] == [
        (["answers", "RTO-01", "value"], "yes", "no")
    ]
    assert "李工" not in str(shown)
    assert judge.get(f"{PATH}/conflicts/{listed['id']}/sealed").content == other.sealed


def test_other_bytes_that_cannot_be_read_are_shown_as_such(sending: Sending, world: World) -> None:
    judge = world.person("approver")
    first = sending.sealed()
    sending.phone.put_package(first)
    assert sending.phone.put_package(SealedPackage(first.id, b"\xff no package", ())).status_code == 409
    (listed,) = judge.get(f"{PATH}/conflicts").json()["items"]
    shown = judge.get(f"{PATH}/conflicts/{listed['id']}").json()
    assert (shown["other"]["document"], shown["differences"]) == (None, None)
    assert shown["other"]["size"] == len(b"\xff no package")


@pytest.mark.parametrize("decision", ["first_is_right", "other_is_right", "both_stay"])
def test_a_verdict_on_a_conflict_is_kept_with_its_reason_and_both_contents_stay(
    sending: Sending, world: World, decision: str
) -> None:
    judge = world.person("approver")
    first, other = conflicting(sending)
    (listed,) = judge.get(f"{PATH}/conflicts", params={"decided": "false"}).json()["items"]
    path, body = f"{PATH}/conflicts/{listed['id']}/verdict", {"decision": decision, "reason": "与当事人核对"}
    assert sending.team[0].post(path, json=body).status_code == 403
    answer = judge.post(path, json=body)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["verdict"]["decision"], answer.json()["verdict"]["reason"]) == (
        decision, "与当事人核对",
    )  # fmt: skip
    assert judge.post(path, json=body).json()["code"] == "conflict_decided"
    assert judge.get(f"{PATH}/conflicts", params={"decided": "false"}).json()["items"] == []
    assert len(judge.get(f"{PATH}/conflicts", params={"decided": "true"}).json()["items"]) == 1
    assert sending.kept(first.id) == [first.sealed, other.sealed]
    issues = {one["code"] for one in sending.phone.request("GET", f"/packages/{first.id}").json()["issues"]}
    assert ("conflict_other_is_right" in issues) is (decision == "other_is_right")


def test_conflicts_and_forks_are_paged_and_show_nothing_foreign(sending: Sending, world: World) -> None:
    for _ in range(3):
        conflicting(sending)
    judge = world.person("approver")
    seen: list[str] = []
    cursor = None
    while True:
        params: dict[str, Any] = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        with recorded_queries(world.runtime.database) as queries:
            page = judge.get(f"{PATH}/conflicts", params=params).json()
        assert len(queries) <= 3
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert len(seen) == 3
    elsewhere = world.person("approver", region=world.other_district)
    assert elsewhere.get(f"{PATH}/conflicts").json()["items"] == []
    assert elsewhere.get(f"{PATH}/forks").json()["items"] == []
    assert elsewhere.get(f"{PATH}/conflicts/{seen[0]}").status_code == 404
    assert isinstance(UUID(seen[0]), UUID)
