"""What is set aside waits for a person of the sender's region, never its author, who releases or rejects it with a reason."""

import json
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import SealedPackage
from app.core.clock import shanghai_today, standing_at, utc_now
from app.core.ids import new_id
from app.core.paging import PageRequest
from app.services.identity import brake
from app.services.inspections.receipt_format import receipt_verifies
from app.services.inspections.service import sweep_packages
from app.services.quarantine import deciding
from app.services.quarantine.queue import QueueFilter, Standing, items_query
from app.services.runtime import Runtime
from tests.factories.field import Field, photo
from tests.factories.sending import codes
from tests.factories.world import Person
from tests.quarantine.conftest import Lost
from tests.support.queries import recorded_queries

QUEUE = "/api/v1/quarantine"
REASON = {"reason": "经核对现场照片与走访记录，内容属实"}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test comes from the same address."""
    monkeypatch.setitem(brake.LIMITS, "intake_address", 10_000)


@pytest.fixture
def reviewer(lost: Lost) -> Person:
    return lost.world.person("legal_reviewer", region=lost.world.district)


def set_aside(lost: Lost, **bend: Any) -> SealedPackage:
    """A package the server could not process: unless told, its checklist is unknown."""
    changes = {"template": {**lost.template, "hash": "sha-256:" + "1" * 64}, **bend}
    package = lost.fresh(**changes)
    answer = lost.phone.put_package(package)
    assert (answer.status_code, answer.json()["code"]) == (422, "package_quarantined"), answer.text
    return package


def handed_in(lost: Lost, *photos: Any, **changes: Any) -> SealedPackage:
    """A sound package that a revoked phone handed in, and its files."""
    package = lost.fresh(*photos, **changes)
    if lost.phone.request("GET", "/templates").status_code == 200:
        lost.revoke()
    assert lost.phone.hand_in(package, package.id).status_code == 201
    for one in photos:
        assert lost.phone.hand_in(one, package.id).status_code == 201
    return package


def items(person: Person, **narrowed: Any) -> list[dict[str, Any]]:
    answer = person.get(QUEUE, params=narrowed)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def item_of(person: Person, package: SealedPackage, **narrowed: Any) -> dict[str, Any]:
    """The package's own item."""
    found = items(person, package_id=str(package.id), **narrowed)
    (one,) = [row for row in found if row["kind"] == "package"]
    return one


def decide(person: Person, item: dict[str, Any], how: str, version: int | None = None) -> Any:
    path = f"{QUEUE}/{item['id']}/{how}"
    return person.post(path, version=version or item["version"], json=REASON)


def mend(lost: Lost, package: SealedPackage) -> None:
    """Bring in the checklist that the package was filled in with."""
    digest = json.loads(package.sealed)["template"]["hash"]

    async def make(session: AsyncSession) -> None:
        copied = text(
            "INSERT INTO template_versions (id, template_id, number, status, origin, title_zh, title_en, in_force_from, body, "
            "content_hash, published_at, version, created_at, updated_at) SELECT :id, template_id, :number, 'published', origin, "
            "title_zh, title_en, in_force_from, body, :new, now(), 1, now(), now() FROM template_versions WHERE content_hash = :old"
        )
        values = {
            "id": new_id(),
            "number": secrets.randbelow(10**9),
            "new": digest,
            "old": lost.template["hash"],
        }
        await session.execute(copied, values)

    lost.world.in_database(make)


def status_of(lost: Lost, package_id: UUID) -> Any:
    """What the phone's owner is told, asking with a phone in use."""
    phone = lost.field.phone(lost.phone.user_id)  # type: ignore[arg-type]
    return phone.request("GET", f"/packages/{package_id}")


def test_both_kinds_stand_in_one_queue_with_the_reason_oldest_first(lost: Lost, reviewer: Person) -> None:
    first = set_aside(lost)
    second = handed_in(lost, photo())
    shown = [(row["origin"], row["kind"], row["reason"]) for row in items(reviewer)]
    assert shown == [
        ("door", "package", "unknown_template"),
        ("intake", "package", "revoked_device"),
        ("intake", "evidence", "revoked_device"),
    ]
    assert item_of(reviewer, first)["id"] == str(first.id)
    assert item_of(reviewer, second)["object_id"] == str(second.id)
    assert {row["status"] for row in items(reviewer)} == {"waiting"}


def test_the_queue_is_narrowed_by_reason_phone_authority_region_and_age(lost: Lost, reviewer: Person) -> None:
    package = set_aside(lost)
    mine = str(package.id)
    world, phone = lost.world, lost.phone
    fits: list[dict[str, Any]] = [
        {"reason": "unknown"},
        {"device_id": phone.device_id},
        {"authority_id": world.authority},
        {"region_id": world.district},
        {"older_than_days": 0},
    ]
    fits_not: list[dict[str, Any]] = [
        {"reason": "revoked"},
        {"device_id": new_id()},
        {"authority_id": new_id()},
        {"region_id": world.other_district},
        {"older_than_days": 1},
        {"status": "rejected"},
    ]
    for narrowed in fits:
        assert [row["id"] for row in items(reviewer, **narrowed)] == [mine], narrowed
    for narrowed in fits_not:
        assert items(reviewer, **narrowed) == [], narrowed


def test_pages_follow_one_another_and_their_cursor_is_signed(lost: Lost, reviewer: Person) -> None:
    kept = [str(set_aside(lost).id) for _ in range(3)]
    seen, cursor = [], None
    for _ in range(3):
        params = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = reviewer.get(QUEUE, params=params).json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"] or cursor
    assert seen == kept
    bent = reviewer.get(QUEUE, params={"limit": 1, "cursor": f"A{cursor}"})
    assert (bent.status_code, bent.json()["code"]) == (400, "invalid_cursor")


def test_a_longer_queue_takes_no_more_statements(lost: Lost, reviewer: Person, runtime: Runtime) -> None:
    counts = []
    for _ in range(2):
        set_aside(lost)
        with recorded_queries(runtime.database) as sent:
            items(reviewer)
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 3


@pytest.mark.parametrize("standing", ["waiting", "rejected"])
def test_the_queue_is_read_by_its_indexes_however_many_packages_there_are(
    lost: Lost, standing: Standing
) -> None:
    query = items_query(frozenset({lost.world.town}), PageRequest(), QueueFilter(standing))
    compiled = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]

    async def explain(session: AsyncSession) -> str:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        connection = await session.connection()
        rows = await connection.exec_driver_sql(f"EXPLAIN {compiled}")
        return "\n".join(row[0] for row in rows)

    plan = lost.world.in_database(explain)
    assert "Seq Scan on package_intakes" not in plan
    assert "Seq Scan on intake_deliveries" not in plan


def test_nobody_of_another_region_sees_or_decides(lost: Lost) -> None:
    package = set_aside(lost)
    stranger = lost.world.person("legal_reviewer", region=lost.world.other_district)
    assert items(stranger) == []
    for answer in (
        stranger.get(f"{QUEUE}/{package.id}"),
        stranger.get(f"{QUEUE}/{package.id}/original"),
        decide(stranger, {"id": str(package.id)}, "release", 1),
        decide(stranger, {"id": str(package.id)}, "rejection", 1),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_only_reviewers_and_those_in_charge_decide_and_an_administrator_reads_no_content(lost: Lost) -> None:
    package = set_aside(lost)
    administrator = lost.world.person("administrator")
    assert administrator.get(f"{QUEUE}/{package.id}").status_code == 200
    assert administrator.get(f"{QUEUE}/{package.id}/original").status_code == 403
    for role in ("administrator", "supervisor", "auditor"):
        person = lost.world.person(role)
        assert decide(person, {"id": str(package.id)}, "release", 1).status_code == 403


def test_the_author_and_the_officers_of_a_record_never_decide_about_it(lost: Lost) -> None:
    package = set_aside(lost)

    async def promote(session: AsyncSession) -> None:
        for officer in lost.team:
            grant = text(
                "INSERT INTO role_grants (id, user_id, role, region_id, starts_on, created_at) "
                "VALUES (:id, :user, 'legal_reviewer', :region, '2020-01-01', now())"
            )
            values = {"id": new_id(), "user": officer.user_id, "region": lost.world.town}
            await session.execute(grant, values)

    lost.world.in_database(promote)
    for officer in lost.team:
        for how in ("release", "rejection"):
            answer = decide(officer, item_of(officer, package), how)
            assert (answer.status_code, answer.json()["code"]) == (403, "own_record")


def test_no_officer_of_a_record_decides_about_its_files(lost: Lost) -> None:
    """Whether the package that names him was handed in too, or is here by the ordinary door."""
    colleague = lost.world.person("inspector", "legal_reviewer", region=lost.world.town)
    officers = [str(lost.team[0].user_id), str(colleague.user_id)]
    here, along, late = photo(), photo(), photo()
    first = lost.fresh(here, officers=officers)
    assert lost.phone.put_package(first).status_code == 201
    second = lost.fresh(along, officers=officers)
    lost.revoke()
    assert lost.phone.hand_in(here, first.id).status_code == 201
    assert lost.phone.hand_in(second, second.id).status_code == 201
    assert lost.phone.hand_in(along, second.id).status_code == 201
    files = [row for row in items(colleague) if row["kind"] == "evidence"]
    assert {row["object_id"] for row in files} == {str(here.id), str(along.id)}
    for file in files:
        for how in ("release", "rejection"):
            answer = decide(colleague, file, how)
            assert (answer.status_code, answer.json()["code"]) == (403, "own_record")
    assert lost.phone.hand_in(late, new_id()).status_code == 201
    (orphan,) = [row for row in items(colleague) if row["object_id"] == str(late.id)]
    assert decide(colleague, orphan, "rejection").status_code == 200


def test_an_item_shows_what_can_be_read_and_its_bytes_leave_only_with_an_audit_row(
    lost: Lost, reviewer: Person
) -> None:
    picture = photo()
    package = handed_in(lost, picture)
    item = item_of(reviewer, package)
    detail = reviewer.get(f"{QUEUE}/{item['id']}").json()
    assert detail["signature_verifies"] is True
    assert detail["device_status"] == "revoked"
    assert detail["content"]["site_id"] == str(lost.field.site_id)
    assert detail["content"]["declared_files"] == 1
    assert json.loads(detail["note"])["note"]["hash"] == package.hash
    (file,) = detail["files"]
    given = reviewer.get(f"{QUEUE}/{item['id']}/original")
    assert given.content == package.sealed
    assert reviewer.get(f"{QUEUE}/{file['id']}/original").content == picture.content
    looks = [
        row
        for identifier in (item["id"], file["id"])
        for row in lost.rows("audit_entries", "object_id", UUID(identifier))
        if row["action"] == "quarantine:read_original"
    ]
    assert [row["user_id"] for row in looks] == [reviewer.user_id] * 2


def test_unreadable_bytes_are_shown_as_such_and_given_as_they_came(lost: Lost, reviewer: Person) -> None:
    package = lost.raw(b"\xff\xfe no envelope")
    assert lost.phone.put_package(package).status_code == 422
    detail = reviewer.get(f"{QUEUE}/{package.id}").json()
    assert (detail["is_readable"], detail["content"], detail["reason"]) == (False, None, "not_json")
    assert reviewer.get(f"{QUEUE}/{package.id}/original").content == package.sealed


def test_released_after_the_checklist_came_it_is_processed_and_receipted_as_usual(
    lost: Lost, reviewer: Person, runtime: Runtime
) -> None:
    picture = photo()
    package = lost.fresh(picture, template={**lost.template, "hash": "sha-256:" + f"{new_id().hex:0>64}"})
    assert lost.phone.put_package(package).status_code == 422
    assert lost.phone.put_photo(package, picture).json()["status"] == "stored"
    item = item_of(reviewer, package)
    still = decide(reviewer, item, "release")
    assert (still.status_code, still.json()["code"]) == (409, "not_releasable")
    assert still.json()["reason"] == "unknown_template"
    mend(lost, package)
    answer = decide(reviewer, item_of(reviewer, package), "release")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "released"
    state = lost.phone.put_package(package)
    assert (state.status_code, state.json()["status"]) == (200, "processed")
    assert "delivered_after_revocation" not in codes(state)
    receipt = lost.phone.receipt(package.id)
    assert receipt is not None
    assert receipt_verifies(receipt, [key.public_jwk for key in runtime.keys.all("receipts")])
    assert receipt["receipt"]["evidence"][0]["status"] == "verified"
    assert items(reviewer) == []
    assert item_of(reviewer, package, status="released")["decision_reason"] == REASON["reason"]


def test_what_a_revoked_phone_handed_in_is_released_with_a_mark_that_stays(
    lost: Lost, reviewer: Person, runtime: Runtime
) -> None:
    picture, undeclared = photo(), photo()
    package = handed_in(lost, picture)
    assert lost.phone.hand_in(undeclared, package.id).status_code == 201
    item = item_of(reviewer, package)
    answer = decide(reviewer, item, "release")
    assert answer.status_code == 200, answer.text
    state = status_of(lost, package.id).json()
    assert (state["status"], state["missing_evidence"], state["receipt"]) == ("processed", [], True)
    flag = next(one for one in state["issues"] if one["code"] == "delivered_after_revocation")
    assert "nothing proves that it was sealed before" in flag["en"]
    (kept,) = lost.rows("package_intakes", "package_id", package.id)
    assert (kept["origin"], kept["user_id"], kept["decided_by"]) == (
        "intake", lost.team[0].user_id, reviewer.user_id,
    )  # fmt: skip
    (delivery,) = lost.rows("intake_deliveries", "object_id", package.id)
    assert kept["received_at"] == delivery["received_at"]
    (stored,) = lost.rows("evidence_files", "id", picture.id)
    assert stored["is_claimed"]
    assert stored["received_at"] == lost.rows("intake_deliveries", "object_id", picture.id)[0]["received_at"]
    assert [row["object_id"] for row in items(reviewer)] == [str(undeclared.id)]
    left = decide(reviewer, items(reviewer)[0], "release")
    assert (left.status_code, left.json()["reason"]) == (409, "evidence_undeclared")
    visit = reviewer.get(f"/api/v1/inspections/visits/{json.loads(package.sealed)['visit_id']}").json()
    assert "delivered_after_revocation" in {one["code"] for one in visit["packages"][0]["issues"]}


def test_files_of_a_package_accepted_before_the_revocation_are_claimed_only_when_released(
    lost: Lost, reviewer: Person
) -> None:
    pictures = [photo(), photo()]
    package = lost.fresh(*pictures)
    assert lost.phone.put_package(package).status_code == 201
    lost.revoke()
    for one in pictures:
        lost.phone.hand_in(one, package.id)
    assert len(status_of(lost, package.id).json()["missing_evidence"]) == 2
    for item in items(reviewer):
        assert decide(reviewer, item, "release").status_code == 200
    assert status_of(lost, package.id).json()["receipt"] is True


def test_a_file_whose_package_is_not_here_waits_on(lost: Lost, reviewer: Person) -> None:
    lost.revoke()
    lost.phone.hand_in(photo(), new_id())
    (item,) = items(reviewer)
    answer = decide(reviewer, item, "release")
    assert (answer.status_code, answer.json()["reason"]) == (409, "package_not_here")
    assert items(reviewer) == [item]


def test_rejected_it_is_kept_for_ever_and_its_sender_reads_the_reason(lost: Lost, reviewer: Person) -> None:
    package = set_aside(lost)
    item = item_of(reviewer, package)
    pending = lost.phone.get_receipt(package.id)
    assert (pending.status_code, pending.json()["code"]) == (404, "receipt_pending")
    answer = decide(reviewer, item, "rejection")
    assert (answer.status_code, answer.json()["status"]) == (200, "rejected")
    never = lost.phone.get_receipt(package.id)
    assert (never.status_code, never.json()["code"], never.json()["retry"]) == (
        422,
        "package_rejected",
        "manual",
    )
    assert never.json()["reason"] == REASON["reason"]
    state = lost.phone.request("GET", f"/packages/{package.id}").json()
    assert (state["status"], state["reason"]) == ("rejected", REASON["reason"])
    again = lost.phone.put_package(package)
    assert (again.status_code, again.json()["code"]) == (422, "package_rejected")
    assert again.json()["reason"] == REASON["reason"]
    assert lost.kept(package.id) == [package.sealed]
    assert items(reviewer) == []
    assert item_of(reviewer, package, status="rejected")["decided_by"] == str(reviewer.user_id)


def test_a_rejected_delivery_takes_its_files_along_and_its_owner_reads_the_reason(
    lost: Lost, reviewer: Person
) -> None:
    picture = photo()
    package = handed_in(lost, picture)
    assert decide(reviewer, item_of(reviewer, package), "rejection").status_code == 200
    assert items(reviewer) == []
    phone = lost.field.phone(lost.team[0].user_id)
    own = phone.request("GET", "/intake").json()["items"]
    assert {(one["object_id"], one["status"], one["decision_reason"]) for one in own} == {
        (str(package.id), "rejected", REASON["reason"]),
        (str(picture.id), "rejected", REASON["reason"]),
    }
    colleague = lost.field.phone(lost.team[1].user_id)
    assert colleague.request("GET", "/intake").json()["items"] == []
    assert lost.rows("package_intakes", "package_id", package.id) == []
    assert len(lost.rows("intake_deliveries", "package_id", package.id)) == 2
    again = lost.phone.hand_in(package, package.id)
    assert again.status_code == 200


def test_a_decision_needs_the_version_that_was_read_and_is_made_once(lost: Lost, reviewer: Person) -> None:
    package = set_aside(lost)
    item = item_of(reviewer, package)
    path = f"{QUEUE}/{item['id']}/rejection"
    assert reviewer.post(path, json=REASON).status_code == 428
    assert reviewer.post(path, version=item["version"] + 1, json=REASON).status_code == 412
    assert reviewer.post(path, version=item["version"], json={}).status_code == 422
    done = decide(reviewer, item, "rejection")
    assert done.headers["ETag"] == f'"{item["version"] + 1}"'
    assert decide(reviewer, item, "rejection").status_code == 412
    twice = decide(reviewer, item, "release", item["version"] + 1)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_decided")


def test_every_decision_is_in_the_audit_log(lost: Lost, reviewer: Person) -> None:
    rejected, released = set_aside(lost), handed_in(lost)
    decide(reviewer, item_of(reviewer, rejected), "rejection")
    item = item_of(reviewer, released)
    decide(reviewer, item, "release")
    written = [
        (row["action"], row["user_id"], row["region_id"])
        for identifier in (rejected.id, UUID(item["id"]))
        for row in lost.rows("audit_entries", "object_id", identifier)
        if row["action"] in ("quarantine:release", "quarantine:reject")
    ]
    assert written == [
        ("quarantine:reject", reviewer.user_id, lost.world.town),
        ("quarantine:release", reviewer.user_id, lost.world.town),
    ]


def test_a_wrong_signature_or_another_author_is_never_released(lost: Lost, reviewer: Person) -> None:
    forged, key = lost.fresh(), lost.phone.key
    lost.phone.key = lost.field.phone(lost.team[0].user_id).key
    assert lost.phone.put_package(forged).json()["reason"] == "wrong_signature"
    lost.phone.key = key
    foreign = lost.whole(user_id=str(new_id()))
    assert lost.phone.put_package(foreign).json()["reason"] == "other_author"
    for package, reason in ((forged, "wrong_signature"), (foreign, "other_author")):
        answer = decide(reviewer, item_of(reviewer, package), "release")
        assert (answer.status_code, answer.json()["reason"]) == (409, reason)
        assert lost.status(package.id) == ("quarantined", reason)


def test_a_phone_cannot_bring_in_by_the_intake_what_its_owner_might_never_submit(lost: Lost) -> None:
    world = lost.world
    reviewer = world.person("legal_reviewer")
    assistant = world.person("safety_assistant", region=world.town)
    lost.phone = lost.field.phone(assistant.user_id)
    inspection = handed_in(lost)
    elsewhere = Field(world, region=world.other_town)
    lost.phone = lost.field.phone(lost.team[0].user_id)
    document = elsewhere.document(lost.template, [one.user_id for one in lost.team])
    lost.revoke()
    abroad = lost.phone.seal(document, [])
    assert lost.phone.hand_in(abroad, abroad.id).status_code == 201
    for package in (inspection, abroad):
        answer = decide(reviewer, item_of(reviewer, package), "release")
        assert (answer.status_code, answer.json()["reason"]) == (409, "author_not_entitled")


def test_an_officer_who_left_since_was_entitled_on_the_day_of_the_record(
    lost: Lost, reviewer: Person
) -> None:
    package = handed_in(lost)

    async def leave(session: AsyncSession) -> None:
        ended = text("UPDATE role_grants SET ends_on = :today WHERE user_id = :user")
        values = {"today": shanghai_today(), "user": lost.phone.user_id}
        await session.execute(ended, values)
        await session.execute(text("UPDATE users SET is_active = false WHERE id = :user"), values)

    lost.world.in_database(leave)
    assert decide(reviewer, item_of(reviewer, package), "release").status_code == 200
    assert lost.status(package.id)[0] == "processed"


def test_a_delivery_whose_id_is_taken_by_other_bytes_is_not_released_over_them(
    lost: Lost, reviewer: Person
) -> None:
    first = lost.fresh()
    assert lost.phone.put_package(first).status_code == 201
    other = type(first)(first.id, first.sealed.replace("李工".encode(), "王工".encode()), ())
    lost.revoke()
    assert lost.phone.hand_in(other, other.id).status_code == 201
    answer = decide(reviewer, item_of(reviewer, other), "release")
    assert (answer.status_code, answer.json()["code"]) == (409, "package_conflict")
    assert item_of(reviewer, other)["status"] == "waiting"
    assert lost.kept(first.id) == [first.sealed]


def test_a_delivery_that_cannot_be_processed_yet_waits_as_a_package_and_keeps_its_mark(
    lost: Lost, reviewer: Person
) -> None:
    picture = photo()
    package = handed_in(
        lost, picture, template={**lost.template, "hash": "sha-256:" + f"{new_id().hex:0>64}"}
    )
    answer = decide(reviewer, item_of(reviewer, package), "release")
    assert (answer.status_code, answer.json()["reason"]) == (409, "unknown_template")
    waiting = item_of(reviewer, package)
    assert (waiting["id"], waiting["origin"]) == (str(package.id), "intake")
    mend(lost, package)
    assert decide(reviewer, waiting, "release").status_code == 200
    state = status_of(lost, package.id).json()
    assert (state["status"], state["receipt"]) == ("processed", True)
    assert "delivered_after_revocation" in {one["code"] for one in state["issues"]}


def test_a_delivery_of_a_package_that_waits_already_waits_on_and_follows_it(
    lost: Lost, reviewer: Person
) -> None:
    picture = photo()
    package = lost.fresh(picture, template={**lost.template, "hash": "sha-256:" + f"{new_id().hex:0>64}"})
    assert lost.phone.put_package(package).status_code == 422
    lost.revoke()
    assert lost.phone.hand_in(package, package.id).status_code == 201
    assert lost.phone.hand_in(picture, package.id).status_code == 201

    def by_origin() -> dict[str, dict[str, Any]]:
        found = items(reviewer, package_id=str(package.id))
        return {row["origin"]: row for row in found if row["kind"] == "package"}

    answer = decide(reviewer, by_origin()["intake"], "release")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_releasable")
    assert answer.json()["reason"] == "unknown_template"
    assert {row["status"] for row in items(reviewer)} == {"waiting"}
    assert set(by_origin()) == {"door", "intake"}
    mend(lost, package)
    assert decide(reviewer, by_origin()["door"], "release").status_code == 200
    assert decide(reviewer, by_origin()["intake"], "release").status_code == 200
    assert items(reviewer) == []
    assert status_of(lost, package.id).json()["receipt"] is True


def test_an_interrupted_release_is_finished_by_the_sweep(
    lost: Lost, reviewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: Any) -> None:
        raise RuntimeError("killed")

    package = handed_in(lost)
    item = item_of(reviewer, package)
    with monkeypatch.context() as killed:
        killed.setattr(deciding, "finish_kept", interrupted)
        assert decide(reviewer, item, "release").status_code == 500
    portal = lost.world.client.portal
    assert portal is not None
    with standing_at(utc_now() + timedelta(minutes=5)):
        portal.call(sweep_packages, lost.world.runtime)
    assert lost.status(package.id)[0] == "processed"
