"""From a token to an actor: one statement that checks session, user, phone and grants at once."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.actor import Actor, Grant
from app.core.clock import shanghai_today, utc_now
from app.db.fixed import Fixed
from app.services.identity.errors import DevicePendingProblem, DeviceRevokedProblem, UnauthenticatedProblem
from app.services.identity.policy import CLIENT_SCOPES, INVITED_ACTIONS, actions_of
from app.services.identity.tokens import ENTERPRISE, AccessClaims

# A subtree is a range of paths (codes are digits, letters and "/", all before "~"): served by ix_regions_path, where LIKE is not.
_BY_SESSION = Fixed(
    text(
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
)
_BY_CLIENT = Fixed(
    text(
        """
    SELECT c.id AS client_id, c.name, c.scopes,
           (SELECT json_agg(b.id) FROM regions b WHERE b.path ~>=~ r.path AND b.path ~<~ (r.path || '~')) AS region_ids
      FROM api_clients c JOIN regions r ON r.id = c.region_id
     WHERE c.id = :id AND c.is_active AND c.secret_number = :secret_number
    """
    )
)
_BY_INVITATION = Fixed(
    text(
        """
    SELECT i.id AS invitation_id, i.name, i.enterprise_id, i.site_id, s.id AS session_id
      FROM login_sessions s JOIN site_invitations i ON i.id = s.invitation_id
     WHERE s.id = :id AND s.expires_at > :now AND s.revoked_at IS NULL
       AND i.expires_at > :now AND i.revoked_at IS NULL
    """
    )
)


async def find_actor(connection: AsyncConnection, claims: AccessClaims) -> Actor:
    """The actor behind valid claims; raises UnauthenticatedProblem when session, user, client or invitation is no more."""
    if claims.client_id:
        return await _find_client(connection, claims)
    if claims.audience == ENTERPRISE:
        return await _find_invited(connection, claims)
    values = {"id": claims.session_id, "now": utc_now(), "today": shanghai_today()}
    row = await _one(connection, _BY_SESSION, values)
    check_device_status(row.device_status)
    return Actor(
        kind="user",
        user_id=row.user_id,
        name=row.name,
        authority_id=row.authority_id,
        session_id=row.session_id,
        device_id=row.device_id,
        grants=tuple(Grant(g["role"], actions_of(g["role"]), _ids(g["region_ids"])) for g in row.grants),
        must_change_password=row.has_initial_password and row.device_id is None,
    )


async def _find_client(connection: AsyncConnection, claims: AccessClaims) -> Actor:
    given = {"id": claims.client_id, "secret_number": claims.secret_number}
    row = await _one(connection, _BY_CLIENT, given)
    allowed = frozenset(row.scopes) & CLIENT_SCOPES & claims.scopes
    grant = Grant("client", allowed, _ids(row.region_ids))
    return Actor(kind="client", client_id=row.client_id, name=row.name, grants=(grant,))


async def _find_invited(connection: AsyncConnection, claims: AccessClaims) -> Actor:
    """The person of an invitation that stands at this moment: what it allows is granted in no region."""
    row = await _one(connection, _BY_INVITATION, {"id": claims.session_id, "now": utc_now()})
    return Actor(
        kind="enterprise", grants=(Grant("enterprise", INVITED_ACTIONS, frozenset()),), **row._asdict()
    )


async def _one(connection: AsyncConnection, statement: Fixed, values: dict[str, Any]) -> Any:
    rows = await statement.all(connection, values)
    if not rows:
        raise UnauthenticatedProblem(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return rows[0]


def check_device_status(status: str | None) -> None:
    """Refuse a phone that is not confirmed yet, or that is revoked (403, pointing to the intake); None is a browser."""
    if status == "revoked":
        raise DeviceRevokedProblem
    if status == "pending":
        raise DevicePendingProblem


def _ids(values: list[str] | None) -> frozenset[UUID]:
    return frozenset(UUID(value) for value in values or ())
