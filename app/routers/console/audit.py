"""The audit log, for auditors: entries of their regions, and the signed seals over all."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, allowed
from app.schemas.audit import AuditEntryView, CheckpointView
from app.services.audit.repository import EntryFilter, list_checkpoints, list_entries

router = APIRouter(prefix="/audit", tags=["audit"])

Name = Annotated[str | None, Query(max_length=100)]


@router.get("/entries", dependencies=[Depends(allowed("audit:read"))])
async def get_entries(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    kind: Name = None,
    object_id: UUID | None = None,
    user_id: UUID | None = None,
    action: Name = None,
    from_on: date | None = None,
    to_on: date | None = None,
) -> PageOf[AuditEntryView]:
    """Audit entries, newest first; dates are Shanghai's, both included."""
    wanted = EntryFilter(kind, object_id, user_id, action, from_on, to_on)
    page = await list_entries(session, actor, paging.request, wanted)
    return paging.page(page, AuditEntryView.model_validate)


@router.get("/checkpoints", dependencies=[Depends(allowed("audit:read"))])
async def get_checkpoints(session: ReadSession, paging: PagingOf) -> PageOf[CheckpointView]:
    """The signed seals of the audit chain, newest first, to compare with receipts and the checkpoint files."""
    page = await list_checkpoints(session, paging.request)
    return paging.page(page, CheckpointView.model_validate)
