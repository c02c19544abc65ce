"""Access tokens: signed Ed25519 (JWS, RFC 9864), short-lived; they name a session, which is checked on every request."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from app.core.clock import utc_now
from app.services.identity.errors import UnauthenticatedProblem
from app.services.identity.keys import KeyRing

_REGISTRY = jws.JWSRegistry(algorithms=["Ed25519"])


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a token says: a session of a person, or a third-party client."""

    session_id: UUID | None
    client_id: UUID | None


def issue_access_token(
    keys: KeyRing, *, minutes: int, session_id: UUID | None = None, client_id: UUID | None = None
) -> str:
    """A token of `minutes` for one session or one client."""
    key = keys.signing("access")
    now = utc_now()
    claims: dict[str, object] = {
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=minutes)).timestamp()),
    }
    if session_id:
        claims["sid"] = str(session_id)
    if client_id:
        claims["cid"] = str(client_id)
    private = OKPKey.import_key(key.private)
    return jwt.encode({"alg": "Ed25519", "kid": key.id}, claims, private, registry=_REGISTRY)


def read_access_token(keys: KeyRing, token: str) -> AccessClaims:
    """The claims of a valid token; raises UnauthenticatedProblem on anything else."""
    try:
        known = {key.id: key for key in keys.all("access")}
        header = jws.extract_compact(token.encode()).headers()
        key = known[str(header["kid"])]
        decoded = jwt.decode(token, OKPKey.import_key(key.private.public_key()), registry=_REGISTRY)
        claims = decoded.claims
        if claims["exp"] <= utc_now().timestamp():
            raise UnauthenticatedProblem(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        session_id, client_id = claims.get("sid"), claims.get("cid")
        return AccessClaims(UUID(session_id) if session_id else None, UUID(client_id) if client_id else None)
    except (JoseError, KeyError, ValueError, TypeError) as error:
        raise UnauthenticatedProblem(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}) from error
