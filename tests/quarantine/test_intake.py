"""A revoked phone hands in what it holds; it is kept and noted, nothing of it is accepted, and nobody else speaks for it."""

import base64
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import sha256_of
from app.config import Settings
from app.core.ids import new_id
from app.services.evidence.service import forget_unused_bytes
from app.services.evidence.sweeping import remove_decided, remove_strays, sweep_unclaimed
from app.services.identity import brake
from app.services.quarantine import intake
from app.services.quarantine.notes import note_verifies
from app.services.runtime import Runtime
from app.storage.store import original_key
from tests.factories.field import photo
from tests.factories.world import World
from tests.quarantine.conftest import Lost


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test comes from the same address."""
    monkeypatch.setitem(brake.LIMITS, "intake_address", 10_000)


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_revoked_phone_is_refused_and_sent_to_the_intake_which_needs_no_token(lost: Lost) -> None:
    package = lost.sealed()
    lost.revoke()
    refused = lost.phone.put_package(package)
    assert code_of(refused) == (403, "device_revoked")
    assert "/mobile/v1/intake" in refused.json()["en"]
    lost.phone.access_token = ""
    assert lost.phone.hand_in(package, package.id).status_code == 201


def test_the_note_says_durable_not_accepted_and_verifies_offline_with_published_keys(lost: Lost) -> None:
    package = lost.sealed()
    lost.revoke()
    note = lost.phone.hand_in(package, package.id).json()
    published = lost.world.client.get("/public/v1/keys").json()["keys"]
    assert note_verifies(note, published)
    said = note["note"]
    assert said["schema"] == "anshao.custody-note/1"
    assert (said["kind"], said["id"], said["hash"], said["size"]) == (
        "package", str(package.id), package.hash, len(package.sealed),
    )  # fmt: skip
    assert said["standing"] == "durable, not accepted"
    assert not {name for name in said if "seal" in name}
    assert not note_verifies({**note, "note": {**said, "size": said["size"] + 1}}, published)


def test_the_same_bytes_again_get_the_same_note(lost: Lost) -> None:
    package, picture = lost.sealed(), photo()
    lost.revoke()
    for item in (package, picture):
        first = lost.phone.hand_in(item, package.id)
        again = lost.phone.hand_in(item, package.id)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.content == again.content


def test_the_same_bytes_sent_at_once_are_kept_once(lost: Lost) -> None:
    package = lost.sealed()
    lost.revoke()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: lost.phone.hand_in(package, package.id), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.content for answer in answers}) == 1
    assert len(lost.rows("intake_deliveries", "object_id", package.id)) == 1


def test_other_bytes_under_the_same_id_are_kept_beside(lost: Lost) -> None:
    package = lost.sealed()
    other = lost.bent(lambda text_: text_ + " ")
    twin = type(package)(package.id, other.sealed, ())
    lost.revoke()
    assert {lost.phone.hand_in(one, package.id).status_code for one in (package, twin)} == {201}
    kept = {bytes(row["sealed"]) for row in lost.rows("intake_deliveries", "object_id", package.id)}
    assert kept == {package.sealed, twin.sealed}


def test_nothing_handed_in_is_accepted_claimed_or_receipted(lost: Lost) -> None:
    early, late = photo(), photo()
    before, after = lost.sealed([early]), lost.fresh(late)
    assert lost.phone.put_package(before).status_code == 201
    lost.revoke()
    assert lost.phone.hand_in(early, before.id).status_code == 201
    assert lost.phone.hand_in(after, after.id).status_code == 201
    assert lost.phone.hand_in(late, after.id).status_code == 201
    assert lost.rows("package_intakes", "package_id", after.id) == []
    assert lost.rows("packages", "id", after.id) == []
    assert lost.rows("receipts", "package_id", before.id) == []
    assert [row["status"] for row in lost.rows("evidence_declarations", "id", early.id)] == ["missing"]
    assert lost.rows("evidence_files", "id", early.id) == lost.rows("evidence_files", "id", late.id) == []


def stored(lost: Lost, content: bytes) -> bool:
    portal = lost.world.client.portal
    assert portal is not None
    return bool(portal.call(lost.world.runtime.storage.exists, original_key(sha256_of(content))))


def test_the_bytes_of_a_file_are_stored_as_they_came_and_nothing_sweeps_them_away(
    lost: Lost, runtime: Runtime
) -> None:
    picture, package_id = photo(), new_id()
    lost.revoke()
    assert lost.phone.hand_in(picture, package_id).status_code == 201
    portal = lost.world.client.portal
    assert portal is not None
    assert portal.call(runtime.storage.read, original_key(sha256_of(picture.content))) == picture.content
    assert portal.call(forget_unused_bytes, runtime, sha256_of(picture.content)) is False

    async def decide(session: AsyncSession) -> None:
        values = {"key": original_key(sha256_of(picture.content)), "sha": sha256_of(picture.content)}
        await session.execute(text("INSERT INTO evidence_removals VALUES (:key, :sha, now())"), values)

    lost.world.in_database(decide)
    portal.call(sweep_unclaimed, runtime)
    portal.call(remove_decided, runtime)
    portal.call(remove_strays, runtime, -1)
    assert stored(lost, picture.content)


def test_a_phone_in_use_is_told_to_use_the_ordinary_door(lost: Lost) -> None:
    package = lost.sealed()
    assert code_of(lost.phone.hand_in(package, package.id)) == (409, "intake_not_needed")
    assert lost.rows("intake_deliveries", "object_id", package.id) == []


def test_an_unknown_key_and_a_wrong_proof_get_one_and_the_same_answer(lost: Lost) -> None:
    package = lost.sealed()
    lost.revoke()
    stranger = {"Anshao-Key-Id": "k" * 43}
    thief = {"Anshao-Proof": "A" * 86}
    answers = [lost.phone.hand_in(package, package.id, headers=one) for one in (stranger, thief)]
    bodies = [{k: v for k, v in one.json().items() if k not in ("instance", "request_id")} for one in answers]
    assert [code_of(one) for one in answers] == [(401, "intake_refused")] * 2
    assert bodies[0] == bodies[1]
    assert lost.rows("intake_deliveries", "object_id", package.id) == []


@pytest.mark.parametrize("changed", ["id", "package_id", "kind", "Repr-Digest", "Anshao-At"])
def test_the_proof_covers_all_that_is_said(lost: Lost, changed: str) -> None:
    package = lost.sealed()
    lost.revoke()
    params = {"kind": "package", "id": str(package.id), "package_id": str(package.id)}
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    headers = {"Repr-Digest": f"sha-256=:{other}:", "Anshao-At": "2026-01-01T00:00:00Z"}
    if changed in params:
        params[changed] = "evidence" if changed == "kind" else str(new_id())
    said = {changed: headers[changed]} if changed in headers else {}
    assert code_of(lost.phone.hand_in(package, package.id, params=params, headers=said)) == (
        401, "intake_refused",
    )  # fmt: skip


def test_a_phones_wrong_clock_refuses_nothing_and_proves_nothing(lost: Lost) -> None:
    package = lost.sealed()
    lost.revoke()
    at = "2001-01-01T00:00:00Z"
    proof = lost.phone.sign(intake.handover_message("package", package.id, package.id, package.hash, at))
    headers = {"Anshao-At": at, "Anshao-Proof": proof}
    note = lost.phone.hand_in(package, package.id, headers=headers).json()["note"]
    assert note["received_at"] > "2026"
    assert "2001" not in str(note)
    (row,) = lost.rows("intake_deliveries", "object_id", package.id)
    assert row["said_at"] == at


def test_a_package_whose_own_signature_is_wrong_is_refused_by_name(lost: Lost) -> None:
    package = lost.sealed()
    lost.revoke()
    wrong = lost.phone.hand_in(package, package.id, headers={"Anshao-Signature": "A" * 86})
    assert code_of(wrong) == (422, "wrong_package_signature")


@pytest.mark.parametrize("content", [b"", b"other bytes"])
def test_bytes_damaged_on_the_way_are_refused_and_leave_nothing(lost: Lost, content: bytes) -> None:
    package, picture = lost.sealed(), photo()
    lost.revoke()
    for item in (package, picture):
        assert code_of(lost.phone.hand_in(item, package.id, content=content)) == (422, "wrong_evidence")
        assert lost.rows("intake_deliveries", "object_id", item.id) == []
    assert not stored(lost, content)


def test_beyond_its_quota_a_phone_gets_429_and_what_is_here_is_still_acknowledged(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = [lost.fresh() for _ in range(3)]
    lost.revoke()
    monkeypatch.setitem(intake.MAX_DELIVERIES, "package", 2)
    answers = [lost.phone.hand_in(one, one.id) for one in packages]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert (answers[2].json()["code"], answers[2].json()["retry"]) == ("intake_quota", "after")
    assert int(answers[2].headers["Retry-After"]) > 0
    assert lost.phone.hand_in(packages[0], packages[0].id).status_code == 200
    picture = photo()
    assert lost.phone.hand_in(picture, packages[0].id).status_code == 201
    monkeypatch.setattr(intake, "MAX_BYTES", 10)
    assert code_of(lost.phone.hand_in(photo(), packages[0].id)) == (429, "intake_quota")


def test_the_quota_holds_against_deliveries_at_once(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = [lost.fresh() for _ in range(4)]
    lost.revoke()
    monkeypatch.setitem(intake.MAX_DELIVERIES, "package", 2)
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda p: lost.phone.hand_in(p, p.id).status_code, packages))
    assert statuses == [201, 201, 429, 429]


def test_a_file_may_be_larger_than_any_package(lost: Lost, settings: Settings) -> None:
    picture = photo(os.urandom(settings.max_body_bytes + 1))
    package = lost.fresh(picture)
    lost.revoke()
    assert lost.phone.hand_in(picture, package.id).status_code == 201
    (row,) = lost.rows("intake_deliveries", "object_id", picture.id)
    assert row["size"] == len(picture.content) > settings.max_body_bytes
    too_much = type(package)(package.id, b" " * (settings.max_body_bytes + 1), ())
    answer = lost.phone.hand_in(too_much, package.id)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_strangers_are_braked_by_address_and_a_key_by_what_it_hands_in(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = lost.sealed()
    lost.revoke()
    monkeypatch.setitem(brake.LIMITS, "intake_key", 1)
    assert lost.phone.hand_in(package, package.id).status_code == 201
    assert code_of(lost.phone.hand_in(package, package.id)) == (429, "too_many_attempts")
    monkeypatch.setitem(brake.LIMITS, "intake_address", 0)
    stranger = lost.phone.hand_in(package, package.id, headers={"Anshao-Key-Id": "nobody"})
    assert code_of(stranger) == (429, "too_many_attempts")


def test_what_was_handed_in_cannot_be_altered_or_removed_even_in_the_database(lost: Lost) -> None:
    package = lost.sealed()
    lost.revoke()
    lost.phone.hand_in(package, package.id)
    changes = (
        "DELETE FROM intake_deliveries WHERE object_id = :id",
        "UPDATE intake_deliveries SET sealed = '' WHERE object_id = :id",
        "UPDATE intake_deliveries SET note = '' WHERE object_id = :id",
    )
    for change in changes:

        async def alter(session: AsyncSession, change: str = change) -> None:
            await session.execute(text(change), {"id": package.id})

        with pytest.raises(DBAPIError, match="never altered"):
            lost.world.in_database(alter)


def test_a_phone_that_waits_for_confirmation_hands_in_nothing(lost: Lost) -> None:
    package = lost.sealed()

    async def pending(session: AsyncSession) -> None:
        changed = text("UPDATE devices SET status = 'pending' WHERE id = :id")
        await session.execute(changed, {"id": lost.phone.device_id})

    lost.world.in_database(pending)
    assert code_of(lost.phone.hand_in(package, package.id)) == (403, "device_pending")


def test_a_file_needs_its_package_and_every_delivery_its_hash(world: World, lost: Lost) -> None:
    lost.revoke()
    picture = photo()
    without = {"kind": "evidence", "id": str(picture.id)}
    assert code_of(lost.phone.hand_in(picture, new_id(), params=without)) == (422, "intake_package_required")
    unhashed = lost.phone.hand_in(picture, new_id(), headers={"Repr-Digest": "md5=:AA==:"})
    assert code_of(unhashed) == (422, "repr_digest_required")
