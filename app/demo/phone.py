"""A reference phone: it knows the API and the protocol, nothing of the server's inside. Its outbox survives bad networks."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.ids import new_id


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def sha256_of(content: bytes) -> str:
    """A hash as the protocol writes it."""
    return "sha-256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Photo:
    """A file on the phone, kept until a receipt covers it."""

    content: bytes
    question: str | None
    media_type: str = "image/jpeg"
    id: UUID = field(default_factory=new_id)

    def declaration(self) -> dict[str, Any]:
        """Its row in the manifest."""
        return {
            "id": str(self.id),
            "hash": sha256_of(self.content),
            "size": len(self.content),
            "media_type": self.media_type,
            "captured_at": datetime.now(UTC).isoformat(),
            "source": "camera",
            "question": self.question,
        }


@dataclass(frozen=True, slots=True)
class SealedPackage:
    """A package made once: its bytes never change again."""

    id: UUID
    sealed: bytes
    photos: tuple[Photo, ...]

    @property
    def hash(self) -> str:
        """Its identity."""
        return sha256_of(self.sealed)


class Phone:
    """One officer's phone."""

    def __init__(self, http: httpx.Client, name: str) -> None:
        self.http = http
        self.name = name
        self.key = Ed25519PrivateKey.generate()
        self.access_token = ""
        self.refresh_token = ""
        self.device_id: UUID | None = None
        self.user_id: UUID | None = None
        self.key_id = ""
        self.outbox: list[SealedPackage] = []

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public key as it is enrolled."""
        return {"kty": "OKP", "crv": "Ed25519", "x": _encoded(self.key.public_key().public_bytes_raw())}

    def sign(self, message: bytes) -> str:
        """A signature of the phone's secure hardware."""
        return _encoded(self.key.sign(message))

    def enroll(self, code: str) -> str:
        """Bind this phone to the code's user; returns the fingerprint a person compares at the console."""
        fingerprint = self.fingerprint()
        proof = self.sign(f"anshao.enroll/1\n{code}\n{fingerprint}".encode())
        body = {
            "code": code,
            "public_key": self.public_jwk,
            "proof": proof,
            "name": self.name,
            "platform": "reference",
        }
        answer = self.http.post("/mobile/v1/devices/enroll", json=body)
        answer.raise_for_status()
        self._take(answer.json())
        return fingerprint

    def refresh(self) -> None:
        """Fetch the next tokens; repeating it after a lost answer is safe."""
        answer = self.put_refresh(self.refresh_token)
        answer.raise_for_status()
        self._take(answer.json())

    def put_refresh(self, token: str) -> httpx.Response:
        """Exchange one refresh token, with a proof by the phone's key."""
        at = datetime.now(UTC).isoformat()
        proof = self.sign(f"anshao.refresh/1\n{hashlib.sha256(token.encode()).hexdigest()}\n{at}".encode())
        body = {"refresh_token": token, "at": at, "proof": proof}
        return self.http.post("/mobile/v1/devices/refresh", json=body)

    def fingerprint(self) -> str:
        """The RFC 7638 thumbprint of the public key."""
        canonical = json.dumps(self.public_jwk, sort_keys=True, separators=(",", ":")).encode()
        return _encoded(hashlib.sha256(canonical).digest())

    def _take(self, tokens: dict[str, Any]) -> None:
        self.device_id, self.user_id = UUID(tokens["device_id"]), UUID(tokens["user_id"])
        self.key_id = tokens["key_id"]
        self.access_token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the mobile API as this phone."""
        headers = {"Authorization": f"Bearer {self.access_token}", **options.pop("headers", {})}
        return self.http.request(method, f"/mobile/v1{path}", headers=headers, **options)

    def seal(self, document: dict[str, Any], photos: list[Photo]) -> SealedPackage:
        """Make the package's bytes, once, and put it into the outbox."""
        identifier = new_id()
        whole = {
            "schema": "anshao.package/1",
            "id": str(identifier),
            "device_id": str(self.device_id),
            "user_id": str(self.user_id),
            **document,
            "evidence": [photo.declaration() for photo in photos],
        }
        package = SealedPackage(identifier, json.dumps(whole, ensure_ascii=False).encode(), tuple(photos))
        self.outbox.append(package)
        return package

    def put_package(self, package: SealedPackage) -> httpx.Response:
        """Send a sealed package; sending the same bytes again is harmless."""
        signature = self.sign(f"anshao.package/1\n{package.hash}".encode())
        headers = {
            "Content-Type": "application/json",
            "Anshao-Key-Id": self.key_id,
            "Anshao-Signature": signature,
        }
        return self.request("PUT", f"/packages/{package.id}", content=package.sealed, headers=headers)

    def put_photo(self, package: SealedPackage, photo: Photo) -> httpx.Response:
        """Send one file of a package."""
        digest = base64.b64encode(hashlib.sha256(photo.content).digest()).decode()
        headers = {
            "Content-Type": photo.media_type,
            "Repr-Digest": f"sha-256=:{digest}:",
            "Anshao-Package": str(package.id),
        }
        return self.request("PUT", f"/evidence/{photo.id}", content=photo.content, headers=headers)

    def hand_in(self, item: SealedPackage | Photo, package_id: UUID, **changes: Any) -> httpx.Response:
        """Leave a package or a file at the intake, as a phone does that was revoked: signed, without a token."""
        is_package = isinstance(item, SealedPackage)
        content = item.sealed if isinstance(item, SealedPackage) else item.content
        kind, digest, at = "package" if is_package else "evidence", sha256_of(content), _now()
        message = f"anshao.intake/1\n{kind}\n{item.id}\n{package_id}\n{digest}\n{at}"
        headers = {
            "Content-Type": "application/json" if isinstance(item, SealedPackage) else item.media_type,
            "Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:",
            "Anshao-Key-Id": self.key_id,
            "Anshao-At": at,
            "Anshao-Proof": self.sign(message.encode()),
            "Anshao-Signature": self.sign(f"anshao.package/1\n{digest}".encode()),
            **changes.pop("headers", {}),
        }
        params = {"kind": kind, "id": str(item.id), "package_id": str(package_id)}
        whole = {"content": content, "headers": headers, "params": params, **changes}
        return self.http.post("/mobile/v1/intake", **whole)

    def withdraw(self, package: SealedPackage, photo: Photo, reason: str) -> httpx.Response:
        """State, signed, that a file is lost; repeating the same is harmless."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        declared = sha256_of(photo.content)
        message = f"anshao.evidence-withdrawal/1\n{package.id}\n{photo.id}\n{declared}\n{at}\n{reason}"
        body = {
            "package_id": str(package.id),
            "reason": reason,
            "at": at,
            "signature": self.sign(message.encode()),
        }
        return self.request("POST", f"/evidence/{photo.id}/withdrawal", json=body)

    def sign_package(self, package_id: UUID, package_hash: str, text_hash: str) -> httpx.Response:
        """Sign a package, own or a colleague's, as an officer."""
        message = f"anshao.package-signature/1\n{package_hash}\n{text_hash}".encode()
        body = {"text_hash": text_hash, "signature": self.sign(message)}
        return self.request("POST", f"/packages/{package_id}/signatures", json=body)

    def receipt(self, package_id: UUID) -> dict[str, Any] | None:
        """The receipt, or None while files are missing."""
        answer = self.request("GET", f"/packages/{package_id}/receipt")
        return answer.json() if answer.status_code == 200 else None

    def synchronize(self, on_photo: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
        """Empty the outbox and give the receipts; a package leaves it only when its receipt is held.

        Network errors leave it as it is. `on_photo` is called after each file that was sent.
        """
        receipts = []
        for package in list(self.outbox):
            answer = self.put_package(package)
            answer.raise_for_status()
            missing = set(answer.json()["missing_evidence"])
            for photo in package.photos:
                if str(photo.id) in missing:
                    self.put_photo(package, photo).raise_for_status()
                    on_photo()
            receipt = self.receipt(package.id)
            if receipt is not None:
                receipts.append(receipt)
                self.outbox.remove(package)
        return receipts
