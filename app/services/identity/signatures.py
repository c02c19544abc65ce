"""Device keys and their signatures: ES256 (phone secure hardware) and Ed25519, as JWKs with RFC 7638 thumbprints."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app.services.identity.keys import base64url

_MEMBERS = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}
_CURVES = {("OKP", "Ed25519"): "Ed25519", ("EC", "P-256"): "ES256"}


def algorithm_of(public_key: Mapping[str, Any]) -> str | None:
    """ "Ed25519" or "ES256" for a usable public JWK, None for anything else (a private part included)."""
    if "d" in public_key:
        return None
    algorithm = _CURVES.get((str(public_key.get("kty")), str(public_key.get("crv"))))
    try:
        if algorithm == "Ed25519":
            Ed25519PublicKey.from_public_bytes(_raw(public_key["x"]))
        elif algorithm == "ES256":
            _point(public_key)
    except (ValueError, KeyError, TypeError):
        return None
    return algorithm


def thumbprint_of(public_key: Mapping[str, Any]) -> str:
    """The RFC 7638 thumbprint, base64url: a key's id and the fingerprint a person compares."""
    members = {name: public_key[name] for name in _MEMBERS[public_key["kty"]]}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    return base64url(hashlib.sha256(canonical).digest())


def signature_verifies(public_key: Mapping[str, Any], message: bytes, signature: str) -> bool:
    """True when the key made the base64url signature (ES256: r and s, 64 bytes, RFC 7518)."""
    try:
        raw = _raw(signature)
        if public_key["kty"] == "OKP":
            Ed25519PublicKey.from_public_bytes(_raw(public_key["x"])).verify(raw, message)
            return True
        if len(raw) != 64:
            return False
        encoded = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        _point(public_key).verify(encoded, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


def _point(public_key: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    x, y = int.from_bytes(_raw(public_key["x"])), int.from_bytes(_raw(public_key["y"]))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
