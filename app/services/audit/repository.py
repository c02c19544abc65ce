"""Reading the audit log, always within the regions of the reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import SHANGHAI
from app.core.paging import Page, PageRequest
from app.models.history import AuditEntry, AuditSeal, SealedEntry
from app.models.organizations import Region


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What to look for; None means any. Dates are Shanghai's, both included."""

    kind: str | None = None
    object_id: UUID | None = None
    user_id: UUID | None = None
    action: str | None = None
    from_on: date | None = None
    to_on: date | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL."""
        wanted = {
            "kind": self.kind,
            "object_id": self.object_id,
            "user_id": self.user_id,
            "action": self.action,
        }
        found: list[ColumnElement[bool]] = [
            getattr(AuditEntry, name) == value for name, value in wanted.items() if value is not None
        ]
        if self.from_on is not None:
            found.append(AuditEntry.at >= _midnight(self.from_on))
        if self.to_on is not None:
            found.append(AuditEntry.at < _midnight(self.to_on + timedelta(days=1)))
        return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def _visible(actor: Actor) -> ColumnElement[bool]:
    """Entries of the actor's regions; those of no region to whoever audits a whole city."""
    regions = actor.regions_for("audit:read")
    whole_city = select(Region.id).where(Region.parent_id.is_(None), Region.id.in_(regions)).exists()
    return or_(AuditEntry.region_id.in_(regions), and_(AuditEntry.region_id.is_(None), whole_city))


async def list_entries(
    session: AsyncSession, actor: Actor, request: PageRequest, wanted: EntryFilter
) -> Page[Row[*tuple[object, ...]]]:
    """Entries, newest first, with the number of the seal that holds each (None: not sealed yet)."""
    query: Select[*tuple[object, ...]] = (
        select(*AuditEntry.__table__.columns, SealedEntry.seal_number)
        .outerjoin(SealedEntry, SealedEntry.entry_id == AuditEntry.id)
        .where(*wanted.conditions)
        .order_by(AuditEntry.id.desc())
        .limit(request.limit + 1)
    )
    if actor.kind != "system":
        query = query.where(_visible(actor))
    if request.after is not None:
        query = query.where(AuditEntry.id < request.after[0])
    rows: Sequence[Row[*tuple[object, ...]]] = (await session.execute(query)).all()
    return Page.cut(rows, request, key=lambda row: (row.id,))


async def list_checkpoints(
    session: AsyncSession, request: PageRequest
) -> Page[Row[int, str, datetime, str, str]]:
    """The seals' heads, newest first; they hold hashes only, so every auditor may see them all."""
    query = select(
        AuditSeal.number, AuditSeal.seal_hash, AuditSeal.sealed_at, AuditSeal.signature, AuditSeal.key_id
    )
    if request.after is not None:
        query = query.where(AuditSeal.number < request.after[0])
    query = query.order_by(AuditSeal.number.desc()).limit(request.limit + 1)
    return Page.cut((await session.execute(query)).all(), request, key=lambda row: (row.number,))
