"""The files around a receipt check: receipts, published keys (a file or an address) and originals, read with bounds."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from app.services.inspections.receipt_check import (
    MAX_BYTES,
    KeysUnreadable,
    Match,
    Original,
    PublishedKey,
    ReceiptReport,
    check_receipts,
    finding,
    match_originals,
    read_keys,
)

KEYS_FILE = "keys.json"
"""What `--keys` means when nobody says: a file of this name beside the first receipt, or here."""

_TIMEOUT_SECONDS = 20.0
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def load_keys(source: str) -> list[PublishedKey]:
    """The keys of a file, or of a server's `/public/v1/keys` when `source` is an address; raises KeysUnreadable.

    Over plain http anybody between could put keys of his own: only this machine is asked that way.
    """
    if "://" in source:
        return read_keys(_fetched(source))
    try:
        return read_keys(_bounded(Path(source)))
    except OSError as error:
        raise KeysUnreadable(f"无法读取密钥文件 / cannot read the keys: {source}") from error


def source_in_full(source: str) -> str:
    """Where keys came from, so that it can be found again: the address, or the file with its folder."""
    return source if "://" in source else str(Path(source).absolute())


def told_as_json(report: ReceiptReport, matches: Sequence[Match], source: str) -> dict[str, Any]:
    """All that a check found as plain data: whether it is sound, by which keys, of what, and what is wrong."""
    return {
        "is_sound": report.is_sound,
        "keys": [
            {
                "key_id": key.id,
                "fingerprint": key.fingerprint,
                "purpose": key.purpose,
                "valid_from": key.valid_from.isoformat(),
                "valid_until": key.valid_until.isoformat() if key.valid_until else None,
                "source": source_in_full(source),
                "signatures": report.signatures[key],
            }
            for key in report.trusted
        ],
        "receipts": [
            {
                "file": one.name,
                "hash": one.sha256,
                "key_id": one.document.key_id,
                "device_id": str(one.document.receipt.device_id),
                "number": one.document.receipt.number,
                "package_id": str(one.document.receipt.package.id),
            }
            for one in report.receipts
        ],
        "originals": [
            {"file": one.name, "kind": one.kind, "id": str(one.id), "receipt": one.receipt} for one in matches
        ],
        "findings": [
            {"kind": one.kind, "place": one.place, "zh": one.zh, "en": one.en} for one in report.findings
        ],
    }


def find_keys_file(receipts: Sequence[Path]) -> Path | None:
    """`keys.json` beside the first receipt or in the folder one stands in; None: there is none."""
    first = receipts[0] if receipts[0].is_dir() else receipts[0].parent
    return next((path for path in (first / KEYS_FILE, Path(KEYS_FILE)) if path.is_file()), None)


def check_files(
    receipts: Sequence[Path],
    keys: Sequence[PublishedKey],
    *,
    packages: Sequence[Path] = (),
    evidence: Sequence[Path] = (),
    originals: Path | None = None,
) -> tuple[ReceiptReport, list[Match]]:
    """Check receipt files (of a folder: every *.json but keys.json) and whether these originals are what they name.

    Every file of `packages` and `evidence` must be named by a receipt as such; in the folder `originals` every file that a
    receipt names must lie, under whatever name.
    """
    unreadable: list[str] = []
    report = check_receipts(_read(receipts, unreadable), keys)
    report.findings += [finding("unreadable", name) for name in unreadable]
    if not report.receipts and not report.findings:
        report.findings.append(finding("no_receipt", ", ".join(map(str, receipts))))
    matches: list[Match] = []
    for kind, paths in (("package", packages), ("evidence", evidence)):
        if paths:
            matches += match_originals(report, _hashed(paths, report), kinds=(kind,))
    if originals is not None:
        found = (path for path in sorted(originals.rglob("*")) if path.is_file())
        matches += match_originals(report, _hashed(found, report), is_whole=True)
    return report, matches


def _read(paths: Iterable[Path], unreadable: list[str]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each receipt file, one byte more than allowed of one that is too large."""
    for given in paths:
        within = given.is_dir()
        for path in sorted(given.glob("*.json")) if within else [given]:
            if within and path.name == KEYS_FILE:
                continue
            try:
                yield str(path), _bounded(path)
            except OSError:
                unreadable.append(str(path))


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _hashed(paths: Iterable[Path], report: ReceiptReport) -> list[Original]:
    """Files of any size, read in pieces."""
    found = []
    for path in paths:
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                found.append(Original(str(path), f"sha-256:{digest}", os.fstat(file.fileno()).st_size))
        except OSError:
            report.findings.append(finding("unreadable", str(path)))
    return found


def _fetched(address: str) -> bytes:
    try:
        url = httpx.URL(address)
        if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
            raise KeysUnreadable("只通过 https 获取密钥 / keys are fetched by https only")
        with httpx.stream("GET", url, timeout=_TIMEOUT_SECONDS) as answer:
            answer.raise_for_status()
            body = b""
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    break
            return body
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise KeysUnreadable(f"无法获取密钥 / cannot fetch the keys: {address}") from error
