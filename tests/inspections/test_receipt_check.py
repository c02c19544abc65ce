"""`anshao verify receipt`: receipts stand by themselves, with the published keys and no server; what is wrong is named."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.cli import cli
from app.core.clock import standing_at
from app.core.ids import new_id
from app.services.audit.chain import signed_message
from app.services.identity.keys import KeyRing
from app.services.inspections.receipt_check import (
    FINDINGS,
    MAX_BYTES,
    KeysUnreadable,
    PublishedKey,
    ReceiptReport,
    check_receipts,
    read_keys,
)
from app.services.inspections.receipt_files import load_keys
from app.services.inspections.receipt_format import sign_receipt
from tests.factories.field import Field, photo
from tests.factories.world import World

MADE = datetime(2026, 11, 1, 8, tzinfo=UTC)
RENEWED = datetime(2026, 11, 10, 8, tzinfo=UTC)
SEAL = "sha-256:" + "5" * 64


def hash_of(content: bytes) -> str:
    return "sha-256:" + hashlib.sha256(content).hexdigest()


class Office:
    """An installation's keys, renewed once, and phones with chains of receipts."""

    def __init__(self, folder: Path) -> None:
        with standing_at(MADE):
            self.ring = KeyRing(folder)
        for purpose in ("receipts", "audit", "access"):
            self.ring.rotate(purpose, RENEWED)
        self.device = new_id()

    @property
    def published(self) -> bytes:
        """What `/public/v1/keys` answers."""
        keys = [
            {
                **key.public_jwk,
                "purpose": purpose,
                "valid_from": key.valid_from.isoformat(),
                "valid_until": key.valid_until.isoformat() if key.valid_until else None,
            }
            for purpose in ("access", "receipts", "audit")
            for key in self.ring.all(purpose)
        ]
        return json.dumps({"keys": keys}).encode()

    @property
    def keys(self) -> list[PublishedKey]:
        return read_keys(self.published)

    def content(self, number: int, previous: str | None, at: datetime, **changes: Any) -> dict[str, Any]:
        key_id, signature = self.ring.sign("audit", signed_message(7, SEAL), MADE)
        return {
            "schema": "anshao.receipt/1",
            "package": {"id": str(new_id()), "hash": hash_of(b"package"), "visit_id": str(new_id())},
            "device_id": str(self.device),
            "template": {"id": str(new_id()), "number": 1, "hash": hash_of(b"template")},
            "received_at": at.isoformat(),
            "completed_at": at.isoformat(),
            "evidence": [
                {"id": str(new_id()), "hash": hash_of(b"photo"), "size": 5, "status": "verified"},
                {"id": str(new_id()), "hash": hash_of(b"lost"), "size": 4, "status": "withdrawn"},
            ],
            "number": number,
            "previous_receipt": previous,
            "audit_checkpoint": {"number": 7, "seal_hash": SEAL, "signature": signature, "key_id": key_id},
            **changes,
        }

    def receipt(self, number: int, previous: str | None, at: datetime | None = None, **changes: Any) -> bytes:
        moment = at or MADE + timedelta(days=number)
        return sign_receipt(self.ring, self.content(number, previous, moment, **changes), moment)

    def chain(self, length: int) -> list[bytes]:
        made: list[bytes] = []
        for number in range(1, length + 1):
            made.append(self.receipt(number, hash_of(made[-1]) if made else None))
        return made

    def check(self, *receipts: bytes) -> ReceiptReport:
        return check_receipts([(f"r{place}.json", data) for place, data in enumerate(receipts, 1)], self.keys)

    def kinds(self, *receipts: bytes) -> list[str]:
        return [one.kind for one in self.check(*receipts).findings]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def chain(office: Office) -> list[bytes]:
    return office.chain(12)


def test_a_chain_signed_by_an_old_and_a_new_key_is_sound(office: Office, chain: list[bytes]) -> None:
    report = office.check(*chain)
    assert report.findings == []
    assert report.chains == {office.device: list(range(1, 13))}
    assert len({one.document.key_id for one in report.receipts}) == 2


def test_a_chain_may_be_given_in_any_order_and_begin_anywhere(office: Office, chain: list[bytes]) -> None:
    assert office.kinds(*reversed(chain)) == []
    assert office.kinds(*chain[4:9]) == []
    assert office.kinds(chain[6]) == []


def test_the_same_receipt_twice_or_formatted_otherwise_counts_once(
    office: Office, chain: list[bytes]
) -> None:
    pretty = json.dumps(json.loads(chain[1]), indent=2, ensure_ascii=False).encode()
    report = office.check(chain[0], pretty, chain[1], chain[2], chain[2])
    assert report.is_sound
    assert len(report.receipts) == 3


def test_a_gap_in_the_chain_is_named(office: Office, chain: list[bytes]) -> None:
    findings = office.check(chain[0], chain[2], chain[6]).findings
    assert [(one.kind, one.place) for one in findings] == [
        ("link_missing", f"{office.device} 2"),
        ("link_missing", f"{office.device} 4-6"),
    ]


def test_another_receipt_under_a_number_of_the_chain_is_named(office: Office, chain: list[bytes]) -> None:
    other = office.receipt(2, hash_of(chain[0]))
    kinds = office.kinds(chain[0], chain[1], other)
    assert kinds == ["number_twice"]
    assert office.kinds(chain[0], other, chain[2]) == ["link_broken"]


def test_phones_have_chains_of_their_own(office: Office, chain: list[bytes], tmp_path: Path) -> None:
    second = Office(tmp_path)
    second.ring = office.ring
    report = office.check(*chain[:2], *second.chain(2))
    assert report.is_sound
    assert report.chains == {office.device: [1, 2], second.device: [1, 2]}


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(max_examples=300)
def test_every_altered_byte_shows(office: Office, chain: list[bytes], place: int, byte: int) -> None:
    data = bytearray(chain[3])
    place %= len(data)
    if data[place] == byte:
        byte ^= 1
    data[place] = byte
    assert office.kinds(bytes(data)) != []


def test_an_altered_value_is_a_wrong_signature_and_a_broken_link(office: Office, chain: list[bytes]) -> None:
    altered = chain[3].replace(b'"size":5', b'"size":6')
    assert altered != chain[3]
    assert office.kinds(*chain[:3], altered, chain[4]) == ["signature_wrong", "link_broken"]


def test_keys_that_are_unknown_or_of_another_purpose_are_told_apart(
    office: Office, chain: list[bytes], tmp_path: Path
) -> None:
    assert [one.kind for one in check_receipts([("r", chain[0])], Office(tmp_path).keys).findings] == [
        "unknown_key",
        "checkpoint_wrong",
    ]
    document = json.loads(chain[0])
    for purpose, kind in (("access", "key_of_other_purpose"), ("audit", "key_of_other_purpose")):
        key_id, signature = office.ring.sign(purpose, rfc8785.dumps(document["receipt"]), MADE)  # type: ignore[arg-type]
        forged = {**document, "key_id": key_id, "signature": signature}
        assert office.kinds(json.dumps(forged).encode()) == [kind]
    other = office.ring.signing("receipts", RENEWED).id
    assert office.kinds(json.dumps({**document, "key_id": other}).encode()) == ["signature_wrong"]


def test_a_key_counts_only_within_its_time(office: Office) -> None:
    too_late = sign_receipt(office.ring, office.content(1, None, RENEWED + timedelta(seconds=1)), MADE)
    too_early = sign_receipt(office.ring, office.content(1, None, RENEWED - timedelta(seconds=1)), RENEWED)
    on_the_stroke = sign_receipt(office.ring, office.content(1, None, RENEWED), RENEWED)
    assert office.kinds(too_late) == ["key_no_longer_valid"]
    assert office.kinds(too_early) == ["key_not_yet_valid"]
    assert office.kinds(on_the_stroke) == []


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda r: r["package"].update(hash="sha-256:" + "A" * 64), "hash_malformed"),
        (lambda r: r["evidence"][0].update(hash="5" * 64), "hash_malformed"),
        (lambda r: r.update(previous_receipt="none"), "hash_malformed"),
        (lambda r: r["audit_checkpoint"].update(seal_hash="x"), "hash_malformed"),
        (lambda r: r.update(schema="anshao.receipt/9"), "not_a_receipt"),
        (lambda r: r.pop("device_id"), "not_a_receipt"),
        (lambda r: r.update(number=0), "not_a_receipt"),
        (lambda r: r.update(number=2), "chain_start_wrong"),
        (lambda r: r.update(previous_receipt=hash_of(b"one before the first")), "chain_start_wrong"),
        (lambda r: r.update(received_at="2026-11-03T08:00:00Z"), "completed_before_received"),
        (lambda r: r["evidence"].append(r["evidence"][0]), "evidence_twice"),
        (lambda r: r["audit_checkpoint"].update(number=8), "checkpoint_wrong"),
        (lambda r: r["audit_checkpoint"].update(key_id="nobody's"), "checkpoint_wrong"),
    ],
)
def test_what_was_signed_must_make_sense_too(office: Office, change: Change, expected: str) -> None:
    content = office.content(1, None, MADE)
    change(content)
    assert office.kinds(sign_receipt(office.ring, content, MADE)) == [expected]


def test_two_receipts_with_different_seals_of_one_number_show_a_rewritten_log(office: Office) -> None:
    seals = []
    for digit in "56":
        seal = "sha-256:" + digit * 64
        key_id, signature = office.ring.sign("audit", signed_message(7, seal), MADE)
        seals.append({"number": 7, "seal_hash": seal, "signature": signature, "key_id": key_id})
    first = office.receipt(1, None, audit_checkpoint=seals[0])
    second = office.receipt(2, hash_of(first), audit_checkpoint=seals[1])
    assert office.kinds(first, second) == ["checkpoints_differ"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"%PDF-1.7", "not_json"),
        (b'{"receipt": {"a": 1, "a": 2}}', "not_json"),
        (b'{"receipt": NaN}', "not_json"),
        (b"[" * 200_000, "not_json"),
        (b"[]", "not_a_receipt"),
        (b"null", "not_a_receipt"),
        (b'"receipt"', "not_a_receipt"),
        (b'{"receipt": 12345678901234567890}', "not_a_receipt"),
        (b'{"receipt": "\\ud800"}', "not_a_receipt"),
        (b" " * (MAX_BYTES + 1), "too_large"),
    ],
)
def test_what_is_no_receipt_is_told_by_name(office: Office, data: bytes, expected: str) -> None:
    assert office.kinds(data) == [expected]


def test_nothing_may_stand_unsigned_beside_the_receipt(office: Office, chain: list[bytes]) -> None:
    added = json.dumps({**json.loads(chain[0]), "note": "accepted by the bureau"}).encode()
    assert office.kinds(added) == ["not_a_receipt"]


def test_members_of_a_newer_version_are_signed_and_do_not_matter(office: Office) -> None:
    assert office.kinds(office.receipt(1, None, weather="rain")) == []


def test_no_other_key_can_stand_under_a_known_id(office: Office, tmp_path: Path) -> None:
    document = json.loads(office.published)
    document["keys"][1]["x"] = Office(tmp_path).ring.signing("receipts").public_jwk["x"]
    for wrong in (json.dumps(document).encode(), b"{}", b"", b'{"keys": [{}]}'):
        with pytest.raises(KeysUnreadable):
            read_keys(wrong)


def test_every_finding_has_words_in_both_languages() -> None:
    assert all(zh and en and zh != en for zh, en in FINDINGS.values())


# --- the command


@pytest.fixture
def folder(office: Office, chain: list[bytes], tmp_path: Path) -> Path:
    (tmp_path / "keys.json").write_bytes(office.published)
    for number, data in enumerate(chain[:3], 1):
        (tmp_path / f"receipt-{number}.json").write_bytes(data)
    return tmp_path


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["verify", "receipt", *map(str, arguments)])
    return done.exit_code, done.output


def test_the_command_checks_a_folder_with_the_keys_that_lie_in_it(folder: Path, office: Office) -> None:
    code, said = run(folder)
    assert code == 0, said
    assert f"{office.device}: 回执 / receipts 3 (1–3)" in said
    assert "核验通过 / sound: 3" in said


def openssl_fingerprint(key_id: str, office: Office) -> str:
    """What somebody without this program would compute."""
    (jwk,) = [key for key in json.loads(office.published)["keys"] if key["kid"] == key_id]
    prefix = bytes.fromhex("302a300506032b6570032100")  # RFC 8410
    raw = base64.urlsafe_b64decode(jwk["x"] + "=")
    return hash_of(prefix + raw)


def test_the_command_names_the_keys_it_trusted_and_where_they_came_from(folder: Path, office: Office) -> None:
    code, said = run(folder)
    assert code == 0, said
    assert f"keys trusted, from {folder / 'keys.json'}:" in said
    renewed, first = office.ring.all("receipts")
    for key, signatures in ((first, 3), (renewed, 0)):
        (line,) = [line for line in said.splitlines() if line.startswith(f"  receipts {key.id}  ")]
        assert line.endswith(f"signatures that hold: {signatures}")
        assert openssl_fingerprint(key.id, office) in said
    assert "2026-11-01T08:00:00+0000 – 2026-11-10T08:00:00+0000" in said
    assert "2026-11-10T08:00:00+0000 – …" in said
    assert not any(key.id in said for key in office.ring.all("access")), "it vouches for nothing here"


def test_as_json_the_command_says_the_same_and_ends_the_same(folder: Path, office: Office) -> None:
    code, said = run(folder, "--json")
    told = json.loads(said)
    assert (code, told["is_sound"], told["findings"]) == (0, True, [])
    _, first = office.ring.all("receipts")
    (key,) = [key for key in told["keys"] if key["key_id"] == first.id]
    assert key == {
        "key_id": first.id,
        "fingerprint": openssl_fingerprint(first.id, office),
        "purpose": "receipts",
        "valid_from": MADE.isoformat(),
        "valid_until": RENEWED.isoformat(),
        "source": str(folder / "keys.json"),
        "signatures": 3,
    }
    assert {one["key_id"] for one in told["receipts"]} == {first.id}
    assert [one["number"] for one in told["receipts"]] == [1, 2, 3]
    receipt = folder / "receipt-2.json"
    receipt.write_bytes(receipt.read_bytes().replace(b'"size":5', b'"size":6'))
    code, said = run(folder, "--json")
    told = json.loads(said)
    assert (code, told["is_sound"]) == (1, False)
    assert [one["kind"] for one in told["findings"]] == ["signature_wrong", "link_broken"]
    assert [key["signatures"] for key in told["keys"] if key["key_id"] == first.id] == [2]


def test_the_command_needs_neither_database_nor_settings_nor_data_folder(folder: Path) -> None:
    data = folder / "data"
    environment = {
        **os.environ,
        "ANSHAO_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "ANSHAO_DATA_DIR": str(data),
    }
    command = [sys.executable, "-m", "app.cli", "verify", "receipt", str(folder / "receipt-1.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert not data.exists()


def test_the_command_names_what_is_wrong_and_ends_with_status_1(folder: Path) -> None:
    receipt = folder / "receipt-2.json"
    receipt.write_bytes(receipt.read_bytes().replace(b'"size":5', b'"size":6'))
    (folder / "other.json").write_text("no receipt")
    code, said = run(folder, folder / "gone.json")
    assert code == 1
    assert f"✗ signature_wrong  {receipt}  签名无效" in said
    assert f"✗ not_json  {folder / 'other.json'}" in said
    assert f"✗ unreadable  {folder / 'gone.json'}" in said
    assert "核验未通过 / NOT sound: 4" in said  # and the link from the altered one


def test_an_empty_folder_proves_nothing(folder: Path) -> None:
    (folder / "empty").mkdir()
    code, said = run(folder / "empty", "--keys", folder / "keys.json")
    assert (code, "no_receipt" in said) == (1, True)


def test_the_command_asks_for_keys_and_refuses_what_is_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = folder / "receipt-1.json"
    code, said = run(receipt, "--keys", receipt)
    assert (code, "not a document of /public/v1/keys" in said) == (1, True)
    code, said = run(receipt, "--keys", "http://example.org/keys")
    assert (code, "https" in said) == (1, True)
    (folder / "keys.json").unlink()
    monkeypatch.chdir(folder)
    code, said = run(receipt)
    assert (code, "--keys" in said) == (1, True)


def test_originals_are_compared_by_their_bytes_whatever_they_are_called(folder: Path) -> None:
    package, image, stranger = folder / "a.bin", folder / "b.bin", folder / "c.bin"
    package.write_bytes(b"package")
    image.write_bytes(b"photo")
    stranger.write_bytes(b"photo, retouched")
    receipt = folder / "receipt-1.json"
    code, said = run(receipt, "--package", package, "--evidence", image)
    assert code == 0, said
    assert f"✓ {image}  =  evidence " in said
    code, said = run(receipt, "--evidence", stranger, "--evidence", image)
    assert (code, f"✗ original_unknown  {stranger}" in said) == (1, True)
    code, said = run(receipt, "--evidence", package)
    assert (code, f"✗ original_unknown  {package}" in said) == (1, True)


def test_a_folder_of_originals_must_hold_everything_but_what_was_withdrawn(folder: Path) -> None:
    originals = folder / "originals"
    (originals / "deeper").mkdir(parents=True)
    (originals / "deeper" / "photo.jpg").write_bytes(b"photo")
    code, said = run(folder / "receipt-1.json", "--originals", originals)
    assert (code, said.count("✗ original_missing")) == (1, 1)
    assert hash_of(b"package") in said
    (originals / "package.json").write_bytes(b"package")
    code, said = run(folder / "receipt-1.json", "--originals", originals)
    assert code == 0, said


# --- what the server really gives out


def test_receipts_of_the_server_are_sound_with_the_keys_it_publishes_before_and_after_a_rotation(
    world: World, tmp_path: Path
) -> None:
    officers = [world.person("inspector", region=world.town) for _ in range(2)]
    field = Field(world)
    phone = field.phone(officers[0].user_id)
    document = field.document(field.publish("rto"), [officer.user_id for officer in officers])
    originals = tmp_path / "originals"
    originals.mkdir()
    used: list[str] = []
    for number in (1, 2, 3):
        taken = photo()
        package = phone.seal(document, [taken])
        assert phone.put_package(package).status_code == 201
        assert phone.put_photo(package, taken).status_code == 201
        answer = phone.request("GET", f"/packages/{package.id}/receipt")
        (tmp_path / f"{number}.json").write_bytes(answer.content)
        (originals / f"{number}.package").write_bytes(package.sealed)
        (originals / f"{number}.jpg").write_bytes(taken.content)
        used.append(answer.json()["key_id"])
        world.runtime.keys.rotate("receipts")
    (tmp_path / "keys.json").write_bytes(world.client.get("/public/v1/keys").content)
    assert len(set(used)) == 3
    code, said = run(tmp_path, "--originals", originals)
    assert code == 0, said
    assert f"{UUID(str(phone.device_id))}: 回执 / receipts 3 (1–3)" in said
    assert said.count("✓ ") == 6


def test_published_keys_tell_when_each_one_signed_and_follow_without_a_gap(world: World) -> None:
    world.runtime.keys.rotate("receipts")
    keys = [key for key in world.client.get("/public/v1/keys").json()["keys"] if key["purpose"] == "receipts"]
    assert len(keys) >= 2
    assert keys[0]["valid_until"] is None
    assert [key["valid_until"] for key in keys[1:]] == [key["valid_from"] for key in keys[:-1]]


def test_a_new_key_is_published_before_it_signs_and_noticed_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, beside = KeyRing(tmp_path), KeyRing(tmp_path)
    old = running.signing("receipts").id
    assert beside.signing("receipts").id == old
    later = datetime.now(UTC) + timedelta(minutes=2)
    new = KeyRing(tmp_path).rotate("receipts", later).id
    assert [key.id for key in running.all("receipts")] == [old]
    monkeypatch.setattr("app.services.identity.keys.LOOK_AGAIN_SECONDS", 0.0)
    assert [key.id for key in running.all("receipts")] == [new, old]
    assert running.signing("receipts").id == old
    assert running.signing("receipts", later).id == new
    with standing_at(later):
        assert running.sign("receipts", b"")[0] == beside.sign("receipts", b"")[0] == new


def test_keys_are_fetched_from_an_address_of_this_machine(office: Office, tmp_path: Path) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/public/v1/keys" else 404)
            self.end_headers()
            self.wfile.write(office.published)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        found = load_keys(f"{address}/public/v1/keys")
        with pytest.raises(KeysUnreadable):
            load_keys(f"{address}/elsewhere")
        server.shutdown()
    assert {key.id for key in found} == {key.id for key in office.keys}
