"""Checking receipts with nothing but themselves and the published keys: no server, no database. Pure: bytes in, findings out.

What is wrong is named by a stable word (FINDINGS). A chain is judged among the receipts that were given: it may begin anywhere,
and between the first and the last none may be missing.
"""

import base64
import binascii
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from app.schemas.receipts import ReceiptCheckpoint, ReceiptDocument
from app.services.audit.chain import signed_message
from app.services.identity.keys import base64url, thumbprint

MAX_BYTES = 4 * 1024 * 1024
"""Neither a receipt of 500 files nor a century of keys comes near."""

FINDINGS: Mapping[str, tuple[str, str]] = {
    "no_receipt": ("没有可核验的回执", "there is no receipt to check"),
    "unreadable": ("文件无法读取", "the file cannot be read"),
    "too_large": ("文件过大，不是回执", "too large to be a receipt"),
    "not_json": ("不是有效的 JSON", "not JSON that every reader reads alike"),
    "not_a_receipt": ("内容不是回执", "not a receipt"),
    "hash_malformed": ("哈希值格式不正确", "a hash is not well-formed"),
    "unknown_key": ("签名密钥不在已公布的密钥中", "signed by a key that is not published"),
    "key_of_other_purpose": ("签名密钥不是用于此用途的密钥", "signed by a key published for another purpose"),
    "signature_wrong": ("签名无效：内容被改动或系伪造", "the signature does not hold: altered or forged"),
    "key_not_yet_valid": ("签名时该密钥尚未启用", "made before the key came into use"),
    "key_no_longer_valid": ("签名时该密钥已停用", "made after the key went out of use"),
    "completed_before_received": ("完成时间早于接收时间", "completed before it was received"),
    "evidence_twice": ("同一证据编号列出两次", "a file is listed twice"),
    "chain_start_wrong": ("首张回执不应有前一回执，其余回执必须有", "the first has none before it, every other has one"),
    "number_twice": ("同一终端的同一序号有两张不同的回执", "two different receipts of one phone have this number"),
    "link_missing": ("回执链缺号", "receipts are missing from the chain"),
    "link_broken": ("与前一张回执不衔接", "does not follow from the receipt before it"),
    "checkpoint_wrong": ("审计检查点的签名无效", "the audit checkpoint is not signed by an audit key"),
    "checkpoints_differ": ("两张回执记载的同一审计封签不同，审计日志被改写", "two receipts hold different seals of one number"),
    "original_unknown": ("没有回执记载此文件", "no receipt names this file"),
    "original_missing": ("未找到回执记载的原件", "an original that the receipt names is not there"),
    "size_differs": ("文件大小与回执记载不符", "the size is not the one the receipt names"),
}  # fmt: skip
"""Every kind of finding, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class ReceiptFinding:
    """Something wrong: `kind` is stable, `place` names file and member, `zh`/`en` say it in words."""

    kind: str
    place: str
    zh: str
    en: str


def finding(kind: str, place: str) -> ReceiptFinding:
    """The finding of that kind, in words."""
    return ReceiptFinding(kind, place, *FINDINGS[kind])


class KeysUnreadable(ValueError):
    """What was given is no set of published keys; says why in Chinese and English."""


@dataclass(frozen=True, slots=True, eq=False)
class PublishedKey:
    """A key of `/public/v1/keys`, with the period in which it signed."""

    id: str
    purpose: str
    public: Ed25519PublicKey
    valid_from: datetime
    valid_until: datetime | None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key as other tools write it (SubjectPublicKeyInfo, DER), to be compared by other means."""
        der = self.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return "sha-256:" + hashlib.sha256(der).hexdigest()


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """A receipt that could be read; `sha256` is over its canonical bytes, which are what was given out."""

    name: str
    sha256: str
    document: ReceiptDocument


@dataclass(slots=True)
class ReceiptReport:
    """What was checked and what is wrong.

    `trusted`: the keys that could vouch for receipts or their checkpoints, as given; what is sound is so by them alone.
    `signatures`: how many signatures of each hold, by key.
    """

    trusted: list[PublishedKey]
    receipts: list[CheckedReceipt] = field(default_factory=list)
    findings: list[ReceiptFinding] = field(default_factory=list)
    signatures: Counter[PublishedKey] = field(default_factory=Counter)

    @property
    def is_sound(self) -> bool:
        """True when nothing is wrong."""
        return not self.findings

    @property
    def chains(self) -> dict[UUID, list[int]]:
        """The numbers of the receipts that could be read, in order, by phone."""
        found: dict[UUID, set[int]] = defaultdict(set)
        for one in self.receipts:
            found[one.document.receipt.device_id].add(one.document.receipt.number)
        return {device: sorted(numbers) for device, numbers in found.items()}


class _Jwk(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kty: str
    crv: str
    x: str
    kid: str
    purpose: str
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None


class _JwkSet(BaseModel):
    model_config = ConfigDict(extra="ignore")

    keys: list[_Jwk]


_VOUCHING = ("receipts", "audit")
"""The purposes of keys that sign receipts and the checkpoints in them."""


def read_keys(published: bytes) -> list[PublishedKey]:
    """The keys of a document of `/public/v1/keys`; raises KeysUnreadable.

    An id is the thumbprint (RFC 7638) of its key, so nobody can put another key under a known id.
    """
    try:
        if len(published) > MAX_BYTES:
            raise ValueError("too large")
        keys = _JwkSet.model_validate(_parsed(published)).keys
        return [_public_key(key) for key in keys if (key.kty, key.crv) == ("OKP", "Ed25519")]
    except ValueError as error:
        raise KeysUnreadable(
            "密钥文件不是 /public/v1/keys 公布的格式 / not a document of /public/v1/keys"
        ) from error


def _public_key(key: _Jwk) -> PublishedKey:
    raw = _raw(key.x)
    if thumbprint(raw) != key.kid:
        raise ValueError("the id is not the key's")
    public = Ed25519PublicKey.from_public_bytes(raw)
    return PublishedKey(key.kid, key.purpose, public, key.valid_from, key.valid_until)


def check_receipts(files: Iterable[tuple[str, bytes]], keys: Sequence[PublishedKey]) -> ReceiptReport:
    """Check each receipt (name, bytes) by itself, and those of one phone as a chain. The same one twice counts once."""
    report = ReceiptReport([key for key in keys if key.purpose in _VOUCHING])
    seen: set[str] = set()
    for name, data in files:
        checked = _check_one(report, name, data, keys)
        if checked is not None and checked.sha256 not in seen:
            seen.add(checked.sha256)
            report.receipts.append(checked)
    chains: dict[UUID, list[CheckedReceipt]] = defaultdict(list)
    for one in report.receipts:
        chains[one.document.receipt.device_id].append(one)
    for chain in chains.values():
        _check_chain(report, chain)
    _compare_checkpoints(report)
    return report


def _check_one(
    report: ReceiptReport, name: str, data: bytes, keys: Sequence[PublishedKey]
) -> CheckedReceipt | None:
    """Everything one receipt says of itself; None when it cannot be read."""
    if len(data) > MAX_BYTES:
        report.findings.append(finding("too_large", name))
        return None
    try:
        raw = _parsed(data)
        canonical, signed = rfc8785.dumps(raw), rfc8785.dumps(raw["receipt"])
    except (ValueError, TypeError, KeyError, RecursionError):
        kind = "not_json" if not _is_json(data) else "not_a_receipt"
        report.findings.append(finding(kind, name))
        return None
    try:
        document = ReceiptDocument.model_validate(raw)
    except ValidationError as error:
        report.findings += _misshapen(name, error)
        _check_signature(report, name, raw.get("key_id"), raw.get("signature"), signed, "receipts", keys)
        return None
    _check_content(report, name, document, signed, keys)
    return CheckedReceipt(name, "sha-256:" + hashlib.sha256(canonical).hexdigest(), document)


def _misshapen(name: str, error: ValidationError) -> list[ReceiptFinding]:
    """One finding for each malformed hash, and one for the first member that is otherwise wrong."""
    places = [("/".join(map(str, one["loc"])), one["type"]) for one in error.errors(include_url=False)]
    hashes = [place for place, kind in places if kind == "string_pattern_mismatch"]
    others = [place for place, kind in places if kind != "string_pattern_mismatch"]
    return [
        *(finding("hash_malformed", f"{name}: {place}") for place in hashes),
        *(finding("not_a_receipt", f"{name}: {place}") for place in others[:1]),
    ]


def _check_content(
    report: ReceiptReport, name: str, document: ReceiptDocument, signed: bytes, keys: Sequence[PublishedKey]
) -> None:
    content = document.receipt
    key = _check_signature(report, name, document.key_id, document.signature, signed, "receipts", keys)
    if key is not None and content.completed_at < key.valid_from:
        report.findings.append(finding("key_not_yet_valid", name))
    if key is not None and key.valid_until is not None and content.completed_at > key.valid_until:
        report.findings.append(finding("key_no_longer_valid", name))
    if content.completed_at < content.received_at:
        report.findings.append(finding("completed_before_received", name))
    if (content.number == 1) is not (content.previous_receipt is None):
        report.findings.append(finding("chain_start_wrong", name))
    for identifier, times in Counter(one.id for one in content.evidence).items():
        if times > 1:
            report.findings.append(finding("evidence_twice", f"{name}: evidence {identifier}"))
    if content.audit_checkpoint is not None:
        _check_checkpoint(report, name, content.audit_checkpoint, content.completed_at, keys)


def _check_signature(
    report: ReceiptReport, name: str, key_id: Any, signature: Any, message: bytes, purpose: str,
    keys: Sequence[PublishedKey],
) -> PublishedKey | None:  # fmt: skip
    """The key that signed; None after a finding."""
    named = [key for key in keys if key.id == key_id]
    key = next((key for key in named if key.purpose == purpose), None)
    if key is None:
        report.findings.append(
            finding("key_of_other_purpose" if named else "unknown_key", f"{name}: {key_id}")
        )
        return None
    if not _verifies(key, signature, message):
        report.findings.append(finding("signature_wrong", name))
        return None
    report.signatures[key] += 1
    return key


def _check_checkpoint(
    report: ReceiptReport,
    name: str,
    checkpoint: ReceiptCheckpoint,
    at: datetime,
    keys: Sequence[PublishedKey],
) -> None:
    """The seal's own time is not told, but it lies before the receipt's."""
    message = signed_message(checkpoint.number, checkpoint.seal_hash)
    for key in keys:
        is_ours = (key.id, key.purpose) == (checkpoint.key_id, "audit") and key.valid_from <= at
        if is_ours and _verifies(key, checkpoint.signature, message):
            report.signatures[key] += 1
            return
    report.findings.append(finding("checkpoint_wrong", f"{name}: audit_checkpoint {checkpoint.number}"))


def _verifies(key: PublishedKey, signature: Any, message: bytes) -> bool:
    try:
        key.public.verify(_raw(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _check_chain(report: ReceiptReport, chain: Sequence[CheckedReceipt]) -> None:
    """The receipts of one phone: no number twice, none missing between them, each with the hash of the one before."""
    by_number: dict[int, list[CheckedReceipt]] = defaultdict(list)
    for one in chain:
        by_number[one.document.receipt.number].append(one)
    numbers = sorted(by_number)
    device = chain[0].document.receipt.device_id
    for number, same in by_number.items():
        if len(same) > 1:
            names = ", ".join(one.name for one in same)
            report.findings.append(finding("number_twice", f"{device} {number}: {names}"))
    for before, number in pairwise(numbers):
        if number > before + 1:
            gap = str(before + 1) if number == before + 2 else f"{before + 1}-{number - 1}"
            report.findings.append(finding("link_missing", f"{device} {gap}"))
            continue
        known = {one.sha256 for one in by_number[before]}
        for one in by_number[number]:
            if one.document.receipt.previous_receipt not in known:
                report.findings.append(finding("link_broken", f"{one.name}: {device} {before} → {number}"))


def _compare_checkpoints(report: ReceiptReport) -> None:
    """Two receipts, of whatever phones, that name different seals of one number: the log was written anew between them."""
    seals: dict[int, tuple[str, str]] = {}
    for one in report.receipts:
        checkpoint = one.document.receipt.audit_checkpoint
        if checkpoint is None:
            continue
        seal_hash, first = seals.setdefault(checkpoint.number, (checkpoint.seal_hash, one.name))
        if seal_hash != checkpoint.seal_hash:
            place = f"{first}, {one.name}: audit_checkpoint {checkpoint.number}"
            report.findings.append(finding("checkpoints_differ", place))


@dataclass(frozen=True, slots=True)
class Original:
    """A file at hand: its SHA-256 and its size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Match:
    """An original and what a receipt calls it: "package" or "evidence", and its id."""

    name: str
    kind: str
    id: UUID
    receipt: str


def match_originals(
    report: ReceiptReport,
    given: Collection[Original],
    *,
    kinds: Collection[str] = ("package", "evidence"),
    is_whole: bool = False,
) -> list[Match]:
    """Which originals the receipts name; findings for those that none names, or, `is_whole`, for the named that are not there.

    A file that the phone has lost and withdrawn is not expected.
    """
    at_hand: dict[str, Original] = {one.sha256: one for one in given}
    matches: list[Match] = []
    matched: set[str] = set()
    for kind, hash_, identifier, size, receipt in _named(report.receipts):
        original = at_hand.get(hash_) if kind in kinds else None
        if original is not None:
            matched.add(hash_)
            matches.append(Match(original.name, kind, identifier, receipt))
            if size is not None and size != original.size:
                report.findings.append(finding("size_differs", f"{receipt}: {kind} {identifier}"))
        elif is_whole and kind in kinds:
            report.findings.append(finding("original_missing", f"{receipt}: {kind} {identifier} {hash_}"))
    if not is_whole:
        report.findings += [
            finding("original_unknown", one.name) for one in given if one.sha256 not in matched
        ]
    return matches


def _named(receipts: Iterable[CheckedReceipt]) -> Iterable[tuple[str, str, UUID, int | None, str]]:
    for one in receipts:
        content = one.document.receipt
        yield "package", content.package.hash, content.package.id, None, one.name
        for row in content.evidence:
            if row.status == "verified":
                yield "evidence", row.hash, row.id, row.size, one.name


def _parsed(data: bytes) -> Any:
    """JSON that reads alike everywhere: UTF-8, no member twice, no NaN; raises ValueError."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("too deep") from error


def _is_json(data: bytes) -> bool:
    try:
        _parsed(data)
    except ValueError:
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _raw(text: Any) -> bytes:
    """The bytes of unpadded base64url, written the one way there is; raises ValueError."""
    if not isinstance(text, str) or not text.isascii():
        raise ValueError("not base64url")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if base64url(raw) != text:
        raise ValueError("not base64url")
    return raw
