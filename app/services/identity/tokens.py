"""Access tokens: signed Ed25519 (JWS, RFC 9864), short-lived; they name a session, which is checked on every request."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from app.core.clock import utc_now
from app.services.identity.errors import UnauthenticatedProblem
from app.services.identity.keys import KeyRing

ENTERPRISE = "enterprise"
"""The audience (RFC 7519, `aud`) of an enterprise's tokens; the others are told apart by their session or client."""
_REMEMBERED_AT_MOST = 10_000
_REGISTRY = jws.JWSRegistry(algorithms=["Ed25519"])


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a token says: a session, or a third-party client with the secret it was got with and its scopes.

    `audience` ENTERPRISE: the session is an enterprise's, and is looked for nowhere else.
    """

    session_id: UUID | None
    client_id: UUID | None
    secret_number: int = 0
    scopes: frozenset[str] = frozenset()
    audience: str = ""


def issue_access_token(
    keys: KeyRing,
    *,
    minutes: int,
    session_id: UUID | None = None,
    client_id: UUID | None = None,
    secret_number: int = 0,
    scopes: Collection[str] = (),
    audience: str = "",
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
        claims["num"] = secret_number
        claims["scope"] = " ".join(sorted(scopes))
    if audience:
        claims["aud"] = audience
    private = OKPKey.import_key(key.private)
    return jwt.encode({"alg": "Ed25519", "kid": key.id}, claims, private, registry=_REGISTRY)


def read_access_token(keys: KeyRing, token: str) -> AccessClaims:
    """The claims of a valid token; raises UnauthenticatedProblem on anything else.

    A signature that held goes on holding, so it is checked once per process; expiry is checked every time, and the session
    behind the claims is the database's to say.
    """
    known = keys.remembered_tokens.get(token)
    if known is None:
        known = _verified(keys, token)
        if len(keys.remembered_tokens) >= _REMEMBERED_AT_MOST:
            keys.remembered_tokens.clear()
        keys.remembered_tokens[token] = known
    claims, expires = known
    if expires <= utc_now().timestamp():
        raise UnauthenticatedProblem(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return claims


def expiry_of_token(keys: KeyRing, token: str) -> float:
    """When a valid token ends, in seconds since 1970."""
    return (keys.remembered_tokens.get(token) or _verified(keys, token))[1]


def _verified(keys: KeyRing, token: str) -> tuple[AccessClaims, float]:
    """The claims of a token one of our keys signed, and when they expire."""
    try:
        known = {key.id: key for key in keys.all("access")}
        header = jws.extract_compact(token.encode()).headers()
        key = known[str(header["kid"])]
        decoded = jwt.decode(token, OKPKey.import_key(key.private.public_key()), registry=_REGISTRY)
        claims = decoded.claims
        session_id, client_id = claims.get("sid"), claims.get("cid")
        who = AccessClaims(
            UUID(session_id) if session_id else None,
            UUID(client_id) if client_id else None,
            int(claims.get("num", 0)),
            frozenset(str(claims.get("scope", "")).split()),
            str(claims.get("aud", "")),
        )
        return who, float(claims["exp"])
    except (JoseError, KeyError, ValueError, TypeError) as error:
        raise UnauthenticatedProblem(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}) from error
