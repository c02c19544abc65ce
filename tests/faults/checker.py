"""What is left when the dust has settled. Reads nothing but the public API and the folder of the storage.

It compares what the phones sealed and what they were told with what the service shows and what lies on the disk.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from app.services.inspections.receipt_check import PublishedKey, check_receipts, read_keys
from tests.faults.officers import Journal, Sealed

PAGE = 200


class Reader(Protocol):
    """Somebody at the console who may read everything of the city."""

    def get(self, path: str, **params: Any) -> Any:
        """Read a document."""

    def original(self, evidence_id: str) -> bytes:
        """The bytes of a file as they came; raises httpx.HTTPStatusError."""

    def package(self, package_id: str) -> Any:
        """What the service made of a package; raises httpx.HTTPStatusError."""

    def receipt(self, package_id: str) -> bytes:
        """Its receipt, byte for byte; raises httpx.HTTPStatusError."""

    def keys(self) -> bytes:
        """The published keys, `/public/v1/keys`."""


@dataclass(slots=True)
class Findings:
    """What was found, each a list of sentences. Empty is good."""

    lost: list[str] = field(default_factory=list)
    lost_bytes: int = 0
    duplicates: list[str] = field(default_factory=list)
    mutated: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    unclaimed: list[str] = field(default_factory=list)
    """Stored, in a row, waiting for a package within its keeping time: no fault."""
    unfinished: list[str] = field(default_factory=list)
    packages: int = 0
    files: int = 0
    copies: int = 0
    """Reduced copies."""
    file_bytes: int = 0

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        return [*self.lost, *self.duplicates, *self.mutated, *self.orphans, *self.unfinished]


def check(journals: Iterable[Journal], reader: Reader, objects: Path) -> Findings:
    """Compare. What was acknowledged must be there whole, once, unchanged; what is on the disk must belong to something."""
    found = Findings()
    journals = list(journals)
    keys = read_keys(reader.keys())
    processed: set[str] = set()
    visits = _all(reader, "/inspections/visits")
    known = _by_package(_all(reader, "/evidence"))
    for journal in journals:
        told = {(what, identifier): digest for what, identifier, digest in journal.told}
        for sealed in journal.sealed:
            if _check_package(sealed, told, known.get(sealed.id, []), reader, found):
                processed.add(sealed.visit_id)
        _check_receipts(journal, reader, found)
        _check_proofs(journal, keys, found)
    sealed_ones = [sealed for journal in journals for sealed in journal.sealed]
    _check_visits(sealed_ones, processed, visits, reader, found)
    abandoned = _check_abandoned(journals, found)
    _check_storage(objects, known, abandoned, found)
    return found


def _all(reader: Reader, path: str, **params: Any) -> list[Any]:
    """Every row of a list, page by page."""
    rows, cursor = [], None
    while True:
        page = reader.get(path, limit=PAGE, **params, **({"cursor": cursor} if cursor else {}))
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


def _by_package(rows: list[Any]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for row in rows:
        grouped.setdefault(str(row["package_id"]), []).append(row)
    return grouped


def _check_package(
    sealed: Sealed, told: Mapping[tuple[str, str], str], rows: list[Any], reader: Reader, found: Findings
) -> bool:
    """True when the service says that it has made a visit of it."""
    found.packages += 1
    try:
        state = reader.package(sealed.id)
    except httpx.HTTPStatusError as refusal:
        if ("package", sealed.id) in told:
            found.lost.append(f"package {sealed.id}: {refusal.response.status_code}")
            found.lost_bytes += sealed.size
        return False
    if state["hash"] != sealed.sha256:
        found.mutated.append(f"package {sealed.id} is kept as {state['hash']}")
    if state["status"] != "processed" or state["missing_evidence"] or not state["receipt"]:
        found.unfinished.append(f"package {sealed.id}: {state['status']}, misses {state['missing_evidence']}")
    counted = Counter(row["id"] for row in rows)
    found.duplicates += [
        f"file {identifier} is listed {count} times" for identifier, count in counted.items() if count > 1
    ]
    found.duplicates += [
        f"file {identifier} was never declared" for identifier in counted.keys() - sealed.files.keys()
    ]
    is_processed = bool(state["status"] == "processed")
    for identifier, (digest, size) in sealed.files.items():
        is_told = ("file", identifier) in told
        if identifier not in counted and (is_processed or is_told):
            found.lost.append(f"file {identifier} is not listed")
        _check_file(identifier, digest, size, is_told, reader, found)
    return is_processed


def _check_file(
    identifier: str, digest: str, size: int, is_told: bool, reader: Reader, found: Findings
) -> None:
    try:
        content = reader.original(identifier)
    except httpx.HTTPStatusError as refusal:
        if is_told:
            found.lost.append(f"file {identifier}: {refusal.response.status_code}")
            found.lost_bytes += size
        return
    found.files += 1
    found.file_bytes += len(content)
    if "sha-256:" + hashlib.sha256(content).hexdigest() != digest:
        found.mutated.append(f"file {identifier} has other bytes")
        found.lost_bytes += size if is_told else 0


def _check_receipts(journal: Journal, reader: Reader, found: Findings) -> None:
    """The phone's chain is 1, 2, 3 … without a gap; the service still gives every receipt byte for byte."""
    numbers = [number for number, _, _ in journal.receipts]
    if numbers != list(range(1, len(journal.sealed) + 1)):
        found.unfinished.append(f"phone {journal.device_id} holds the receipts {numbers[:3]}…{numbers[-3:]}")
    found.duplicates += [
        f"package {package} has {count} receipts"
        for package, count in Counter(package for _, package, _ in journal.receipts).items()
        if count > 1
    ]
    for _, package_id, body in journal.receipts:
        try:
            given = reader.receipt(package_id)
        except httpx.HTTPStatusError as refusal:
            found.lost.append(f"receipt of {package_id}: {refusal.response.status_code}")
            found.lost_bytes += len(body)
            continue
        if given != body:
            found.mutated.append(f"receipt of {package_id} is another one now")
        if json.loads(body)["receipt"]["package"]["id"] != package_id:
            found.mutated.append(f"receipt of {package_id} speaks of another package")


def _check_proofs(journal: Journal, keys: list[PublishedKey], found: Findings) -> None:
    """What the phone holds as proof is one, by `anshao verify receipt` and the published keys alone; it covers what was sealed."""
    report = check_receipts(((f"receipt of {package}", body) for _, package, body in journal.receipts), keys)
    found.mutated += [f"{one.place}: {one.kind}" for one in report.findings]
    sealed = {one.id: one for one in journal.sealed}
    for one in report.receipts:
        told = one.document.receipt
        if str(told.package.id) not in sealed or str(told.device_id) != journal.device_id:
            found.mutated.append(f"{one.name} is of nothing that phone {journal.device_id} has sealed")
            continue
        made = sealed[str(told.package.id)]
        covered = {str(row.id): (row.hash, row.size) for row in told.evidence if row.status == "verified"}
        if told.package.hash != made.sha256 or covered != made.files:
            found.mutated.append(f"{one.name} covers other bytes than were sealed")


def _check_visits(
    sealed: list[Sealed], processed: set[str], visits: list[Any], reader: Reader, found: Findings
) -> None:
    """One visit for each, with its one package, and each finding once."""
    wanted = {one.visit_id: one for one in sealed}
    counted = Counter(row["id"] for row in visits)
    found.duplicates += [
        f"visit {identifier} is listed {count} times" for identifier, count in counted.items() if count > 1
    ]
    found.duplicates += [
        f"visit {identifier} was never made" for identifier in counted.keys() - wanted.keys()
    ]
    found.lost += [
        f"visit {identifier} of a processed package is not listed"
        for identifier in (wanted.keys() - counted.keys()) & processed
    ]
    kinds: dict[bool, set[int]] = {False: set(), True: set()}
    for identifier in counted.keys() & wanted.keys():
        detail = reader.get(f"/inspections/visits/{identifier}")
        packages = [row["id"] for row in detail["packages"]]
        if packages != [wanted[identifier].id]:
            found.duplicates.append(f"visit {identifier} has the packages {packages}")
        kinds[wanted[identifier].has_findings].add(len(detail["findings"]))
        if wanted[identifier].has_findings and not detail["findings"]:
            found.lost.append(f"the findings of visit {identifier}")
    for numbers in kinds.values():
        if len(numbers) > 1:
            found.duplicates.append(f"the same answers gave {sorted(numbers)} findings")


def _check_abandoned(journals: list[Journal], found: Findings) -> dict[str, int]:
    """Files whose packages never came were acknowledged too: they wait. Size by hash."""
    waiting: dict[str, int] = {}
    for journal in journals:
        for identifier, (digest, size) in journal.abandoned.items():
            if journal.standing.get(identifier) == "stored":
                found.unclaimed.append(f"file {identifier} waits for its package")
                waiting[digest.removeprefix("sha-256:")] = size
            else:
                found.lost.append(f"file {identifier} without a package: {journal.standing.get(identifier)}")
                found.lost_bytes += size
    return waiting


def _check_storage(
    objects: Path, known: Mapping[str, list[Any]], abandoned: Mapping[str, int], found: Findings
) -> None:
    """Every original and every reduced copy is what its name says, and belongs to a row; every row has its bytes."""
    rows = [row for group in known.values() for row in group]
    wanted = {row["hash"].removeprefix("sha-256:") for row in rows} | abandoned.keys()
    stored = _check_objects(objects / "originals", wanted, found)
    for row in rows:
        if row["status"] == "verified" and row["hash"].removeprefix("sha-256:") not in stored:
            found.lost.append(f"object of file {row['id']} is not in the storage")
            found.lost_bytes += row["size"]
    for digest in abandoned.keys() - stored:
        found.lost.append(f"object {digest} waits for its package and is not in the storage")
        found.lost_bytes += abandoned[digest]
    copies = {copy["hash"].removeprefix("sha-256:") for row in rows for copy in row["derivatives"]}
    found.copies = len(copies)
    missing = copies - _check_objects(objects / "derivatives", copies, found)
    found.lost += [f"reduced copy {digest} is not in the storage" for digest in missing]
    found.orphans += [
        f"temporary file {path.name}" for path in (objects / ".staging").rglob("*") if path.is_file()
    ]
    found.orphans += [
        f"part {path.name} of no upload" for path in (objects / "uploads").rglob("*") if path.is_file()
    ]


def _check_objects(folder: Path, wanted: Collection[str], found: Findings) -> set[str]:
    """Everything in a folder whose files are named by their hashes; gives those that are there."""
    stored = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        stored.add(path.stem)
        if digest != path.stem:
            found.mutated.append(f"object {path.name} has the bytes of {digest}")
        if path.stem not in wanted:
            found.orphans.append(f"object {path.name} in {folder.name} belongs to no row")
    return stored
