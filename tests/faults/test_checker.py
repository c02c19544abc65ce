"""The checker reports what is planted: a lost byte, a duplicate, a mutated file, a missing receipt, an orphan. And nothing else."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.core.clock import standing_at
from app.services.identity.keys import KeyRing
from app.services.inspections.receipt_format import sign_receipt
from tests.faults.checker import Findings, check
from tests.faults.officers import Journal, Sealed

P1, P2, V1, V2, V9, F1, F2, F3, F8, F9, DEVICE = (str(UUID(int=number)) for number in range(1, 12))
MADE = datetime(2026, 11, 1, 8, tzinfo=UTC)
CONTENT = {F1: b"first", F2: b"second", F3: b"third"}
COPY = b"the first, reduced"


def sha256(content: bytes) -> str:
    return "sha-256:" + hashlib.sha256(content).hexdigest()


def hash_of_package(name: str) -> str:
    return sha256(name.encode())


class City:
    """A service with two packages of one phone, as it should be; tests spoil it."""

    def __init__(self, folder: Path) -> None:
        self.objects = folder / "objects"
        self.files = dict(CONTENT)
        self.packages: dict[str, Any] = {
            name: {
                "hash": hash_of_package(name),
                "status": "processed",
                "missing_evidence": [],
                "receipt": True,
            }
            for name in (P1, P2)
        }
        self.evidence = [self.row(F1, P1), self.row(F2, P1), self.row(F3, P2)]
        self.visits = {V1: ([P1], 2), V2: ([P2], 2)}
        self.listed = [V1, V2]
        with standing_at(MADE):
            self.ring = KeyRing(folder / "keys")
        first = self.signed(P1, V1, 1, None, F1, F2)
        self.receipts = {P1: first, P2: self.signed(P2, V2, 2, sha256(first), F3)}
        (self.objects / ".staging").mkdir(parents=True)
        for content in CONTENT.values():
            self.store(content)
        self.store(COPY, folder="derivatives")
        self.journal = Journal(DEVICE, [self.sealed(P1, V1, F1, F2), self.sealed(P2, V2, F3)])
        self.journal.told = {("package", name, hash_of_package(name)) for name in self.packages}
        self.journal.told |= {("file", name, sha256(content)) for name, content in CONTENT.items()}
        self.journal.receipts = [(1, P1, self.receipts[P1]), (2, P2, self.receipts[P2])]

    def signed(
        self, package: str, visit: str, number: int, previous: str | None, *files: str, **changes: Any
    ) -> bytes:
        """A receipt as the service makes it."""
        at = (MADE + timedelta(hours=number)).isoformat()
        content = {
            "schema": "anshao.receipt/1",
            "package": {"id": package, "hash": hash_of_package(package), "visit_id": visit},
            "device_id": DEVICE,
            "template": None,
            "received_at": at,
            "completed_at": at,
            "evidence": [
                {
                    "id": one,
                    "hash": sha256(CONTENT[one]),
                    "size": len(CONTENT[one]),
                    "status": "verified",
                }
                for one in files
            ],
            "number": number,
            "previous_receipt": previous,
            "audit_checkpoint": None,
        }
        return sign_receipt(self.ring, content | changes, MADE + timedelta(hours=number))

    def hold(self, number: int, package: str, body: bytes) -> None:
        """The phone holds this receipt, and the service gives the very same."""
        self.receipts[package] = body
        self.journal.receipts[number - 1] = (number, package, body)

    def keys(self) -> bytes:
        """The published keys."""
        (key,) = self.ring.all("receipts")
        period = {"valid_from": key.valid_from.isoformat(), "valid_until": None}
        return json.dumps({"keys": [{**key.public_jwk, "purpose": "receipts", **period}]}).encode()

    def row(self, name: str, package: str) -> dict[str, Any]:
        content = CONTENT[name]
        return {
            "id": name,
            "package_id": package,
            "hash": sha256(content),
            "size": len(content),
            "status": "verified",
            "derivatives": [{"hash": sha256(COPY)}] if name == F1 else [],
        }

    def sealed(self, name: str, visit: str, *files: str) -> Sealed:
        declared = {one: (sha256(CONTENT[one]), len(CONTENT[one])) for one in files}
        return Sealed(name, hash_of_package(name), 10, visit, True, declared)

    def store(self, content: bytes, name: str | None = None, folder: str = "originals") -> Path:
        digest = name or hashlib.sha256(content).hexdigest()
        ending = {"originals": "", "derivatives": ".jpg"}[folder]
        path = self.objects / folder / digest[:2] / f"{digest}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def get(self, path: str, **_: Any) -> Any:
        if path == "/inspections/visits":
            return {"items": [{"id": one} for one in self.listed], "next_cursor": None}
        if path == "/evidence":
            return {"items": self.evidence, "next_cursor": None}
        packages, findings = self.visits[path.rsplit("/", 1)[1]]
        return {"packages": [{"id": one} for one in packages], "findings": [{}] * findings}

    def original(self, evidence_id: str) -> bytes:
        return bytes(self._known(self.files, evidence_id))

    def package(self, package_id: str) -> Any:
        return self._known(self.packages, package_id)

    def receipt(self, package_id: str) -> bytes:
        return bytes(self._known(self.receipts, package_id))

    def _known(self, among: dict[str, Any], key: str) -> Any:
        if key not in among:
            request = httpx.Request("GET", "http://test")
            raise httpx.HTTPStatusError("404", request=request, response=httpx.Response(404, request=request))
        return among[key]

    def check(self) -> Findings:
        return check([self.journal], self, self.objects)


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def test_a_sound_city_has_no_faults_and_everything_was_read(city: City) -> None:
    found = city.check()
    assert found.faults == []
    assert (found.packages, found.files, found.copies) == (2, 3, 1)
    assert found.file_bytes == sum(map(len, CONTENT.values()))


def test_an_acknowledged_file_that_is_gone_is_lost_with_its_bytes(city: City) -> None:
    del city.files[F2]
    found = city.check()
    assert (len(found.lost), found.lost_bytes) == (1, len(CONTENT[F2]))


def test_a_file_that_was_never_acknowledged_is_not_lost(city: City) -> None:
    del city.files[F2]
    city.journal.told -= {("file", F2, sha256(CONTENT[F2]))}
    assert city.check().lost == []


def test_an_acknowledged_package_that_is_gone_is_lost(city: City) -> None:
    del city.packages[P2]
    assert city.check().lost_bytes == 10


def test_one_changed_byte_is_mutation(city: City) -> None:
    city.files[F1] = b"firsT"
    assert len(city.check().mutated) == 1


def test_an_object_whose_bytes_are_not_its_name_is_mutation(city: City) -> None:
    city.store(b"other", hashlib.sha256(CONTENT[F1]).hexdigest())
    assert len(city.check().mutated) == 1


def test_a_reduced_copy_that_is_gone_other_or_nobodys_is_told(city: City) -> None:
    """Rows and files of copies are compared like those of originals."""
    path = city.store(COPY, folder="derivatives")
    path.write_bytes(b"other")
    assert city.check().faults == [
        f"object {path.name} has the bytes of {hashlib.sha256(b'other').hexdigest()}"
    ]
    path.unlink()
    city.store(b"of no row", folder="derivatives")
    found = city.check()
    assert (len(found.lost), len(found.orphans), found.mutated) == (1, 1, [])


def test_an_object_that_is_gone_from_the_storage_is_lost(city: City) -> None:
    city.store(CONTENT[F1]).unlink()
    assert city.check().lost_bytes == len(CONTENT[F1])


def test_duplicates_of_every_kind_are_told(city: City) -> None:
    city.listed.append(V1)
    city.visits[V2] = ([P2, P2], 2)
    city.evidence.append(city.row(F1, P1))
    city.journal.receipts.append((3, P1, city.receipts[P1]))
    assert len(city.check().duplicates) == 4


def test_what_nobody_made_is_a_duplicate_too(city: City) -> None:
    city.listed.append(V9)
    city.evidence.append(city.row(F3, P1) | {"id": F9})
    assert len(city.check().duplicates) == 2


def test_the_same_answers_give_the_same_findings(city: City) -> None:
    city.visits[V2] = ([P2], 4)
    assert city.check().duplicates == ["the same answers gave [2, 4] findings"]


def test_a_receipt_that_is_another_one_now_is_mutation_and_a_missing_one_is_lost(city: City) -> None:
    city.receipts[P1] = city.signed(P1, V1, 7, None, F1, F2)
    del city.receipts[P2]
    found = city.check()
    assert (len(found.mutated), len(found.lost)) == (1, 1)


def test_a_phone_without_a_receipt_is_unfinished(city: City) -> None:
    city.journal.receipts.pop()
    city.packages[P2]["receipt"] = False
    assert len(city.check().unfinished) == 2


def test_a_file_that_waits_for_its_package_is_listed_and_is_lost_when_it_is_gone(city: City) -> None:
    content = b"abandoned"
    city.journal.abandoned = {F8: (sha256(content), len(content))}
    city.journal.standing = {F8: "stored"}
    path = city.store(content)
    found = city.check()
    assert (found.faults, len(found.unclaimed)) == ([], 1)
    path.unlink()
    assert city.check().lost_bytes == len(content)
    city.journal.standing = {F8: "unknown"}
    assert city.check().lost_bytes == len(content)


def test_a_visit_of_a_processed_package_that_is_not_listed_is_lost(city: City) -> None:
    city.listed.remove(V2)
    assert city.check().faults == [f"visit {V2} of a processed package is not listed"]
    city.packages[P2]["status"] = "received"
    assert city.check().lost == []  # it is unfinished


def test_findings_that_are_gone_from_every_visit_are_lost(city: City) -> None:
    city.visits = {V1: ([P1], 0), V2: ([P2], 0)}
    assert len(city.check().lost) == 2


def test_a_declared_file_whose_row_and_object_are_gone_is_lost_although_its_bytes_are_given(
    city: City,
) -> None:
    city.evidence = [row for row in city.evidence if row["id"] != F3]
    city.store(CONTENT[F3]).unlink()
    assert city.check().faults == [f"file {F3} is not listed"]


def test_a_receipt_signed_by_no_published_key_is_no_proof(city: City, tmp_path: Path) -> None:
    published = city.keys()
    city.ring = KeyRing(tmp_path / "other")
    forged = city.signed(P2, V2, 2, sha256(city.receipts[P1]), F3)
    city.keys = lambda: published  # type: ignore[method-assign]
    city.hold(2, P2, forged)
    (fault,) = city.check().mutated
    assert "unknown_key" in fault


def test_a_changed_receipt_and_one_that_does_not_follow_its_predecessor_are_no_proofs(city: City) -> None:
    city.hold(2, P2, city.receipts[P2].replace(b'"size":5', b'"size":6'))
    assert any("signature_wrong" in fault for fault in city.check().mutated)
    city.hold(2, P2, city.signed(P2, V2, 2, sha256(b"another"), F3))
    (fault,) = city.check().mutated
    assert "link_broken" in fault


@pytest.mark.parametrize("changes", [{"evidence": []}, {"device_id": P1}])
def test_a_receipt_that_covers_something_else_than_was_sealed_is_no_proof(
    city: City, changes: dict[str, Any]
) -> None:
    city.hold(1, P1, city.signed(P1, V1, 1, None, **changes))
    city.hold(2, P2, city.signed(P2, V2, 2, sha256(city.receipts[P1]), F3))
    assert any("sealed" in fault for fault in city.check().mutated)


def test_files_that_belong_to_nothing_are_orphans(city: City) -> None:
    city.store(b"nobody's")
    (city.objects / ".staging" / "half").write_bytes(b"half")
    (city.objects / "uploads" / "ab").mkdir(parents=True)
    (city.objects / "uploads" / "ab" / "part").write_bytes(b"part")
    assert len(city.check().orphans) == 3
