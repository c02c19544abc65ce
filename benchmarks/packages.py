"""Sealed packages made and signed before the clock starts, as the exact bytes that will travel."""

import base64
import hashlib
import io
import json
import pickle
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI, shanghai_today
from app.core.ids import new_id
from app.models.inspections import Assignment, AssignmentMember
from app.services.identity.keys import base64url
from app.services.inspections.sealing import package_hash, package_message
from benchmarks.city import BenchmarkCity, BenchmarkPhone, Place

PHOTOS = 3
PHOTO_BYTES = 300_000
STAMP_BYTES = 16
BOUNDARY = "anshao-4f1c2c7d0f6e"
ANSWERED_NO = ("RV-05", "RV-11")
"""The two findings of every package."""

_YES = (
    "RV-00",
    "RV-01",
    "RV-02",
    "RV-03",
    "RV-04",
    "RV-05",
    "RV-05.1",
    "RV-00.1",
    "RV-13",
    "RV-15",
    "RV-18",
    "RV-19",
    "RV-20",
    "RV-06",
    "RV-07",
    "RV-09",
    "RV-16",
    "RV-17",
    "RV-11",
    "RV-12",
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it travels, in pieces (photographs share theirs), and the status that must come back."""

    pieces: tuple[bytes, ...]
    status: int


@dataclass(frozen=True, slots=True)
class Submission:
    """All requests until receipts are had, in order: of one package, or of a batch that is pushed."""

    package_ids: tuple[UUID, ...]
    sealed_bytes: int
    exchanges: tuple[Exchange, ...]
    assignments: tuple[dict[str, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class BasePhoto:
    """A real JPEG of the wanted size with room for a stamp that makes its bytes unique."""

    head: bytes
    tail: bytes

    def hash_with(self, stamp: bytes) -> bytes:
        """SHA-256 of the whole with this stamp in it."""
        return hashlib.sha256(self.head + stamp + self.tail).digest()

    @property
    def size(self) -> int:
        """Bytes of a stamped photograph."""
        return len(self.head) + STAMP_BYTES + len(self.tail)


def base_photos(number: int = 4) -> list[BasePhoto]:
    """Photographs of 2000 x 1500 pixels and 300,000 bytes; the stamp lies in a comment segment."""
    return [_base_photo(seed) for seed in range(number)]


def _base_photo(seed: int) -> BasePhoto:
    noise = random.Random(seed)
    small = Image.frombytes("RGB", (250, 188), noise.randbytes(250 * 188 * 3))
    image = small.resize((2000, 1500), Image.Resampling.BICUBIC)
    for quality in range(90, 20, -3):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        jpeg = buffer.getvalue()
        comments = 8 + 2 + STAMP_BYTES
        if len(jpeg) + comments <= PHOTO_BYTES:
            break
    else:
        raise ValueError("no quality is small enough")
    start = jpeg[:2] + b"\xff\xfe" + (2 + STAMP_BYTES).to_bytes(2)
    filling = PHOTO_BYTES - len(jpeg) - 4 - STAMP_BYTES
    return BasePhoto(start, _comments(filling) + jpeg[2:])


def _comments(size: int) -> bytes:
    """Comment segments of `size` bytes in all, to bring a photograph to its size."""
    made = b""
    while size > 4:
        length = min(size, 65_000)
        made += b"\xff\xfe" + (length - 2).to_bytes(2) + bytes(length - 4)
        size -= length
    return made


def seal_many(
    city: BenchmarkCity, number: int, photos: Sequence[BasePhoto], address: str, *, in_one: bool = False
) -> Iterator[Submission]:
    """`number` submissions by the city's phones in turn, each a visit of its own; `photos` empty means none.

    `in_one`: the package and its photographs in one request, whose answer carries the receipt.
    """
    now = datetime.now(SHANGHAI)
    for index in range(number):
        phone = city.phones[index % len(city.phones)]
        places = city.places[phone.district]
        place = places[(index // len(city.phones)) % len(places)]
        yield _seal(city, phone, place, photos, now, address, in_one)


def seal_batches(city: BenchmarkCity, number: int, size: int, address: str) -> Iterator[Submission]:
    """`number` pushes of `size` packages without photographs, by the city's phones in turn, each package a visit of its own."""
    now = datetime.now(SHANGHAI)
    for index in range(number):
        phone = city.phones[index % len(city.phones)]
        places = city.places[phone.district]
        rows, ids, assignments, sealed_bytes = [], [], [], 0
        for place in range(size):
            package_id, sealed, assignment = _package(
                city, phone, places[(index + place) % len(places)], [], now
            )
            rows.append({"newDocumentState": _pushed(phone, package_id, sealed)})
            ids.append(package_id)
            assignments.append(assignment)
            sealed_bytes += len(sealed)
        body = json.dumps(rows, ensure_ascii=False).encode()
        head = _head(
            "POST",
            "/mobile/v1/sync/packages/push",
            phone,
            address,
            len(body),
            ("Content-Type", "application/json"),
        )
        yield Submission(tuple(ids), sealed_bytes, (Exchange((head, body), 200),), tuple(assignments))


def _pushed(phone: BenchmarkPhone, package_id: UUID, sealed: bytes) -> dict[str, str]:
    signature = base64url(phone.key.sign(package_message(package_hash(sealed))))
    return {"id": str(package_id), "sealed": sealed.decode(), "key_id": phone.key_id, "signature": signature}


def _seal(
    city: BenchmarkCity,
    phone: BenchmarkPhone,
    place: Place,
    photos: Sequence[BasePhoto],
    now: datetime,
    address: str,
    in_one: bool,
) -> Submission:
    stamped = [(photo, new_id().bytes, new_id()) for photo in photos[:PHOTOS]]
    hashes = [photo.hash_with(stamp) for photo, stamp, _ in stamped]
    evidence = [
        {
            "id": str(identifier), "hash": "sha-256:" + digest.hex(), "size": photo.size, "media_type": "image/jpeg",
            "captured_at": now.isoformat(), "monotonic_ms": 1_000_000, "source": "camera",
            "question": ANSWERED_NO[index % len(ANSWERED_NO)],
        }
        for index, ((photo, _, identifier), digest) in enumerate(zip(stamped, hashes, strict=True))
    ]  # fmt: skip
    package_id, sealed, assignment = _package(city, phone, place, evidence, now)
    if in_one:
        whole = _submission_request(phone, package_id, sealed, stamped, address)
        return Submission((package_id,), len(sealed), (whole,), (assignment,))
    exchanges = [Exchange((_package_request(phone, package_id, sealed, address), sealed), 201)]
    for (photo, stamp, identifier), digest in zip(stamped, hashes, strict=True):
        head = _evidence_request(phone, package_id, identifier, digest, photo.size, address)
        exchanges.append(Exchange((head, photo.head, stamp, photo.tail), 201))
    if stamped:
        exchanges.append(Exchange((_receipt_request(phone, package_id, address),), 200))
    return Submission((package_id,), len(sealed), tuple(exchanges), (assignment,))


def _package(
    city: BenchmarkCity, phone: BenchmarkPhone, place: Place, evidence: list[dict[str, Any]], now: datetime
) -> tuple[UUID, bytes, dict[str, Any]]:
    """A sealed package and the assignment it does."""
    package_id, assignment_id = new_id(), new_id()
    document = _document(city, phone, place, package_id, assignment_id, now) | {"evidence": evidence}
    sealed = json.dumps(document, ensure_ascii=False).encode()
    assignment = {
        "id": assignment_id, "authority_id": city.authority_id, "enterprise_id": place.enterprise_id,
        "site_id": place.site_id, "region_id": place.region_id, "kind": "inspection", "status": "assigned",
        "planned_from": shanghai_today(), "planned_until": shanghai_today() + timedelta(days=7),
        "template_version_ids": [city.template_version_id], "hazard_ids": [], "created_by": phone.user_id,
        "officers": phone.officers,
    }  # fmt: skip
    return package_id, sealed, assignment


def _document(
    city: BenchmarkCity,
    phone: BenchmarkPhone,
    place: Place,
    package_id: UUID,
    assignment_id: UUID,
    now: datetime,
) -> dict[str, Any]:
    moment = now.isoformat()
    return {
        "schema": "anshao.package/1", "id": str(package_id), "device_id": str(phone.device_id),
        "user_id": str(phone.user_id), "kind": "inspection", "visit_id": str(new_id()),
        "assignment_id": str(assignment_id), "supersedes": None, "authority_id": str(city.authority_id),
        "enterprise_id": str(place.enterprise_id), "site_id": str(place.site_id),
        "officers": [str(officer) for officer in phone.officers], "legal_date": shanghai_today().isoformat(),
        "template": city.template, "times": {"started_at": moment, "sealed_at": moment, "monotonic_ms": 1_000_000},
        "position": {"latitude": 30_274_085, "longitude": 120_155_070, "datum": "gcj02", "accuracy_m": 8},
        "answers": _answers(),
        "party": {"outcome": "signed", "name": "李工", "text_hash": "sha-256:" + "5" * 64},
    }  # fmt: skip


def _answers() -> dict[str, Any]:
    """The 25 answers of a whole checklist (outsourced work), two of them findings."""
    answers: dict[str, Any] = {code: {"value": "no" if code in ANSWERED_NO else "yes"} for code in _YES}
    answers["RV-14"] = {"value": "no"}
    answers["RV-08"] = {"value": {"count": 12, "total": 12}}
    worker = "special-workers/w1"
    answers[f"{worker}/RV-10"] = {
        "value": {"number": "T330100199001011234", "result": "valid", "valid_until": "2030-01-01"}
    }
    answers[f"{worker}/RV-10.1"] = {"value": "yes"}
    answers[f"{worker}/RV-10.2"] = {"value": "yes"}
    assert len(answers) == 25
    return answers


def _package_request(phone: BenchmarkPhone, package_id: UUID, sealed: bytes, address: str) -> bytes:
    return _head(
        "PUT", f"/mobile/v1/packages/{package_id}", phone, address, len(sealed),
        ("Content-Type", "application/json"), *_signed(phone, sealed),
    )  # fmt: skip


def _signed(phone: BenchmarkPhone, sealed: bytes) -> tuple[tuple[str, str], tuple[str, str]]:
    signature = base64url(phone.key.sign(package_message(package_hash(sealed))))
    return ("Anshao-Key-Id", phone.key_id), ("Anshao-Signature", signature)


def _submission_request(
    phone: BenchmarkPhone,
    package_id: UUID,
    sealed: bytes,
    stamped: Sequence[tuple[BasePhoto, bytes, UUID]],
    address: str,
) -> Exchange:
    pieces = [_part("sealed", "application/json"), sealed]
    for photo, stamp, identifier in stamped:
        pieces += [_part(str(identifier), "image/jpeg"), photo.head, stamp, photo.tail]
    pieces.append(f"\r\n--{BOUNDARY}--\r\n".encode())
    head = _head(
        "PUT", f"/mobile/v1/packages/{package_id}/submission", phone, address, sum(map(len, pieces)),
        ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"), *_signed(phone, sealed),
    )  # fmt: skip
    return Exchange((head, *pieces), 201)


def _part(name: str, media_type: str) -> bytes:
    line = f'Content-Disposition: form-data; name="{name}"; filename="{name}"'
    return f"\r\n--{BOUNDARY}\r\n{line}\r\nContent-Type: {media_type}\r\n\r\n".encode()


def _evidence_request(
    phone: BenchmarkPhone, package_id: UUID, identifier: UUID, digest: bytes, size: int, address: str
) -> bytes:
    return _head(
        "PUT", f"/mobile/v1/evidence/{identifier}", phone, address, size, ("Content-Type", "image/jpeg"),
        ("Repr-Digest", f"sha-256=:{base64.b64encode(digest).decode()}:"), ("Anshao-Package", str(package_id)),
    )  # fmt: skip


def _receipt_request(phone: BenchmarkPhone, package_id: UUID, address: str) -> bytes:
    return _head("GET", f"/mobile/v1/packages/{package_id}/receipt", phone, address, 0)


def _head(
    method: str, path: str, phone: BenchmarkPhone, address: str, length: int, *headers: tuple[str, str]
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address}", f"Authorization: Bearer {phone.token}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if method != "GET":
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def assign(session: AsyncSession, submissions: Sequence[Submission]) -> None:
    """Write the assignments that the packages belong to: one each, with its team of two."""
    rows = [assignment for submission in submissions for assignment in submission.assignments]
    members = [
        {"assignment_id": row["id"], "user_id": officer} for row in rows for officer in row["officers"]
    ]
    await session.execute(
        insert(Assignment), [{k: v for k, v in row.items() if k != "officers"} for row in rows]
    )
    await session.execute(insert(AssignmentMember), members)


def write_plan(path: Path, submissions: Sequence[Submission]) -> None:
    """What the load generator reads: for each submission its exchanges as (pieces, status)."""
    plan = [[(one.pieces, one.status) for one in submission.exchanges] for submission in submissions]
    path.write_bytes(pickle.dumps(plan, protocol=pickle.HIGHEST_PROTOCOL))
