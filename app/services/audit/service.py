"""Writing history: the audit row and the change row of one act, in the act's own transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.db.rows import Rows, insert_rows
from app.models.history import AuditEntry, Change

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request being served, set by the HTTP layer; None in jobs and commands."""


def state_hash(state: Mapping[str, Any] | None) -> str | None:
    """sha-256 of an object's state, keys sorted; None when there is no state (before creation)."""
    if state is None:
        return None
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return "sha-256:" + hashlib.sha256(orjson.dumps(dict(state), option=options)).hexdigest()


@dataclass(frozen=True, slots=True)
class Act:
    """One mutating act: what record_act writes down."""

    action: str
    kind: str
    object_id: UUID
    version: int
    region_id: UUID | None
    previous_region_id: UUID | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    detail: Mapping[str, Any] | None = None


def rows_of_acts(actor: Actor, acts: Sequence[Act]) -> tuple[Rows, Rows]:
    """The audit rows and the change rows of acts, for a caller that writes all its rows in one statement."""
    entries = [
        _entry(actor, act.action, act.kind, act.object_id, act.region_id, act.before, act.after, act.detail)
        for act in acts
    ]
    changes = [
        {
            "kind": act.kind,
            "object_id": act.object_id,
            "version": act.version,
            "region_id": act.region_id,
            "previous_region_id": act.previous_region_id,
        }
        for act in acts
    ]
    return (AuditEntry, entries), (Change, changes)


def _entry(
    actor: Actor,
    action: str,
    kind: str,
    object_id: UUID,
    region_id: UUID | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    detail: Mapping[str, Any] | None,
) -> dict[str, Any]:
    told = dict(detail or {})
    if actor.invitation_id:
        told["invitation_id"] = str(actor.invitation_id)
    return {
        "action": action,
        "kind": kind,
        "object_id": object_id,
        "region_id": region_id,
        "actor_kind": actor.kind,
        "user_id": actor.user_id,
        "client_id": actor.client_id,
        "session_id": actor.session_id,
        "device_id": actor.device_id,
        "request_id": request_id.get(),
        "before_hash": state_hash(before),
        "after_hash": state_hash(after),
        "detail": told or None,
    }


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
    entry = _entry(actor, action, kind, object_id, region_id, before, after, detail)
    await session.execute(insert(AuditEntry).values(**entry))


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
    act = Act(action, kind, object_id, version, region_id, previous_region_id, before, after, detail)
    await insert_rows(session, *rows_of_acts(actor, [act]))


async def note_change(
    session: AsyncSession, *, kind: str, object_id: UUID, version: int, region_id: UUID | None
) -> None:
    """Tell the readers of the change feed that something looks different, where no act of its own made it so."""
    change = {"kind": kind, "object_id": object_id, "version": version, "region_id": region_id}
    await insert_rows(session, (Change, [change]))
