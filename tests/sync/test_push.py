"""The push door: every row is kept, processed or refused as the single PUT would, whatever stands in the others."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today, standing_at, utc_now
from app.core.ids import new_id
from app.services.inspections import intake, service
from app.services.inspections.receipt_format import receipt_verifies
from app.services.runtime import Runtime
from app.services.sync.pushing import MAX_ROWS
from tests.factories.field import Device as Phone
from tests.factories.field import Field, SealedPackage, photo
from tests.factories.patrols import Assistant
from tests.factories.sending import Sending
from tests.factories.world import World
from tests.support.queries import recorded_queries

PATH = "/sync/packages/push"


def row(phone: Phone, package: SealedPackage, **members: Any) -> dict[str, Any]:
    """A package as RxDB would push it the first time."""
    signature = phone.sign(f"anshao.package/1\n{package.hash}".encode())
    document = {
        "id": str(package.id),
        "sealed": package.sealed.decode(),
        "key_id": phone.key_id,
        "signature": signature,
        **members,
    }
    return {"newDocumentState": document, "assumedMasterState": None}


def push_rows(phone: Phone, rows: Any) -> list[dict[str, Any]]:
    answer = phone.request("POST", PATH, content=json.dumps(rows).encode())
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def push(phone: Phone, packages: list[SealedPackage]) -> list[dict[str, Any]]:
    return push_rows(phone, [row(phone, package) for package in packages])


def count(world: World, table: str, ids: list[UUID], column: str = "package_id") -> int:
    async def find(session: AsyncSession) -> int:
        found = text(f"SELECT count(*) FROM {table} WHERE {column} = ANY(:ids)")
        return int((await session.execute(found, {"ids": ids})).scalar_one())

    return int(world.in_database(find))


@pytest.fixture
def sending(world: World) -> Sending:
    return Sending(world)


def own_visits(sending: Sending, number: int, **changes: Any) -> list[SealedPackage]:
    """Packages that each open a visit of their own."""
    return [sending.sealed(visit_id=str(new_id()), **changes) for _ in range(number)]


NOT_OK = {"RTO-01": {"value": "no"}}


def numbers_of(sending: Sending) -> list[str]:
    found = sending.team[0].get("/api/v1/hazards", params={"site_id": str(sending.field.site_id)}).json()
    return sorted((one["number"] for one in found["items"]), key=lambda one: int(one.split("〕")[1][:-1]))


def test_each_row_is_answered_as_its_own_put_would_be(sending: Sending) -> None:
    put, pushed = own_visits(
        sending, 2, answers=NOT_OK, position={"latitude": 0, "longitude": 0, "datum": "wgs84"}
    )
    single = sending.phone.put_package(put).json()
    (stamped,) = push(sending.phone, [pushed])
    answer = sending.phone.request("GET", f"/packages/{pushed.id}").json()
    assert {name: stamped[name] for name in answer} == answer
    for name in set(single) - {"id", "hash"}:
        assert stamped[name] == single[name], name
    assert (stamped["sealed"], stamped["problem"], stamped["_deleted"]) == (
        pushed.sealed.decode(),
        None,
        False,
    )
    assert sending.kept(pushed.id) == [pushed.sealed]


def test_receipts_of_a_batch_chain_in_the_order_of_its_rows(sending: Sending, runtime: Runtime) -> None:
    first, *packages = own_visits(sending, 6)
    assert sending.phone.put_package(first).status_code == 201
    assert [one["receipt"] for one in push(sending.phone, packages)] == [True] * 5
    bodies = [sending.phone.request("GET", f"/packages/{one.id}/receipt") for one in (first, *packages)]
    receipts = [body.json()["receipt"] for body in bodies]
    assert [receipt["number"] for receipt in receipts] == [1, 2, 3, 4, 5, 6]
    hashes = [None, *("sha-256:" + hashlib.sha256(body.content).hexdigest() for body in bodies)]
    assert [receipt["previous_receipt"] for receipt in receipts] == hashes[:-1]
    published = [key.public_jwk for key in runtime.keys.all("receipts")]
    assert all(receipt_verifies(body.json(), published) for body in bodies)


def test_hazards_of_a_batch_are_numbered_without_gaps_and_everything_is_written_down(
    sending: Sending,
) -> None:
    packages = own_visits(sending, 4, answers=NOT_OK)
    push(sending.phone, packages)
    year = shanghai_today().year
    assert numbers_of(sending) == [f"安应急患〔{year}〕{number}号" for number in range(1, 5)]
    ids = [package.id for package in packages]
    assert count(sending.world, "findings", ids) == 4
    assert count(sending.world, "fact_sheets", ids) == 4
    for table in ("audit_entries", "changes"):
        assert count(sending.world, table, ids, "object_id") == 4


def test_a_batch_of_twenty_costs_the_statements_of_one(sending: Sending, runtime: Runtime) -> None:
    push(sending.phone, own_visits(sending, 1))
    with recorded_queries(runtime.database) as statements:
        stamped = push(sending.phone, own_visits(sending, 20, answers=NOT_OK))
    assert [one["status"] for one in stamped] == ["processed"] * 20
    assert len(statements) <= 5, (
        statements
    )  # who acts, what is known, keep, mean; perhaps the newest checkpoint


def poisoned(sending: Sending) -> dict[str, tuple[dict[str, Any], str]]:
    """Rows that go wrong in every way there is, and the code each is refused with."""
    phone, sound = sending.phone, sending.sealed
    foreign = Field(sending.world, region=sending.world.other_town)
    elsewhere = phone.seal(foreign.document(sending.template, [phone.user_id]), [])  # type: ignore[list-item]
    patrol = sending.whole(kind="patrol", patrol={"note": "x"})
    raw = sending.raw
    return {
        "no JSON": (row(phone, raw(b"<html>")), "package_quarantined"),
        "a NUL": (row(phone, raw(b'{"schema": "\x00"}')), "package_quarantined"),
        "another key": (row(phone, sound(), signature="A" * 86), "package_quarantined"),
        "an unknown template": (
            row(phone, sound(template={**sending.template, "hash": "sha-256:" + "1" * 64})), "package_quarantined",
        ),
        "a foreign site": (row(phone, elsewhere), "not_found"),
        "a kind not his": (row(phone, patrol), "forbidden"),
        "too many answers": (row(phone, sound(answers={str(n): None for n in range(2001)})), "package_too_many_rows"),
        "no row": (17, "push_row_unreadable"),  # type: ignore[dict-item]
        "no document": ({"newDocumentState": None}, "push_row_unreadable"),
        "no id": ({"newDocumentState": {"sealed": "{}"}}, "push_row_unreadable"),
        "an id that is none": (row(phone, sound(), id="1"), "push_row_unreadable"),
        "an id that is a number": (row(phone, sound(), id=1), "push_row_unreadable"),
        "sealed that is no text": (row(phone, sound(), sealed={"schema": 1}), "push_row_unreadable"),
        "half a surrogate pair": (row(phone, sound(), sealed='{"a": "\ud800"}'), "push_row_unreadable"),
        "a signature with a NUL": (row(phone, sound(), signature="a\x00b"), "push_row_unreadable"),
        "an endless signature": (row(phone, sound(), signature="a" * 201), "push_row_unreadable"),
        "a key id that is no text": (row(phone, sound(), key_id=["x"]), "push_row_unreadable"),
    }  # fmt: skip


def test_no_poison_row_blocks_or_harms_the_others(sending: Sending) -> None:
    poison = poisoned(sending)
    sound = own_visits(sending, len(poison) + 1)
    rows: list[Any] = [row(sending.phone, sound[0])]
    for (bad, _), package in zip(poison.values(), sound[1:], strict=True):
        rows += [bad, row(sending.phone, package)]
    answers = push_rows(sending.phone, rows)
    for package, answer in zip(sound, answers[::2], strict=True):
        assert (answer["id"], answer["status"], answer["receipt"]) == (str(package.id), "processed", True)
    for (name, (_, code)), answer in zip(poison.items(), answers[1::2], strict=True):
        assert (answer["status"], answer["problem"]["code"], answer["receipt"]) == (
            "rejected",
            code,
            False,
        ), name
        assert {"type", "title", "status", "zh", "en", "retry"} <= set(answer["problem"]), name
    assert sending.kept(sound[-1].id) == [sound[-1].sealed]


def test_what_was_refused_is_kept_or_not_just_as_after_a_put(sending: Sending) -> None:
    unreadable, elsewhere = sending.raw("检查".encode()), sending.sealed(site_id=str(new_id()))
    push(sending.phone, [unreadable, *own_visits(sending, 2), elsewhere])
    assert sending.kept(unreadable.id) == [unreadable.sealed]
    assert sending.status(unreadable.id) == ("quarantined", "not_json")
    assert sending.kept(elsewhere.id) == []


def test_unstorable_text_is_flagged_and_its_bytes_are_kept(sending: Sending) -> None:
    nul = sending.bent(lambda sealed: sealed.replace("李工", "李\\u0000工"), visit_id=str(new_id()))
    lone = sending.bent(lambda sealed: sealed.replace("李工", "李\\ud800工"), visit_id=str(new_id()))
    for package, answer in zip((nul, lone), push(sending.phone, [nul, lone]), strict=True):
        assert answer["status"] == "processed"
        assert "text_not_storable" in {issue["code"] for issue in answer["issues"]}
        assert sending.kept(package.id) == [package.sealed]


def test_a_package_twice_in_one_batch_is_one_record(sending: Sending) -> None:
    package, other = own_visits(sending, 2)
    answers = push(sending.phone, [package, other, package])
    assert [one["status"] for one in answers] == ["processed"] * 3
    assert answers[0] == answers[2]
    assert count(sending.world, "packages", [package.id], "id") == 1
    assert sending.kept(package.id) == [package.sealed]


def test_twins_with_other_bytes_in_one_batch_are_both_kept_and_the_first_counts(sending: Sending) -> None:
    package, other = own_visits(sending, 2)
    twin = SealedPackage(package.id, package.sealed.replace("李工".encode(), "王工".encode()), ())
    answers = push(sending.phone, [package, twin, other])
    assert [one["status"] for one in answers] == ["processed", "rejected", "processed"]
    assert answers[1]["problem"]["code"] == "package_conflict"
    assert answers[1]["sealed"] == twin.sealed.decode()
    assert sending.kept(package.id) == [package.sealed, twin.sealed]


def test_two_packages_of_one_visit_in_one_batch_share_it(sending: Sending) -> None:
    visit = str(new_id())
    packages = [sending.sealed(visit_id=visit, note=str(number)) for number in range(3)]
    assert [one["status"] for one in push(sending.phone, packages)] == ["processed"] * 3
    assert count(sending.world, "packages", [UUID(visit)], "visit_id") == 3
    assert count(sending.world, "visits", [UUID(visit)], "id") == 1


def test_a_correction_may_follow_what_it_corrects_in_the_same_batch(sending: Sending) -> None:
    first = sending.sealed(answers=NOT_OK)
    correction = sending.sealed(supersedes={"id": str(first.id), "reason": "看错了"})
    answers = push(sending.phone, [first, correction, *own_visits(sending, 2)])
    assert [one["status"] for one in answers] == ["processed"] * 4
    assert "finding_withdrawn" in {issue["code"] for issue in answers[1]["issues"]}


def test_packages_of_two_years_in_one_batch_are_numbered_each_in_its_year(sending: Sending) -> None:
    year = shanghai_today().year
    dates = [f"{year}-01-02", f"{year - 1}-12-30", f"{year}-01-03"]
    packages = [sending.sealed(visit_id=str(new_id()), answers=NOT_OK, legal_date=date) for date in dates]
    assert [one["status"] for one in push(sending.phone, packages)] == ["processed"] * 3
    assert sorted(numbers_of(sending)) == sorted(
        [f"安应急患〔{year}〕1号", f"安应急患〔{year}〕2号", f"安应急患〔{year - 1}〕1号"]
    )


def test_files_that_came_before_their_batch_are_claimed_and_the_receipts_made(sending: Sending) -> None:
    pictures = [photo() for _ in range(3)]
    complete = sending.sealed(pictures[:2], visit_id=str(new_id()))
    partial = sending.sealed([pictures[2], photo()], visit_id=str(new_id()))
    for package, one in ((complete, pictures[0]), (complete, pictures[1]), (partial, pictures[2])):
        assert sending.phone.put_photo(package, one).json()["status"] == "stored"
    (none,) = own_visits(sending, 1)
    answers = push(sending.phone, [complete, partial, none])
    assert [one["receipt"] for one in answers] == [True, False, True]
    assert [len(one["missing_evidence"]) for one in answers] == [0, 1, 0]
    assert sending.phone.put_photo(partial, partial.photos[1]).json()["status"] == "verified"
    receipts = [sending.phone.receipt(one.id) for one in (complete, partial, none)]
    assert sorted(one["receipt"]["number"] for one in receipts if one) == [1, 2, 3]


def test_one_file_declared_by_two_packages_of_a_batch_completes_both(sending: Sending) -> None:
    shared = photo()
    packages = [sending.sealed([shared], visit_id=str(new_id())) for _ in range(2)]
    assert sending.phone.put_photo(packages[0], shared).json()["status"] == "stored"
    answers = push(sending.phone, packages)
    assert [(one["missing_evidence"], one["receipt"]) for one in answers] == [([], True)] * 2


def test_an_assistants_patrols_and_whistles_are_taken_in_a_batch(world: World) -> None:
    assistant = Assistant(world)
    documents = [assistant.patrol_document(), assistant.patrol_document(), assistant.whistle_document()]
    packages = [assistant.phone.seal(document, []) for document in documents]
    answers = push(assistant.phone, packages)
    assert [one["status"] for one in answers] == ["processed"] * 3
    assert count(world, "patrols", [one.id for one in packages], "id") == 2
    assert count(world, "whistles", [one.id for one in packages], "id") == 1


def test_parallel_identical_batches_make_each_record_once(sending: Sending) -> None:
    packages = own_visits(sending, 8, answers=NOT_OK)
    ids = [package.id for package in packages]
    with ThreadPoolExecutor(3) as senders:
        batches = list(senders.map(lambda _: push(sending.phone, packages), range(3)))
    for answers in batches:
        assert {one["status"] for one in answers} <= {"processed", "received"}
    assert push(sending.phone, packages) == [
        {**row(sending.phone, package)["newDocumentState"], **_state(sending, package)}
        for package in packages
    ]
    assert count(sending.world, "packages", ids, "id") == count(sending.world, "receipts", ids) == 8
    assert len(numbers_of(sending)) == 8
    numbers = [receipt["receipt"]["number"] for receipt in map(sending.phone.receipt, ids) if receipt]
    assert sorted(numbers) == list(range(1, 9))


def _state(sending: Sending, package: SealedPackage) -> dict[str, Any]:
    answer = sending.phone.request("GET", f"/packages/{package.id}").json()
    return {**answer, "problem": None, "_deleted": False}


def test_a_batch_in_reverse_at_the_same_time_ends_as_well(sending: Sending) -> None:
    packages = own_visits(sending, 6, answers=NOT_OK)
    with ThreadPoolExecutor(2) as senders:
        list(senders.map(lambda batch: push(sending.phone, batch), (packages, packages[::-1])))
    assert {_state(sending, package)["status"] for package in packages} == {"processed"}
    assert count(sending.world, "receipts", [package.id for package in packages]) == 6


def test_what_a_row_says_already_is_not_said_again(sending: Sending) -> None:
    """RxDB takes what comes back for a conflict and pushes its resolution: the second round must end it."""
    good, bad = own_visits(sending, 1)[0], sending.raw(b"{}")
    stamped = push(sending.phone, [good, bad])
    again = [{"newDocumentState": one, "assumedMasterState": one} for one in stamped]
    assert push_rows(sending.phone, again) == []
    edited = [{"newDocumentState": {**one, "signable": None, "mine": 1}} for one in stamped]
    assert push_rows(sending.phone, edited) == [{**one, "mine": 1} for one in stamped]


def test_a_deletion_on_the_phone_deletes_nothing(sending: Sending) -> None:
    (package,) = own_visits(sending, 1)
    (stamped,) = push(sending.phone, [package])
    (kept,) = push_rows(sending.phone, [{"newDocumentState": {**stamped, "_deleted": True}}])
    assert kept == stamped
    assert sending.kept(package.id) == [package.sealed]


def test_what_is_set_aside_of_a_batch_is_bounded_as_ever(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_SET_ASIDE", 2)
    packages = [sending.raw(b"{}") for _ in range(4)]
    answers = push(sending.phone, [*packages, *own_visits(sending, 1)])
    codes = [one["problem"] and one["problem"]["code"] for one in answers]
    assert codes == ["package_quarantined"] * 2 + ["set_aside_quota"] * 2 + [None]
    assert answers[2]["problem"]["retry"] == "after"


def test_a_row_that_was_not_kept_is_taken_when_the_app_writes_it_and_rxdb_pushes_it_again(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came back is the master's state to RxDB: without a local change it would never push the row again."""
    monkeypatch.setattr(intake, "MAX_SET_ASIDE", 1)
    first, second = sending.raw(b"{}"), sending.raw(b"{}")
    master = push(sending.phone, [first, second])[1]
    assert (master["status"], master["problem"]["code"]) == ("rejected", "set_aside_quota")
    assert (master["problem"]["retry"], master["problem"]["seconds"]) == ("after", 3600)
    assert sending.kept(second.id) == []
    local = {name: value for name, value in master.items() if name not in ("status", "problem")}
    row = {"newDocumentState": local, "assumedMasterState": master}
    assert push_rows(sending.phone, [row]) == [master], (
        "still full: the stamps come back, and the app waits longer"
    )
    monkeypatch.setattr(intake, "MAX_SET_ASIDE", 2)
    (taken,) = push_rows(sending.phone, [row])
    assert (taken["problem"]["code"], taken["problem"]["retry"]) == ("package_quarantined", "manual")
    assert sending.kept(second.id) == [second.sealed]
    assert push_rows(sending.phone, [{"newDocumentState": taken, "assumedMasterState": master}]) == []


def test_a_row_that_meets_a_busy_database_says_how_long_to_wait_as_retry_after_would(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = sending.sealed()

    async def be_busy(*_: object) -> None:
        raise PoolTimeout

    with monkeypatch.context() as patch:
        patch.setattr(service, "process_packages", be_busy)
        (answer,) = push(sending.phone, [sound])
        alone = sending.phone.put_package(sound)
    assert (answer["problem"]["code"], answer["problem"]["seconds"]) == ("unavailable", 5)
    assert (alone.status_code, alone.headers["retry-after"]) == (503, "5")
    assert [one["status"] for one in push(sending.phone, [sound])] == ["processed"]


def test_a_row_that_breaks_the_processing_is_the_only_one_to_wait_for_the_sweep(
    sending: Sending, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, poison, last = own_visits(sending, 3)
    process = service.process_packages

    async def break_on_poison(session: Any, running: Any, waiting: Any) -> Any:
        if poison.id in {one.arrived.package_id for one in waiting}:
            raise RuntimeError("poison")
        return await process(session, running, waiting)

    monkeypatch.setattr(service, "process_packages", break_on_poison)
    answers = push(sending.phone, [first, poison, last])
    assert [one["status"] for one in answers] == ["processed", "rejected", "processed"]
    assert (answers[1]["problem"]["code"], answers[1]["problem"]["retry"]) == ("internal_error", "after")
    assert sending.status(poison.id) == ("received", None)
    monkeypatch.setattr(service, "process_packages", process)
    sweep(sending, runtime)
    assert sending.status(poison.id) == ("processed", None)


def test_the_only_ordinary_row_that_cannot_be_kept_does_not_fail_the_others(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, poison = sending.sealed(), sending.raw("<html>请登录</html>".encode())
    keep = intake._insert

    async def refuse(connection: Any, actor: Any, judged: Any) -> Any:
        if sound.id in {one.delivery.package_id for one in judged}:
            raise DataError("INSERT", {}, Exception("22021"))
        return await keep(connection, actor, judged)

    monkeypatch.setattr(intake, "_insert", refuse)
    answers = push(sending.phone, [sound, poison])
    assert [one["problem"]["code"] for one in answers] == ["internal_error", "package_quarantined"]
    assert sending.kept(poison.id) == [poison.sealed]
    assert sending.phone.put_package(sound).status_code == 500
    monkeypatch.setattr(intake, "_insert", keep)
    assert [one["status"] for one in push(sending.phone, [sound])] == ["processed"]


def test_a_batch_interrupted_after_it_was_kept_is_finished_by_the_sweep(
    sending: Sending, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = own_visits(sending, 3)

    async def die(*_: object) -> None:
        raise ConnectionError("the process dies here")

    with monkeypatch.context() as patch:
        patch.setattr(service, "process_packages", die)
        push(sending.phone, packages)
    assert [sending.status(package.id)[0] for package in packages] == ["received"] * 3
    assert [sending.kept(package.id) for package in packages] == [[package.sealed] for package in packages]
    sweep(sending, runtime)
    assert [sending.status(package.id)[0] for package in packages] == ["processed"] * 3
    assert all(sending.phone.receipt(package.id) for package in packages)


def sweep(sending: Sending, runtime: Runtime) -> None:
    with standing_at(utc_now() + timedelta(minutes=2)):
        sending.world.client.portal.call(service.sweep_packages, runtime)  # type: ignore[union-attr]


def test_ten_thousand_rows_are_refused_with_the_limit_and_none_is_taken(sending: Sending) -> None:
    package = sending.sealed()
    rows = [row(sending.phone, package), *({"newDocumentState": {}} for _ in range(9_999))]
    answer = sending.phone.request("POST", PATH, json=rows)
    assert (answer.status_code, answer.json()["code"]) == (413, "batch_too_large")
    assert (answer.json()["limit"], answer.json()["rows"]) == (MAX_ROWS, 10_000)
    assert sending.kept(package.id) == []
    heavy = [row(sending.phone, package, sealed="x" * 5_000) for _ in range(10_000)]
    answer = sending.phone.request("POST", PATH, json=heavy)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["limit"] > 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[NaN]", 400),
        (b"[" * 100_000, 400),
        (b"{}", 422),
        (b"7", 422),
    ],
)
def test_a_body_that_is_no_list_of_rows_is_refused_whole(sending: Sending, body: bytes, status: int) -> None:
    answer = sending.phone.request("POST", PATH, content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_no_rows_are_no_harm(sending: Sending) -> None:
    assert push_rows(sending.phone, []) == []


def test_only_a_phone_pushes(sending: Sending) -> None:
    assert sending.team[0].post(f"/mobile/v1{PATH}", json=[]).status_code == 403
