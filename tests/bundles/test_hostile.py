"""Hostile zips: each is refused as a whole by the name of what is wrong with it, and nothing of it is imported."""

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from anshao_phone import Device as Phone
from anshao_phone import SealedPackage
from app.core.ids import new_id
from app.services.bundles import archive
from tests.bundles.making import Bundle, bring_plain, results, zipped
from tests.factories.field import photo
from tests.quarantine.conftest import Lost


@pytest.fixture
def lost(world: Any) -> Lost:
    return Lost(world)


def built(entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None], name: str) -> bytes:
    """An archive in which one entry's description was changed before it was written."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        for one, content in entries.items():
            info = zipfile.ZipInfo(one)
            info.compress_type = zipfile.ZIP_DEFLATED
            if one == name:
                change(info)
            written.writestr(info, content)
    return out.getvalue()


def linked(kind: int) -> Callable[[dict[str, bytes], str], bytes]:
    def make(entries: dict[str, bytes], name: str) -> bytes:
        def change(info: zipfile.ZipInfo) -> None:
            info.create_system, info.external_attr = 3, (kind | 0o777) << 16

        return built(entries, change, name)

    return make


def named(wrong: str) -> Callable[[dict[str, bytes], str], bytes]:
    return lambda entries, name: zipped({**entries, wrong: b"x"})


def duplicate(entries: dict[str, bytes], name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for one, content in entries.items():
            written.writestr(one, content)
        with pytest.warns(UserWarning, match="Duplicate"):
            written.writestr(name, entries[name])
    return out.getvalue()


def central(whole: bytes, name: str) -> int:
    """Where the directory describes the entry."""
    return whole.rindex(name.encode()) - 46


def patched(whole: bytes, place: int, layout: str, *values: int) -> bytes:
    changed = bytearray(whole)
    struct.pack_into(layout, changed, place, *values)
    return bytes(changed)


def flag(entries: dict[str, bytes], name: str) -> bytes:
    whole = zipped(entries)
    return patched(whole, central(whole, name) + 8, "<H", 0x1)


def bomb(entries: dict[str, bytes], name: str) -> bytes:
    return zipped({**entries, name: b"\0" * 8_000_000})


def lying_size(entries: dict[str, bytes], name: str) -> bytes:
    """Both tables say 10 bytes; more lie there."""
    whole = zipped(entries)
    place = central(whole, name)
    (start,) = struct.unpack_from("<L", whole, place + 42)
    return patched(patched(whole, place + 24, "<L", 10), start + 22, "<L", 10)


def two_tables(entries: dict[str, bytes], name: str) -> bytes:
    whole = zipped(entries)
    (start,) = struct.unpack_from("<L", whole, central(whole, name) + 42)
    return patched(whole, start + 22, "<L", 10)


def other_local_name(entries: dict[str, bytes], name: str) -> bytes:
    whole = zipped(entries)
    return whole.replace(name.encode(), name.replace("packages", "PACKAGES").encode(), 1)


def overlapping(entries: dict[str, bytes], name: str) -> bytes:
    """Two names in the directory, one place (as in the best known bombs)."""
    whole = zipped(entries)
    first = central(whole, "manifest.json")
    (start,) = struct.unpack_from("<L", whole, first + 42)
    return patched(whole, central(whole, name) + 42, "<L", start)


def zip64_extra(entries: dict[str, bytes], name: str) -> bytes:
    def change(info: zipfile.ZipInfo) -> None:
        info.extra = struct.pack("<HHQQ", 1, 16, 5, 5)

    return built(entries, change, name)


def zip64_end(entries: dict[str, bytes], name: str) -> bytes:
    whole = zipped(entries)
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, len(whole) - 22, 1)
    return whole[:-22] + locator + whole[-22:]


def zip64_count(entries: dict[str, bytes], name: str) -> bytes:
    whole = zipped(entries)
    return patched(whole, len(whole) - 14, "<HH", 0xFFFF, 0xFFFF)


def prepended(entries: dict[str, bytes], name: str) -> bytes:
    return b"#!/bin/sh\n" + zipped(entries)


def appended(entries: dict[str, bytes], name: str) -> bytes:
    return zipped(entries) + b"more"


def commented(entries: dict[str, bytes], name: str) -> bytes:
    out = io.BytesIO(zipped(entries))
    with zipfile.ZipFile(out, "a") as written:
        written.comment = b"hello"
    return out.getvalue()


def truncated(entries: dict[str, bytes], name: str) -> bytes:
    return zipped(entries)[:-30]


def hidden(entries: dict[str, bytes], name: str) -> bytes:
    """Bytes between the entries and the directory that no table speaks of."""
    whole = zipped(entries)
    (start,) = struct.unpack_from("<L", whole, len(whole) - 6)
    moved = patched(whole, len(whole) - 6, "<L", start + 4)
    return moved[:start] + b"hid!" + moved[start:]


def damaged(entries: dict[str, bytes], name: str) -> bytes:
    whole = zipped({**entries, name: b"x" * 100})
    place = central(whole, name)
    (start,) = struct.unpack_from("<L", whole, place + 42)
    wrong = 0xDEADBEEF
    return patched(patched(whole, place + 16, "<L", wrong), start + 14, "<L", wrong)


def other_method(entries: dict[str, bytes], name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as written:
        for one, content in entries.items():
            written.writestr(one, content)
    return out.getvalue()


def several_disks(entries: dict[str, bytes], name: str) -> bytes:
    whole = zipped(entries)
    return patched(whole, len(whole) - 18, "<H", 1)


def without_manifest(entries: dict[str, bytes], name: str) -> bytes:
    return zipped({one: content for one, content in entries.items() if one != "manifest.json"})


def unlisted(entries: dict[str, bytes], name: str) -> bytes:
    return zipped({**entries, f"packages/{new_id()}.json": b"{}"})


def missing(entries: dict[str, bytes], name: str) -> bytes:
    return zipped({one: content for one, content in entries.items() if one != name})


def bad_manifest(entries: dict[str, bytes], name: str) -> bytes:
    return zipped({**entries, "manifest.json": b'{"schema": "anshao.bundle/1", "packages": [1]}'})


HOSTILE: list[tuple[str, Callable[[dict[str, bytes], str], bytes], str]] = [
    ("an absolute name", named("/etc/passwd"), "entry_name"),
    ("a name that climbs", named("evidence/../../x"), "entry_name"),
    ("a name with a backslash", named("evidence\\..\\x"), "entry_name"),
    ("a drive", named("C:/x"), "entry_name"),
    ("a name in capitals", named(f"evidence/{str(new_id()).upper()}"), "entry_name"),
    ("a folder", named("evidence/"), "no_file"),
    ("a nested archive", named("evidence/inner.zip"), "entry_name"),
    ("a symbolic link", linked(0o120000), "link"),
    ("a device", linked(0o060000), "no_file"),
    ("a name twice", duplicate, "duplicate_name"),
    ("an encrypted entry", flag, "encrypted_entry"),
    ("a bomb", bomb, "ratio"),
    ("a size that lies", lying_size, "damaged"),
    ("two tables that disagree", two_tables, "two_tables"),
    ("two names for one entry", other_local_name, "two_tables"),
    ("overlapping entries", overlapping, "overlap"),
    ("zip64 in an entry", zip64_extra, "zip64"),
    ("a zip64 end", zip64_end, "zip64"),
    ("a zip64 count", zip64_count, "zip64"),
    ("something before", prepended, "hidden_bytes"),
    ("something after", appended, "truncated"),
    ("a comment", commented, "truncated"),
    ("no end", truncated, "truncated"),
    ("something between", hidden, "hidden_bytes"),
    ("a wrong checksum", damaged, "damaged"),
    ("another compression", other_method, "compression"),
    ("several disks", several_disks, "several_disks"),
    ("no manifest", without_manifest, "manifest"),
    ("an entry the manifest does not name", unlisted, "manifest"),
    ("a name without its entry", missing, "manifest"),
    ("a manifest that is none", bad_manifest, "manifest"),
    ("no zip", lambda entries, name: b"not a zip, but long enough to be one, surely", "truncated"),
    ("nothing", lambda entries, name: b"", "truncated"),
]


@pytest.mark.parametrize(
    ("make", "reason"), [(make, reason) for _, make, reason in HOSTILE], ids=[name for name, *_ in HOSTILE]
)
def test_a_hostile_zip_is_refused_by_name_and_nothing_of_it_is_imported(
    lost: Lost, make: Callable[[dict[str, bytes], str], bytes], reason: str
) -> None:
    package = lost.fresh(photo())
    entries = Bundle().add(lost.phone, package).entries()
    answer = bring_plain(lost.phone, make(entries, f"packages/{package.id}.json"))
    assert (answer.status_code, answer.json()["code"]) == (422, "bundle_refused"), answer.text
    assert answer.json()["reason"] == reason
    assert_untouched(lost, package)
    assert {one for one, _ in results(bring_plain(lost.phone, zipped(entries))).values()} == {"accepted"}


def assert_untouched(lost: Lost, package: SealedPackage) -> None:
    assert lost.kept(package.id) == []
    assert lost.rows("evidence_files", "package_id", package.id) == []


def refusal(phone: Phone, plain: bytes) -> str:
    answer = bring_plain(phone, plain)
    assert (answer.status_code, answer.json()["code"]) == (422, "bundle_refused"), answer.text
    return str(answer.json()["reason"])


def test_too_many_entries_are_refused_before_their_names_are_read(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = lost.fresh(photo(), photo())
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    assert refusal(lost.phone, Bundle().add(lost.phone, package).zip()) == "too_many_entries"
    assert_untouched(lost, package)


def test_more_than_the_limit_unpacked_is_refused(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    package = lost.fresh(photo(b"x" * 10_000))
    monkeypatch.setattr(archive, "MAX_UNPACKED", 9_000)
    assert refusal(lost.phone, Bundle().add(lost.phone, package).zip()) == "too_large"
    assert_untouched(lost, package)


def test_entries_written_as_a_stream_are_fine(lost: Lost) -> None:
    """Writers that cannot seek put the sizes after the content (Java's ZipOutputStream, among others)."""

    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: Any) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    out = Unseekable()
    package = lost.fresh(photo())
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        for one, content in Bundle().add(lost.phone, package).entries().items():
            written.writestr(one, content)
    found = results(bring_plain(lost.phone, out.getvalue()))
    assert {status for status, _ in found.values()} == {"accepted"}
