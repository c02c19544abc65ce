"""Bundles as phones make them, and as nobody should: the zip is built by hand where a library would refuse."""

import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pyrage

from anshao_phone import Device as Phone
from anshao_phone import Photo, SealedPackage, sha256_of


@dataclass
class Bundle:
    """What a phone without a network puts into a file."""

    packages: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    files: list[tuple[UUID, Photo]] = field(default_factory=list)

    def add(self, phone: Phone, package: SealedPackage, *, photos: bool = True) -> "Bundle":
        """A package with its phone's signature, and its files."""
        self.packages[package.id] = {
            "sealed": package.sealed.decode(),
            "key_id": phone.key_id,
            "signature": phone.sign(f"anshao.package/1\n{package.hash}".encode()),
        }
        if photos:
            self.files += [(package.id, one) for one in package.photos]
        return self

    def manifest(self) -> dict[str, Any]:
        """Everything that is inside."""
        return {
            "schema": "anshao.bundle/1",
            "packages": [str(one) for one in self.packages],
            "evidence": [
                {
                    "id": str(p.id),
                    "package_id": str(owner),
                    "hash": sha256_of(p.content),
                    "size": len(p.content),
                }
                for owner, p in self.files
            ],
        }

    def entries(self) -> dict[str, bytes]:
        """The zip's entries."""
        return {
            "manifest.json": json.dumps(self.manifest()).encode(),
            **{f"packages/{i}.json": json.dumps(row).encode() for i, row in self.packages.items()},
            **{f"evidence/{p.id}": p.content for _, p in self.files},
        }

    def zip(self) -> bytes:
        """The archive, plain."""
        return zipped(self.entries())


def zipped(entries: dict[str, bytes]) -> bytes:
    """An ordinary archive of these entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def key_of(carrier: Phone) -> str:
    """The key a phone fetched while it had a network."""
    answer = carrier.request("GET", "/bundles/key")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["recipient"])


def encrypted(plain: bytes, recipient: str) -> bytes:
    """As any age library does it."""
    return bytes(pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(recipient)]))


def bring(carrier: Phone, content: bytes) -> Any:
    """Import a file by a phone that has a network."""
    return carrier.request(
        "POST", "/bundles", content=content, headers={"Content-Type": "application/octet-stream"}
    )


def bring_plain(carrier: Phone, plain: bytes) -> Any:
    """Encrypt and import."""
    return bring(carrier, encrypted(plain, key_of(carrier)))


def results(answer: Any) -> dict[str, tuple[str, str | None]]:
    """Status and code by the object's id."""
    assert answer.status_code == 200, answer.text
    return {row["id"]: (row["status"], row["code"]) for row in answer.json()["results"]}


__all__ = ["Bundle", "bring", "bring_plain", "encrypted", "key_of", "results", "zipped"]
