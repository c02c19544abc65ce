"""How tests speak to /mobile/v1/uploads, in either protocol."""

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from anshao_phone import Device, Photo

TUS = {"Tus-Resumable": "1.0.0"}
UPLOADS = "/mobile/v1/uploads"


def large_file(size: int) -> Photo:
    """A file of that many random bytes."""
    return Photo(os.urandom(size), None, "video/mp4")


def metadata(file: Photo, package_id: UUID, /, **changes: str) -> str:
    """tus: what kind of file this is."""
    told = {
        "evidence_id": str(file.id),
        "package_id": str(package_id),
        "sha256": hashlib.sha256(file.content).hexdigest(),
        "filetype": file.media_type,
        "filename": "现场 01.mp4",
        **changes,
    }
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())


def repr_digest(content: bytes) -> str:
    """RFC 9530."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@dataclass(frozen=True)
class Tus:
    """One phone that speaks tus."""

    phone: Device

    def create(self, file: Photo, package_id: UUID, content: bytes | None = None, **headers: str) -> Any:
        """POST; with `content`, its first bytes come along."""
        given = TUS | {
            "Upload-Length": str(len(file.content)),
            "Upload-Metadata": metadata(file, package_id),
        }
        if content is not None:
            given["Content-Type"] = "application/offset+octet-stream"
        return self.phone.request("POST", "/uploads", content=content, headers=given | _named(headers))

    def begin(self, file: Photo, package_id: UUID) -> str:
        """The path of a new upload, below /mobile/v1."""
        answer = self.create(file, package_id)
        assert answer.status_code == 201, answer.text
        location: str = answer.headers["location"]
        assert location.startswith(UPLOADS + "/")
        return location.removeprefix("/mobile/v1")

    def append(self, path: str, offset: int | str, content: Any, **headers: str) -> Any:
        given = TUS | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        return self.phone.request("PATCH", path, content=content, headers=given | _named(headers))

    def head(self, path: str) -> Any:
        return self.phone.request("HEAD", path, headers=TUS)

    def offset(self, path: str) -> int:
        """Where the upload stands."""
        answer = self.head(path)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["upload-offset"])

    def end(self, path: str) -> Any:
        return self.phone.request("DELETE", path, headers=TUS)


@dataclass(frozen=True)
class Draft:
    """One phone that speaks the IETF's draft."""

    phone: Device

    def create(self, file: Photo, package_id: UUID, content: bytes, complete: str, **headers: str) -> Any:
        given = {
            "Upload-Complete": complete,
            "Content-Type": file.media_type,
            "Repr-Digest": repr_digest(file.content),
            "Anshao-Evidence": str(file.id),
            "Anshao-Package": str(package_id),
        }
        if complete == "?0":
            given["Upload-Length"] = str(len(file.content))
        return self.phone.request("POST", "/uploads", content=content, headers=given | _named(headers))

    def append(self, path: str, offset: int, content: Any, complete: str, **headers: str) -> Any:
        given = {
            "Upload-Offset": str(offset),
            "Upload-Complete": complete,
            "Content-Type": "application/partial-upload",
        }
        return self.phone.request("PATCH", path, content=content, headers=given | _named(headers))

    def head(self, path: str) -> Any:
        return self.phone.request("HEAD", path)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def code_of(answer: Any) -> tuple[int, str]:
    """Status and stable code of a refusal."""
    return answer.status_code, answer.json()["code"]
