"""A device and its single requests: nothing kept, nothing repeated, every answer as it came. Phone stands on it."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from anshao_phone.keys import DeviceKey, SoftwareKey, fingerprint_of
from anshao_phone.protocol import (
    Photo,
    SealedPackage,
    enrollment_message,
    handover_message,
    package_message,
    refresh_message,
    seal_document,
    sha256_of,
    signature_message,
    withdrawal_message,
)

TUS_HEADERS = {"Tus-Resumable": "1.0.0"}


class Device:
    """One officer's device: its key, who it is, its tokens."""

    def __init__(self, http: httpx.Client, name: str, key: DeviceKey | None = None) -> None:
        self.http = http
        self.name = name
        self.key: DeviceKey = key or SoftwareKey()
        self.access_token = ""
        self.refresh_token = ""
        self.device_id: UUID | None = None
        self.user_id: UUID | None = None
        self.key_id = ""

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public key as it is enrolled."""
        return self.key.public_jwk

    def fingerprint(self) -> str:
        """What a person compares at the console."""
        return fingerprint_of(self.public_jwk)

    def sign(self, message: bytes) -> str:
        """A signature of the device's key."""
        return self.key.sign(message)

    def put_enrollment(self, code: str) -> httpx.Response:
        """Bind this device to the code's user."""
        body = {
            "code": code,
            "public_key": self.public_jwk,
            "proof": self.sign(enrollment_message(code, self.fingerprint())),
            "name": self.name,
            "platform": "reference",
        }
        return self.http.post("/mobile/v1/devices/enroll", json=body)

    def enroll(self, code: str) -> str:
        """The same, taking the tokens; returns the fingerprint. Raises httpx.HTTPStatusError."""
        self.take(self.put_enrollment(code).raise_for_status().json())
        return self.fingerprint()

    def put_refresh(self, token: str, at: datetime | None = None) -> httpx.Response:
        """Exchange a refresh token, with a proof by the key; `at` is the server's time as the device knows it."""
        moment = (at or datetime.now(UTC)).isoformat()
        proof = self.sign(refresh_message(token, moment))
        return self.http.post(
            "/mobile/v1/devices/refresh", json={"refresh_token": token, "at": moment, "proof": proof}
        )

    def refresh(self) -> None:
        """The same, taking the next tokens. Raises httpx.HTTPStatusError."""
        self.take(self.put_refresh(self.refresh_token).raise_for_status().json())

    def take(self, tokens: dict[str, Any]) -> None:
        """Go on with these tokens."""
        self.device_id, self.user_id = UUID(tokens["device_id"]), UUID(tokens["user_id"])
        self.key_id = tokens["key_id"]
        self.access_token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the mobile API as this device."""
        headers = {"Authorization": f"Bearer {self.access_token}", **options.pop("headers", {})}
        return self.http.request(method, f"/mobile/v1{path}", headers=headers, **options)

    def seal(self, document: dict[str, Any], photos: Sequence[Photo]) -> SealedPackage:
        """A package in memory."""
        made = seal_document(
            self.device_id, self.user_id, document, [photo.declaration() for photo in photos]
        )
        return SealedPackage(made.id, made.sealed, tuple(photos))

    def put_package(self, package: SealedPackage, signature: str | None = None) -> httpx.Response:
        """Send a sealed package; sending the same bytes again is harmless."""
        headers = {
            "Content-Type": "application/json",
            "Anshao-Key-Id": self.key_id,
            "Anshao-Signature": signature or self.sign(package_message(package.hash)),
        }
        return self.request("PUT", f"/packages/{package.id}", content=package.sealed, headers=headers)

    def put_file(
        self, package_id: UUID, file_id: UUID, declared_hash: str, media_type: str, content: bytes
    ) -> httpx.Response:
        """Send a file of a package in one request."""
        digest = base64.b64encode(bytes.fromhex(declared_hash.removeprefix("sha-256:"))).decode()
        headers = {
            "Content-Type": media_type,
            "Repr-Digest": f"sha-256=:{digest}:",
            "Anshao-Package": str(package_id),
        }
        return self.request("PUT", f"/evidence/{file_id}", content=content, headers=headers)

    def put_photo(self, package: SealedPackage, photo: Photo) -> httpx.Response:
        """Send a photograph that is in memory."""
        return self.put_file(package.id, photo.id, sha256_of(photo.content), photo.media_type, photo.content)

    def post_upload(
        self, package_id: UUID, file_id: UUID, declared_hash: str, size: int, media_type: str
    ) -> httpx.Response:
        """Begin a resumable upload (tus 1.0); the same again gives the one that is under way."""
        told = {
            "evidence_id": str(file_id),
            "package_id": str(package_id),
            "sha256": declared_hash,
            "filetype": media_type,
        }
        pairs = (f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())
        headers = TUS_HEADERS | {"Upload-Length": str(size), "Upload-Metadata": ",".join(pairs)}
        return self.request("POST", "/uploads", headers=headers)

    def head_upload(self, address: str) -> httpx.Response:
        """Ask where an upload stands: Upload-Offset."""
        return self.request("HEAD", address, headers=TUS_HEADERS)

    def patch_upload(self, address: str, offset: int, content: bytes) -> httpx.Response:
        """Append bytes at the offset."""
        headers = TUS_HEADERS | {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset),
        }
        return self.request("PATCH", address, content=content, headers=headers)

    def delete_upload(self, address: str) -> httpx.Response:
        """End an upload that is not needed any more; a file that was stored stays."""
        return self.request("DELETE", address, headers=TUS_HEADERS)

    def check_files(self, ids: Sequence[UUID]) -> httpx.Response:
        """Ask where files stand (at most 500)."""
        return self.request("POST", "/evidence/check", json={"ids": [str(one) for one in ids]})

    def withdraw_file(
        self, package_id: UUID, file_id: UUID, declared_hash: str, reason: str, at: datetime | None = None
    ) -> httpx.Response:
        """State, signed, that a declared file is lost; repeating the same is harmless."""
        moment = (at or datetime.now(UTC)).isoformat(timespec="seconds")
        message = withdrawal_message(package_id, file_id, declared_hash, moment, reason)
        body = {
            "package_id": str(package_id),
            "reason": reason,
            "at": moment,
            "signature": self.sign(message),
        }
        return self.request("POST", f"/evidence/{file_id}/withdrawal", json=body)

    def withdraw(self, package: SealedPackage, photo: Photo, reason: str) -> httpx.Response:
        """The same of a photograph that was in memory."""
        return self.withdraw_file(package.id, photo.id, sha256_of(photo.content), reason)

    def hand_in(self, item: SealedPackage | Photo, package_id: UUID, **changes: Any) -> httpx.Response:
        """Leave a package or a file at the intake, as a revoked phone does: signed, without a token. `changes` replace options."""
        if isinstance(item, SealedPackage):
            kind, content, media_type = "package", item.sealed, "application/json"
        else:
            kind, content, media_type = "evidence", item.content, item.media_type
        declared, at = sha256_of(content), datetime.now(UTC).isoformat(timespec="milliseconds")
        digest = base64.b64encode(bytes.fromhex(declared.removeprefix("sha-256:"))).decode()
        headers = {
            "Content-Type": media_type,
            "Repr-Digest": f"sha-256=:{digest}:",
            "Anshao-Key-Id": self.key_id,
            "Anshao-At": at,
            "Anshao-Proof": self.sign(handover_message(kind, item.id, package_id, declared, at)),
            "Anshao-Signature": self.sign(package_message(declared)),
            **changes.pop("headers", {}),
        }
        params = {"kind": kind, "id": str(item.id), "package_id": str(package_id)}
        options = {"content": content, "headers": headers, "params": params, **changes}
        return self.http.post("/mobile/v1/intake", **options)

    def post_number_block(self, key: str, word: str, count: int) -> httpx.Response:
        """Reserve numbers for printed documents; the same key within a day gives the same block."""
        headers = {"Idempotency-Key": key}
        return self.request("POST", "/numbers/blocks", json={"word": word, "count": count}, headers=headers)

    def state_outbox(self, statement: dict[str, Any]) -> httpx.Response:
        """Say what still waits on the phone; saying it again is harmless."""
        return self.request("POST", "/devices/me/outbox", json=statement)

    def sign_package(self, package_id: UUID, package_hash: str, text_hash: str) -> httpx.Response:
        """Sign a package, own or a colleague's, as an officer."""
        body = {"text_hash": text_hash, "signature": self.sign(signature_message(package_hash, text_hash))}
        return self.request("POST", f"/packages/{package_id}/signatures", json=body)

    def get_receipt(self, package_id: UUID) -> httpx.Response:
        """Ask for a receipt; its body is kept byte for byte."""
        return self.request("GET", f"/packages/{package_id}/receipt")

    def receipt(self, package_id: UUID) -> dict[str, Any] | None:
        """The receipt read, or None while files are missing."""
        answer = self.get_receipt(package_id)
        return answer.json() if answer.status_code == 200 else None
