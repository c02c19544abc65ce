"""Looking into a decrypted bundle before anything of it is used: a plain zip, or nothing.

A zip has two tables of contents (one at its end, one before each entry), and readers that believe different ones unpack different
files. So only one form passes: the entries lie one after the other from the first byte on, each described alike in both places,
then the directory, then the end; no zip64, no encryption, no links, no folders, no name but those of a bundle, none twice. Then
everything is unpacked once, into nothing, within its announced size, before the first object is imported.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from app.services.bundles.errors import BundleRefusedProblem

MANIFEST = "manifest.json"
MAX_ENTRIES = 20_000
MAX_RATIO = 100
SMALL = 64 * 1024
"""Entries up to here may be squeezed as far as they go."""
MAX_UNPACKED = 4 * 1024**3
MAX_MANIFEST = 8 * 1024 * 1024
PIECE_BYTES = 1024 * 1024

_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_ZIP64_LOCATOR = b"PK\x06\x07"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NAME = re.compile(rf"{re.escape(MANIFEST)}|packages/{_UUID}\.json|evidence/{_UUID}")
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_SIZES_FOLLOW = 0x8


def open_archive(file: BinaryIO, max_package: int) -> zipfile.ZipFile:
    """The archive, looked through to its last byte; raises BundleRefusedProblem with the name of the first thing wrong."""
    entries_end = _check_end(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise BundleRefusedProblem(reason="damaged") from error
    infos = archive.infolist()
    _check_entries(infos, max_package)
    _check_places(file, infos, entries_end)
    for info in infos:
        for _ in unpack(archive, info):
            pass
    return archive


def unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """An entry's content by pieces; raises BundleRefusedProblem unless it is exactly as long and the same as announced."""
    size = 0
    try:
        with archive.open(info) as content:
            while piece := content.read(PIECE_BYTES):
                size += len(piece)
                yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise BundleRefusedProblem(reason="damaged") from error
    if size != info.file_size:
        raise BundleRefusedProblem(reason="damaged")


def _check_end(file: BinaryIO) -> int:
    """Where the directory begins; raises unless the file ends with the end of a small plain zip."""
    length = file.seek(0, 2)
    if length < _END.size:
        raise BundleRefusedProblem(reason="truncated")
    file.seek(max(0, length - _END.size - 20))
    tail = file.read()
    sign, disk, first_disk, here, total, directory, start, comment = _END.unpack(tail[-_END.size :])
    if sign != b"PK\x05\x06" or comment:
        raise BundleRefusedProblem(reason="truncated")
    if tail.startswith(_ZIP64_LOCATOR) or 0xFFFF in (here, total) or 0xFFFFFFFF in (directory, start):
        raise BundleRefusedProblem(reason="zip64")
    if disk or first_disk or here != total:
        raise BundleRefusedProblem(reason="several_disks")
    if total > MAX_ENTRIES or directory > MAX_ENTRIES * 256:
        raise BundleRefusedProblem(reason="too_many_entries")
    if start + directory + _END.size != length:
        raise BundleRefusedProblem(reason="hidden_bytes")
    return int(start)


def _check_entries(infos: list[zipfile.ZipInfo], max_package: int) -> None:
    seen: set[str] = set()
    unpacked = 0
    for info in infos:
        reason = _why_refused(info, max_package)
        if reason is None and info.orig_filename in seen:
            reason = "duplicate_name"
        seen.add(info.orig_filename)
        unpacked += info.file_size
        if reason is None and unpacked > MAX_UNPACKED:
            reason = "too_large"
        if reason is not None:
            raise BundleRefusedProblem(reason=reason)
    if MANIFEST not in seen:
        raise BundleRefusedProblem(reason="manifest")


def _why_refused(info: zipfile.ZipInfo, max_package: int) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "link" if kind == stat.S_IFLNK else "no_file"
    if not _NAME.fullmatch(info.orig_filename):
        return "entry_name"
    if info.flag_bits & _ENCRYPTED:
        return "encrypted_entry"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compression"
    if _has_zip64(info.extra) or 0xFFFFFFFF in (info.file_size, info.compress_size, info.header_offset):
        return "zip64"
    if info.file_size > SMALL and info.file_size > MAX_RATIO * info.compress_size:
        return "ratio"
    limit = {"m": MAX_MANIFEST, "p": 2 * max_package + 4096}.get(info.orig_filename[0], MAX_UNPACKED)
    return "too_large" if info.file_size > limit else None


def _check_places(file: BinaryIO, infos: list[zipfile.ZipInfo], entries_end: int) -> None:
    """Each entry is what the directory says of it, and begins where the one before ends."""
    place = 0
    allowed = {0}
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.header_offset not in allowed:
            raise BundleRefusedProblem(
                reason="overlap" if info.header_offset < max(place, 1) else "hidden_bytes"
            )
        place = _end_of(file, info)
        allowed = {place, place + 12, place + 16} if info.flag_bits & _SIZES_FOLLOW else {place}
    if entries_end not in allowed:
        raise BundleRefusedProblem(reason="overlap" if entries_end < place else "hidden_bytes")


def _end_of(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    file.seek(info.header_offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size:
        raise BundleRefusedProblem(reason="truncated")
    sign, _, flags, method, _, _, crc, packed, unpacked, name_length, extra_length = _LOCAL.unpack(head)
    name, extra = file.read(name_length), file.read(extra_length)
    if sign != b"PK\x03\x04" or len(extra) < extra_length:
        raise BundleRefusedProblem(reason="truncated")
    if _has_zip64(extra) or 0xFFFFFFFF in (packed, unpacked):
        raise BundleRefusedProblem(reason="zip64")
    said = (info.orig_filename.encode(), info.flag_bits, info.compress_type)
    sizes = (info.CRC, info.compress_size, info.file_size)
    absent = (0, 0, 0) if flags & _SIZES_FOLLOW else sizes
    if (name, flags, method) != said or (crc, packed, unpacked) not in (sizes, absent):
        raise BundleRefusedProblem(reason="two_tables")
    content = info.header_offset + _LOCAL.size + len(name) + len(extra)
    return content + info.compress_size


def _has_zip64(extra: bytes) -> bool:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            return True
        extra = extra[4 + length :]
    return False
