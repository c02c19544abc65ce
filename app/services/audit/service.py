"""Writing history: the audit row and the change row of one act, in the act's own transaction."""

import hashlib
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.models.history import AuditEntry, Change

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request being served, set by the HTTP layer; None in jobs and commands."""


def state_hash(state: Mapping[str, Any] | None) -> str | None:
    """sha-256 of an object's state, keys sorted; None when there is no state (before creation)."""
    if state is None:
        return None
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return "sha-256:" + hashlib.sha256(orjson.dumps(dict(state), option=options)).hexdigest()


async def record_access(
    session: AsyncSession,
    actor: Actor,
    *,
    action: str,
    kind: str,
    object_id: UUID,
    region_id: UUID | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one audit row (an act or a look at protected data). `detail` holds no personal data."""
    await session.execute(
        insert(AuditEntry).values(
            action=action,
            kind=kind,
            object_id=object_id,
            region_id=region_id,
            actor_kind=actor.kind,
            user_id=actor.user_id,
            client_id=actor.client_id,
            session_id=actor.session_id,
            device_id=actor.device_id,
            request_id=request_id.get(),
            before_hash=state_hash(before),
            after_hash=state_hash(after),
            detail=dict(detail) if detail else None,
        )
    )


async def record_act(
    session: AsyncSession,
    actor: Actor,
    *,
    action: str,
    kind: str,
    object_id: UUID,
    version: int,
    region_id: UUID | None,
    previous_region_id: UUID | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write the audit row and the change row of one mutating act. Flush the act itself before."""
    await record_access(
        session,
        actor,
        action=action,
        kind=kind,
        object_id=object_id,
        region_id=region_id,
        before=before,
        after=after,
        detail=detail,
    )
    await session.execute(
        insert(Change).values(
            kind=kind,
            object_id=object_id,
            version=version,
            region_id=region_id,
            previous_region_id=previous_region_id,
        )
    )
