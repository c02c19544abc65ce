"""The checker reports what is planted: a lost byte, a duplicate, a mutated file, a missing receipt, an orphan. And nothing else."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.checker import Findings, check
from tests.faults.officers import Journal, Sealed

CONTENT = {"f1": b"first", "f2": b"second", "f3": b"third"}


def sha256(content: bytes) -> str:
    return "sha-256:" + hashlib.sha256(content).hexdigest()


def receipt(package: str, number: int) -> bytes:
    return json.dumps({"receipt": {"package": {"id": package}, "number": number}}).encode()


class City:
    """A service with two packages of one phone, as it should be; tests spoil it."""

    def __init__(self, folder: Path) -> None:
        self.objects = folder / "objects"
        self.files = dict(CONTENT)
        self.packages: dict[str, Any] = {
            name: {"hash": f"hash of {name}", "status": "processed", "missing_evidence": [], "receipt": True}
            for name in ("p1", "p2")
        }
        self.evidence = [self.row("f1", "p1"), self.row("f2", "p1"), self.row("f3", "p2")]
        self.visits = {"v1": (["p1"], 2), "v2": (["p2"], 2)}
        self.listed = ["v1", "v2"]
        self.receipts = {"p1": receipt("p1", 1), "p2": receipt("p2", 2)}
        (self.objects / ".staging").mkdir(parents=True)
        for content in CONTENT.values():
            self.store(content)
        self.journal = Journal("device", [self.sealed("p1", "v1", "f1", "f2"), self.sealed("p2", "v2", "f3")])
        self.journal.told = {("package", name, f"hash of {name}") for name in self.packages}
        self.journal.told |= {("file", name, sha256(content)) for name, content in CONTENT.items()}
        self.journal.receipts = [(1, "p1", receipt("p1", 1)), (2, "p2", receipt("p2", 2))]

    def row(self, name: str, package: str) -> dict[str, Any]:
        content = CONTENT[name]
        return {
            "id": name,
            "package_id": package,
            "hash": sha256(content),
            "size": len(content),
            "status": "verified",
        }

    def sealed(self, name: str, visit: str, *files: str) -> Sealed:
        declared = {one: (sha256(CONTENT[one]), len(CONTENT[one])) for one in files}
        return Sealed(name, f"hash of {name}", 10, visit, True, declared)

    def store(self, content: bytes, name: str | None = None) -> Path:
        digest = name or hashlib.sha256(content).hexdigest()
        path = self.objects / "originals" / digest[:2] / digest
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
    assert (found.packages, found.files) == (2, 3)
    assert found.file_bytes == sum(map(len, CONTENT.values()))


def test_an_acknowledged_file_that_is_gone_is_lost_with_its_bytes(city: City) -> None:
    del city.files["f2"]
    found = city.check()
    assert (len(found.lost), found.lost_bytes) == (1, len(CONTENT["f2"]))


def test_a_file_that_was_never_acknowledged_is_not_lost(city: City) -> None:
    del city.files["f2"]
    city.journal.told -= {("file", "f2", sha256(CONTENT["f2"]))}
    assert city.check().lost == []


def test_an_acknowledged_package_that_is_gone_is_lost(city: City) -> None:
    del city.packages["p2"]
    assert city.check().lost_bytes == 10


def test_one_changed_byte_is_mutation(city: City) -> None:
    city.files["f1"] = b"firsT"
    assert len(city.check().mutated) == 1


def test_an_object_whose_bytes_are_not_its_name_is_mutation(city: City) -> None:
    city.store(b"other", hashlib.sha256(CONTENT["f1"]).hexdigest())
    assert len(city.check().mutated) == 1


def test_an_object_that_is_gone_from_the_storage_is_lost(city: City) -> None:
    city.store(CONTENT["f1"]).unlink()
    assert city.check().lost_bytes == len(CONTENT["f1"])


def test_duplicates_of_every_kind_are_told(city: City) -> None:
    city.listed.append("v1")
    city.visits["v2"] = (["p2", "p2"], 2)
    city.evidence.append(city.row("f1", "p1"))
    city.journal.receipts.append((3, "p1", receipt("p1", 1)))
    assert len(city.check().duplicates) == 4


def test_what_nobody_made_is_a_duplicate_too(city: City) -> None:
    city.listed.append("v9")
    city.evidence.append(city.row("f3", "p1") | {"id": "f9"})
    assert len(city.check().duplicates) == 2


def test_the_same_answers_give_the_same_findings(city: City) -> None:
    city.visits["v2"] = (["p2"], 4)
    assert city.check().duplicates == ["the same answers gave [2, 4] findings"]


def test_a_receipt_that_is_another_one_now_is_mutation_and_a_missing_one_is_lost(city: City) -> None:
    city.receipts["p1"] = receipt("p1", 7)
    del city.receipts["p2"]
    found = city.check()
    assert (len(found.mutated), len(found.lost)) == (1, 1)


def test_a_phone_without_a_receipt_is_unfinished(city: City) -> None:
    city.journal.receipts.pop()
    city.packages["p2"]["receipt"] = False
    assert len(city.check().unfinished) == 2


def test_a_file_that_waits_for_its_package_is_listed_and_is_lost_when_it_is_gone(city: City) -> None:
    content = b"abandoned"
    city.journal.abandoned = {"f8": (sha256(content), len(content))}
    city.journal.standing = {"f8": "stored"}
    path = city.store(content)
    found = city.check()
    assert (found.faults, len(found.unclaimed)) == ([], 1)
    path.unlink()
    assert city.check().lost_bytes == len(content)
    city.journal.standing = {"f8": "unknown"}
    assert city.check().lost_bytes == len(content)


def test_files_that_belong_to_nothing_are_orphans(city: City) -> None:
    city.store(b"nobody's")
    (city.objects / ".staging" / "half").write_bytes(b"half")
    (city.objects / "uploads" / "ab").mkdir(parents=True)
    (city.objects / "uploads" / "ab" / "part").write_bytes(b"part")
    assert len(city.check().orphans) == 3
