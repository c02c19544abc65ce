"""A bundle file brings the same objects with the same guarantees, whoever carries it; the carrier is never the author."""

import os
import tracemalloc
from pathlib import Path
from typing import Any

import pyrage
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from anshao_phone import Device as Phone
from app.cli import cli
from app.config import Settings
from app.core.ids import new_id
from app.services.bundles.importing import import_bundle
from app.services.bundles.keys import BundleKeys
from app.services.inspections.receipt_format import receipt_verifies
from app.services.quarantine.notes import note_verifies
from app.services.runtime import Runtime
from tests.bundles.making import Bundle, bring, bring_plain, encrypted, key_of, results, zipped
from tests.factories.field import Field, photo
from tests.quarantine.conftest import Lost


@pytest.fixture
def lost(world: Any) -> Lost:
    return Lost(world)


@pytest.fixture
def carrier(lost: Lost) -> Phone:
    """A phone of somebody with nothing to do with the record, of another district."""
    somebody = lost.world.person("safety_assistant", region=lost.world.other_town)
    return lost.field.phone(somebody.user_id)


def test_packages_and_files_arrive_as_if_their_own_phone_had_sent_them(
    lost: Lost, carrier: Phone, runtime: Runtime
) -> None:
    pictures = [photo(), photo()]
    package = lost.fresh(*pictures)
    answer = bring_plain(carrier, Bundle().add(lost.phone, package).zip())
    assert results(answer) == {
        str(one): ("accepted", None) for one in (package.id, *(p.id for p in pictures))
    }
    receipt = lost.phone.receipt(package.id)
    assert receipt is not None
    assert receipt_verifies(receipt, [key.public_jwk for key in runtime.keys.all("receipts")])
    assert receipt["receipt"]["device_id"] == str(lost.phone.device_id)
    again = lost.phone.put_package(package)
    assert (again.status_code, again.json()["status"]) == (200, "processed")
    assert lost.kept(package.id) == [package.sealed]


def test_the_carrier_is_never_the_author_and_is_written_down(lost: Lost, carrier: Phone) -> None:
    picture = photo()
    package = lost.fresh(picture)
    answer = bring_plain(carrier, Bundle().add(lost.phone, package).zip())
    assert set(results(answer).values()) == {("accepted", None)}
    for table, column, value in (
        ("package_intakes", "package_id", package.id),
        ("packages", "id", package.id),
        ("evidence_files", "id", picture.id),
    ):
        (row,) = lost.rows(table, column, value)
        assert (row["user_id"], row["device_id"]) == (lost.phone.user_id, lost.phone.device_id)
    assert carrier.request("GET", f"/packages/{package.id}").status_code == 404
    carried = lost.rows("audit_entries", "user_id", carrier.user_id)
    (entry,) = [row for row in carried if row["action"] == "bundles:import"]
    assert (entry["device_id"], entry["detail"]["hash"]) == (carrier.device_id, answer.json()["hash"])


def test_the_carrier_reads_nothing_in_the_file(lost: Lost, carrier: Phone) -> None:
    package = lost.fresh()
    content = encrypted(Bundle().add(lost.phone, package).zip(), key_of(carrier))
    assert str(package.id).encode() not in content
    assert b"PK" not in content[:4]
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(content, [pyrage.x25519.Identity.generate()])


def test_importing_again_changes_nothing(lost: Lost, carrier: Phone) -> None:
    package = lost.fresh(photo())
    content = encrypted(Bundle().add(lost.phone, package).zip(), key_of(carrier))
    assert {status for status, _ in results(bring(carrier, content)).values()} == {"accepted"}
    before = lost.rows("receipts", "package_id", package.id)
    assert {status for status, _ in results(bring(carrier, content)).values()} == {"known"}
    assert lost.rows("receipts", "package_id", package.id) == before
    assert len(lost.rows("package_intakes", "package_id", package.id)) == 1


def test_one_poison_package_never_blocks_the_others(lost: Lost, carrier: Phone) -> None:
    good, after = lost.fresh(photo()), lost.fresh()
    unknown = lost.fresh(template={**lost.template, "hash": "sha-256:" + "1" * 64})
    foreign_phone = lost.field.phone(lost.team[1].user_id)
    forged, abroad, garbled, strange = (
        lost.fresh(),
        lost.fresh(site_id=str(new_id())),
        lost.fresh(),
        lost.fresh(),
    )
    elsewhere = Field(lost.world, region=lost.world.other_town)
    outside = lost.phone.seal(elsewhere.document(lost.template, [one.user_id for one in lost.team]), [])
    bundle = Bundle()
    for package in (unknown, forged, abroad, outside, garbled, strange, good, after):
        bundle.add(lost.phone, package)
    bundle.packages[forged.id]["signature"] = foreign_phone.sign(b"something else")
    bundle.packages[garbled.id] = {"sealed": 7}
    bundle.packages[strange.id]["key_id"] = "k" * 43
    found = results(bring_plain(carrier, bundle.zip()))
    assert found[str(good.id)] == found[str(after.id)] == ("accepted", None)
    assert found[str(good.photos[0].id)] == ("accepted", None)
    assert found[str(unknown.id)] == ("set_aside", "package_quarantined")
    assert found[str(forged.id)] == ("refused", "wrong_package_signature")
    assert found[str(outside.id)] == found[str(abroad.id)] == ("refused", "not_found")
    assert found[str(garbled.id)] == ("refused", "bundle_package_invalid")
    assert found[str(strange.id)] == ("refused", "wrong_package_signature")
    for package in (forged, outside, strange):
        assert lost.kept(package.id) == []


def test_a_forged_package_takes_no_id_away_from_its_author(lost: Lost, carrier: Phone) -> None:
    package = lost.fresh()
    bundle = Bundle().add(lost.phone, package)
    bundle.packages[package.id]["sealed"] = "{}"
    assert results(bring_plain(carrier, bundle.zip()))[str(package.id)] == (
        "refused",
        "wrong_package_signature",
    )
    assert lost.phone.put_package(package).status_code == 201


def test_other_bytes_under_a_taken_id_are_kept_beside(lost: Lost, carrier: Phone) -> None:
    package = lost.fresh()
    assert lost.phone.put_package(package).status_code == 201
    other = type(package)(package.id, package.sealed.replace("李工".encode(), "王工".encode()), ())
    found = results(bring_plain(carrier, Bundle().add(lost.phone, other).zip()))
    assert found[str(package.id)] == ("set_aside", "package_conflict")
    assert lost.kept(package.id) == [package.sealed, other.sealed]


def test_what_a_revoked_phone_sealed_goes_to_custody_with_its_files(
    lost: Lost, carrier: Phone, runtime: Runtime
) -> None:
    picture = photo()
    package = lost.fresh(picture)
    content = encrypted(Bundle().add(lost.phone, package).zip(), key_of(carrier))
    lost.revoke()
    assert set(results(bring(carrier, content)).values()) == {("custody", None)}
    rows = lost.rows("intake_deliveries", "package_id", package.id)
    assert {(row["kind"], row["status"], row["carried_by"]) for row in rows} == {
        ("package", "waiting", carrier.user_id),
        ("evidence", "waiting", carrier.user_id),
    }
    assert {row["user_id"] for row in rows} == {lost.phone.user_id}
    assert lost.rows("package_intakes", "package_id", package.id) == []
    note = lost.phone.hand_in(package, package.id)
    assert note.status_code == 200
    assert note_verifies(note.json(), [key.public_jwk for key in runtime.keys.all("receipts")])


def test_a_file_counts_only_by_a_package_its_author_sealed(lost: Lost, carrier: Phone) -> None:
    declared, smuggled, orphan = photo(), photo(), photo()
    package = lost.fresh(declared)
    bundle = Bundle().add(lost.phone, package)
    bundle.files += [(package.id, smuggled), (new_id(), orphan)]
    found = results(bring_plain(carrier, bundle.zip()))
    assert found[str(declared.id)] == ("accepted", None)
    assert found[str(smuggled.id)] == ("refused", "bundle_package_missing")
    assert found[str(orphan.id)] == ("refused", "bundle_package_missing")
    assert lost.rows("evidence_files", "id", smuggled.id) == []


def test_files_may_follow_the_package_that_came_another_way(lost: Lost, carrier: Phone) -> None:
    picture = photo()
    package = lost.fresh(picture)
    assert lost.phone.put_package(package).status_code == 201
    bundle = Bundle(files=[(package.id, picture)])
    assert results(bring_plain(carrier, bundle.zip())) == {str(picture.id): ("accepted", None)}
    assert lost.phone.receipt(package.id) is not None


def test_a_file_damaged_inside_is_refused_by_name(lost: Lost, carrier: Phone) -> None:
    picture = photo()
    package = lost.fresh(picture)
    bundle = Bundle().add(lost.phone, package, photos=False)
    other = type(picture)(picture.content + b"!", None, id=picture.id)
    bundle.files.append((package.id, other))
    assert results(bring_plain(carrier, bundle.zip()))[str(picture.id)] == ("refused", "wrong_evidence")
    assert lost.phone.receipt(package.id) is None


def test_whether_a_key_is_enrolled_is_not_told(lost: Lost, carrier: Phone) -> None:
    """Of an unknown phone, and of one in use, waiting or revoked: without its signature all are one answer."""
    packages = [lost.fresh() for _ in range(4)]
    bundle = Bundle()
    for package in packages:
        bundle.add(lost.phone, package)
        bundle.packages[package.id]["signature"] = "A" * 86
    others = [lost.field.phone(officer.user_id) for officer in lost.team]
    keys = [other.key_id for other in others] + ["k" * 43]
    for package, key_id in zip(packages[1:], keys, strict=True):
        bundle.packages[package.id]["key_id"] = key_id
    set_status(lost, others[0], "pending")
    lost.revoke(others[1])
    told = bring_plain(carrier, bundle.zip()).json()["results"]
    assert len({(row["status"], row["code"], row["zh"], row["en"]) for row in told}) == 1


def set_status(lost: Lost, phone: Phone, status: str) -> None:
    async def change(session: AsyncSession) -> None:
        await session.execute(
            text("UPDATE devices SET status = :status WHERE id = :id"),
            {"status": status, "id": phone.device_id},
        )

    lost.world.in_database(change)


def test_why_something_is_set_aside_is_told_to_its_author_not_to_the_carrier(
    lost: Lost, carrier: Phone
) -> None:
    rejected, aside = (lost.fresh(template={**lost.template, "hash": "sha-256:" + "1" * 64}) for _ in "12")
    assert lost.phone.put_package(rejected).status_code == 422
    reviewer = lost.world.person("legal_reviewer", region=lost.world.district)
    reason = "当事人张三投诉不实"
    path = f"/api/v1/quarantine/{rejected.id}/rejection"
    version = lost.rows("package_intakes", "package_id", rejected.id)[0]["version"]
    assert reviewer.post(path, version=version, json={"reason": reason}).status_code == 200
    plain = Bundle().add(lost.phone, rejected).add(lost.phone, aside).zip()
    to_carrier, to_author = bring_plain(carrier, plain), bring_plain(lost.phone, plain)
    assert results(to_carrier) == results(to_author)
    assert results(to_carrier) == {
        str(rejected.id): ("set_aside", "package_rejected"),
        str(aside.id): ("set_aside", "package_quarantined"),
    }
    for secret in (reason, "unknown_template"):
        assert secret in to_author.text
        assert secret not in to_carrier.text


def test_whether_a_package_here_declares_a_file_is_told_only_to_who_brings_its_very_bytes(
    lost: Lost, carrier: Phone
) -> None:
    picture, unknown = photo(), photo()
    package = lost.fresh(picture)
    assert lost.phone.put_package(package).status_code == 201
    other = type(picture)(picture.content + b"!", None, id=picture.id)
    claimed = Bundle(files=[(package.id, picture)])
    entries = claimed.entries()
    entries[f"evidence/{picture.id}"] = bytes(len(picture.content))
    told = [
        bring_plain(carrier, plain).json()["results"][0]
        for plain in (
            Bundle(files=[(package.id, other)]).zip(),  # another hash than the declared one
            zipped(entries),  # the declared hash, over other bytes
            Bundle(files=[(package.id, unknown)]).zip(),
            Bundle(files=[(new_id(), unknown)]).zip(),
        )
    ]
    assert {row["code"] for row in told} == {"bundle_package_missing"}
    assert len({(row["status"], row["hash"], row["zh"], row["en"]) for row in told}) == 1
    assert results(bring_plain(carrier, claimed.zip())) == {str(picture.id): ("accepted", None)}


@pytest.mark.parametrize("bend", ["cut", "flipped", "empty", "other_key", "no_age"])
def test_a_file_that_cannot_be_decrypted_whole_imports_nothing(lost: Lost, carrier: Phone, bend: str) -> None:
    package = lost.fresh()
    plain = Bundle().add(lost.phone, package).zip()
    content = encrypted(plain, key_of(carrier))
    bent = {
        "cut": content[:-1],
        "flipped": content[:-20] + bytes([content[-20] ^ 1]) + content[-19:],
        "empty": b"",
        "other_key": encrypted(plain, str(pyrage.x25519.Identity.generate().to_public())),
        "no_age": plain,
    }[bend]
    answer = bring(carrier, bent)
    assert (answer.status_code, answer.json()["code"]) == (422, "bundle_unreadable")
    assert lost.kept(package.id) == []


def test_keys_are_the_authoritys_own_lie_outside_the_database_and_old_ones_go_on_decrypting(
    lost: Lost, carrier: Phone, settings: Settings
) -> None:
    old = key_of(carrier)
    assert key_of(carrier) == key_of(lost.phone) == old
    keys = BundleKeys(settings.resolved_keys_dir)
    folder = settings.resolved_keys_dir / "bundles" / str(lost.world.authority)
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    new = keys.rotate(lost.world.authority)
    assert key_of(carrier) == new != old
    assert keys.recipient(new_id())[0] not in (old, new)
    package = lost.fresh()
    content = encrypted(Bundle().add(lost.phone, package).zip(), old)
    assert results(bring(carrier, content)) == {str(package.id): ("accepted", None)}


def test_neither_who_may_not_carry_nor_a_browser_brings_a_bundle(lost: Lost, carrier: Phone) -> None:
    content = encrypted(Bundle().add(lost.phone, lost.fresh()).zip(), key_of(carrier))
    clerk = lost.field.phone(lost.world.person("auditor").user_id)
    assert bring(clerk, content).json()["code"] == "forbidden"
    browser = lost.team[0].post("/mobile/v1/bundles", content=content)
    assert browser.json()["code"] == "device_required"


def test_the_spool_holds_no_name_while_importing_and_nothing_afterwards(
    lost: Lost, carrier: Phone, runtime: Runtime, settings: Settings
) -> None:
    content = encrypted(Bundle().add(lost.phone, lost.fresh()).zip(), key_of(carrier))
    spool, seen = settings.data_dir / "spool", []

    async def run() -> None:
        async def pieces() -> Any:
            yield content

        await import_bundle(runtime, None, pieces(), lambda *_: seen.append(list(spool.iterdir())))

    assert lost.world.client.portal is not None
    lost.world.client.portal.call(run)
    assert seen == [[]]
    assert list(spool.iterdir()) == []
    assert spool.stat().st_mode & 0o777 == 0o700


def test_memory_does_not_grow_with_the_bundle(lost: Lost, carrier: Phone, runtime: Runtime) -> None:
    """A file of 24 MiB is imported within a third of that."""
    big = photo(os.urandom(24 * 1024 * 1024))
    package = lost.fresh(big)
    content = encrypted(Bundle().add(lost.phone, package).zip(), key_of(carrier))
    peaks = []

    async def run() -> None:
        async def pieces() -> Any:
            for start in range(0, len(content), 1 << 20):
                yield content[start : start + (1 << 20)]

        tracemalloc.start()
        report = await import_bundle(runtime, None, pieces())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert {one.status for one in report.results} == {"accepted"}

    assert lost.world.client.portal is not None
    lost.world.client.portal.call(run)
    assert peaks[0] < 8 * 1024 * 1024


def test_a_bundle_may_be_larger_than_any_other_request(
    lost: Lost, carrier: Phone, settings: Settings
) -> None:
    picture = photo(os.urandom(settings.max_body_bytes))
    package = lost.fresh(picture)
    found = results(bring_plain(carrier, Bundle().add(lost.phone, package).zip()))
    assert found[str(picture.id)] == ("accepted", None)
    beyond = {
        "Content-Length": str(settings.max_bundle_bytes + 1),
        "Content-Type": "application/octet-stream",
    }
    answer = carrier.request("POST", "/bundles", content=b"x", headers=beyond)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_the_command_makes_new_keys_and_old_files_are_still_imported(
    lost: Lost, carrier: Phone, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = key_of(carrier)
    monkeypatch.setenv("ANSHAO_DATA_DIR", str(settings.data_dir))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["keys", "rotate", "bundles"])
    assert done.exit_code == 0, done.output
    new = key_of(carrier)
    assert new != old
    assert f"{lost.world.authority}: {new}" in done.output
    assert "AGE-SECRET-KEY" not in done.output
    package = lost.fresh()
    answer = bring(carrier, encrypted(Bundle().add(lost.phone, package).zip(), old))
    assert results(answer) == {str(package.id): ("accepted", None)}


def test_the_command_imports_files_reports_each_object_and_ends_with_1_when_something_was_refused(
    lost: Lost, carrier: Phone, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = lost.fresh(photo()), lost.fresh()
    whole, partly, hostile = (tmp_path / f"{name}.anshao-bundle" for name in ("a", "b", "c"))
    whole.write_bytes(encrypted(Bundle().add(lost.phone, good).zip(), key_of(carrier)))
    bundle = Bundle().add(lost.phone, bad)
    bundle.packages[bad.id]["signature"] = "A" * 86
    partly.write_bytes(encrypted(bundle.zip(), key_of(carrier)))
    hostile.write_bytes(b"nothing")
    assert settings.database_url is not None
    monkeypatch.setenv("ANSHAO_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("ANSHAO_DATA_DIR", str(settings.data_dir))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        done = CliRunner().invoke(cli, ["import", "bundle", str(whole)])
        assert done.exit_code == 0, done.output
        assert str(good.id) in done.output
    assert "known: 2" in done.output
    mixed = CliRunner().invoke(cli, ["import", "bundle", str(hostile), str(partly)])
    assert mixed.exit_code == 1
    assert "wrong_package_signature" in mixed.output
    assert lost.phone.receipt(good.id) is not None

    async def entries(session: AsyncSession) -> list[str]:
        found = text(
            "SELECT actor_kind FROM audit_entries WHERE action = 'bundles:import' AND user_id IS NULL"
        )
        return list((await session.execute(found)).scalars())

    assert "system" in lost.world.in_database(entries)
