"""From a token to an actor: one statement that checks session, user, phone and grants at once."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.actor import Actor, Grant
from app.core.clock import shanghai_today, utc_now
from app.services.identity.errors import DevicePendingProblem, DeviceRevokedProblem, UnauthenticatedProblem
from app.services.identity.policy import CLIENT_SCOPES, actions_of
from app.services.identity.tokens import AccessClaims

# A subtree is a range of paths (codes are digits, letters and "/", all before "~"): served by ix_regions_path, where LIKE is not.
_BY_SESSION = text(
    """
    SELECT u.id AS user_id, u.name, u.authority_id, s.id AS session_id, s.device_id,
           d.status AS device_status, u.initial_password_until IS NOT NULL AS has_initial_password,
           (SELECT coalesce(json_agg(json_build_object('role', g.role, 'region_ids', (
                        SELECT json_agg(b.id) FROM regions b WHERE b.path ~>=~ r.path AND b.path ~<~ (r.path || '~')))), '[]')
              FROM role_grants g JOIN regions r ON r.id = g.region_id
             WHERE g.user_id = u.id AND g.starts_on <= :today
               AND (g.ends_on IS NULL OR g.ends_on >= :today)) AS grants
      FROM login_sessions s JOIN users u ON u.id = s.user_id LEFT JOIN devices d ON d.id = s.device_id
     WHERE s.id = :id AND u.is_active AND s.expires_at > :now
       AND (s.revoked_at IS NULL OR (d.status = 'revoked' AND s.revoked_reason = 'device_revoked'))
    """
)
_BY_CLIENT = text(
    """
    SELECT c.id AS client_id, c.name, c.scopes,
           (SELECT json_agg(b.id) FROM regions b WHERE b.path ~>=~ r.path AND b.path ~<~ (r.path || '~')) AS region_ids
      FROM api_clients c JOIN regions r ON r.id = c.region_id
     WHERE c.id = :id AND c.is_active AND c.secret_number = :secret_number
    """
)


async def find_actor(connection: AsyncConnection, claims: AccessClaims) -> Actor:
    """The actor behind valid claims; raises UnauthenticatedProblem when session, user or client is no more."""
    if claims.client_id:
        given = {"id": claims.client_id, "secret_number": claims.secret_number}
        row = (await connection.execute(_BY_CLIENT, given)).mappings().first()
    else:
        values: dict[str, Any] = {"id": claims.session_id, "now": utc_now(), "today": shanghai_today()}
        row = (await connection.execute(_BY_SESSION, values)).mappings().first()
    if row is None:
        raise UnauthenticatedProblem(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    if not claims.client_id:
        check_device_status(row["device_status"])
    if claims.client_id:
        allowed = frozenset(row["scopes"]) & CLIENT_SCOPES & claims.scopes
        grant = Grant("client", allowed, _ids(row["region_ids"]))
        return Actor(kind="client", client_id=row["client_id"], name=row["name"], grants=(grant,))
    return Actor(
        kind="user",
        user_id=row["user_id"],
        name=row["name"],
        authority_id=row["authority_id"],
        session_id=row["session_id"],
        device_id=row["device_id"],
        grants=tuple(Grant(g["role"], actions_of(g["role"]), _ids(g["region_ids"])) for g in row["grants"]),
        must_change_password=row["has_initial_password"] and row["device_id"] is None,
    )


def check_device_status(status: str | None) -> None:
    """Refuse a phone that is not confirmed yet, or that is revoked (403, pointing to the intake); None is a browser."""
    if status == "revoked":
        raise DeviceRevokedProblem
    if status == "pending":
        raise DevicePendingProblem


def _ids(values: list[str] | None) -> frozenset[UUID]:
    return frozenset(UUID(value) for value in values or ())
