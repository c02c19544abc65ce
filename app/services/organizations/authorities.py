"""Authorities: begun, renamed, ended; the regions they cover, and in whose name they act, each for a period."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.organizations import Authority, Entrustment, Jurisdiction
from app.schemas.organizations import AuthorityRequest, EntrustmentRequest, JurisdictionRequest
from app.services.audit.service import record_act
from app.services.identity.places import lies_in
from app.services.organizations.errors import (
    CodeTakenProblem,
    EndBeforeBeginningProblem,
    EndedProblem,
    EntrustmentChainProblem,
    OverlapProblem,
    WordTakenProblem,
)
from app.services.organizations.periods import in_force, overlapping

_GIVING_A_WORD = select(func.pg_advisory_xact_lock(func.hashtextextended("authorities.document_word", 0)))


async def get_authority(session: AsyncSession, actor: Actor, authority_id: UUID) -> Authority:
    """One authority of the actor's regions, or his own; raises NotFoundProblem."""
    wanted = select(Authority).where(Authority.id == authority_id, visible_to(actor))
    authority = (await session.execute(wanted)).scalar_one_or_none()
    if authority is None:
        raise NotFoundProblem
    return authority


async def list_authorities(
    session: AsyncSession, actor: Actor, request: PageRequest, *, region_id: UUID | None, on: date | None
) -> Page[Authority]:
    """Authorities of the actor's regions and his own, newest first."""
    conditions = [visible_to(actor)]
    if region_id is not None:
        conditions.append(lies_in(Authority.region_id, region_id))
    if on is not None:
        conditions.append(in_force(Authority, on))
    if request.after:
        conditions.append(Authority.id < request.after[0])
    wanted = select(Authority).where(*conditions).order_by(Authority.id.desc()).limit(request.limit + 1)
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.id,))


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Authorities of the actor's regions, and the one he belongs to."""
    return or_(
        Authority.region_id.in_(actor.regions_for("authorities:read")), Authority.id == actor.authority_id
    )


async def managed_authority(session: AsyncSession, actor: Actor, authority_id: UUID) -> Authority:
    """The same, for a change: refused where the actor sees it but does not manage its region."""
    authority = await get_authority(session, actor, authority_id)
    actor.require("authorities:manage", authority.region_id)
    return authority


async def list_jurisdictions(session: AsyncSession, authority_id: UUID) -> Sequence[Jurisdiction]:
    """All of an authority, past ones too, oldest first."""
    wanted = select(Jurisdiction).where(Jurisdiction.authority_id == authority_id)
    ordered = wanted.order_by(Jurisdiction.valid_from, Jurisdiction.id)
    return (await session.execute(ordered)).scalars().all()


async def list_entrustments(session: AsyncSession, authority_id: UUID) -> Sequence[Entrustment]:
    """All of an authority, past ones too, oldest first."""
    wanted = select(Entrustment).where(Entrustment.authority_id == authority_id)
    return (await session.execute(wanted.order_by(Entrustment.valid_from))).scalars().all()


async def create_authority(session: AsyncSession, actor: Actor, request: AuthorityRequest) -> Authority:
    """Begin an authority; what it covers and in whose name it acts is said afterwards."""
    if request.region_id not in actor.regions_for("authorities:manage"):
        raise NotFoundProblem
    if await session.scalar(select(Authority.id).where(Authority.code == request.code)):
        raise CodeTakenProblem(value=request.code)
    await _check_word(session, request.document_word, request.valid_from, None)
    authority = Authority(id=new_id(), version=1, **request.model_dump())
    session.add(authority)
    await session.flush()
    await _record(session, actor, authority, "authorities:create")
    return authority


async def change_authority(
    session: AsyncSession, actor: Actor, authority_id: UUID, expected: int, values: dict[str, Any]
) -> Authority:
    """Another name or document word, from now on."""
    authority = await managed_authority(session, actor, authority_id)
    if word := values.get("document_word"):
        others = Authority.id != authority_id
        await _check_word(session, word, authority.valid_from, authority.valid_until, others)
    await compare_and_set(session, authority, expected, **values)
    await _record(session, actor, authority, "authorities:change")
    return authority


async def end_authority(
    session: AsyncSession, actor: Actor, authority_id: UUID, expected: int, valid_until: date
) -> Authority:
    """Set the last day of an authority."""
    authority = await managed_authority(session, actor, authority_id)
    _check_end(authority, valid_until)
    await compare_and_set(session, authority, expected, valid_until=valid_until)
    await _record(session, actor, authority, "authorities:end")
    return authority


async def add_jurisdiction(
    session: AsyncSession, actor: Actor, authority_id: UUID, expected: int, request: JurisdictionRequest
) -> Authority:
    """Let an authority cover a further region, which the actor manages too, for a period."""
    authority = await managed_authority(session, actor, authority_id)
    if request.region_id not in actor.regions_for("authorities:manage"):
        raise NotFoundProblem
    await compare_and_set(session, authority, expected)
    same = (Jurisdiction.authority_id == authority_id, Jurisdiction.region_id == request.region_id)
    if await _overlaps(session, Jurisdiction, request.valid_from, request.valid_until, *same):
        raise OverlapProblem
    session.add(Jurisdiction(authority_id=authority_id, **request.model_dump()))
    await session.flush()
    detail = request.model_dump(mode="json", exclude={"basis"})
    await _record(session, actor, authority, "authorities:add_jurisdiction", detail)
    return authority


async def end_jurisdiction(
    session: AsyncSession,
    actor: Actor,
    authority_id: UUID,
    expected: int,
    jurisdiction_id: UUID,
    valid_until: date,
) -> Authority:
    """Set the last day of one jurisdiction."""
    authority = await managed_authority(session, actor, authority_id)
    await _end_part(session, authority, expected, Jurisdiction, jurisdiction_id, valid_until)
    detail = {"jurisdiction_id": str(jurisdiction_id), "valid_until": valid_until.isoformat()}
    await _record(session, actor, authority, "authorities:end_jurisdiction", detail)
    return authority


async def entrust_authority(
    session: AsyncSession, actor: Actor, authority_id: UUID, expected: int, request: EntrustmentRequest
) -> Authority:
    """Let an authority act in the name of another, which the actor manages too; no chains (行政处罚法 Art. 20)."""
    authority = await managed_authority(session, actor, authority_id)
    entrusting = await managed_authority(session, actor, request.entrusted_by)
    # locked, so that two authorities cannot entrust each other at the same moment
    await session.refresh(entrusting, with_for_update=True)
    chained = exists().where(
        or_(Entrustment.authority_id == entrusting.id, Entrustment.entrusted_by == authority_id)
    )
    if entrusting.id == authority_id or await session.scalar(select(chained)):
        raise EntrustmentChainProblem
    await compare_and_set(session, authority, expected)
    same = Entrustment.authority_id == authority_id
    if await _overlaps(session, Entrustment, request.valid_from, request.valid_until, same):
        raise OverlapProblem
    session.add(Entrustment(authority_id=authority_id, **request.model_dump()))
    await session.flush()
    detail = request.model_dump(mode="json", exclude={"basis"})
    await _record(session, actor, authority, "authorities:entrust", detail)
    return authority


async def end_entrustment(
    session: AsyncSession,
    actor: Actor,
    authority_id: UUID,
    expected: int,
    entrustment_id: UUID,
    valid_until: date,
) -> Authority:
    """Set the last day of an entrustment; from the next day on the authority may not act."""
    authority = await managed_authority(session, actor, authority_id)
    await _end_part(session, authority, expected, Entrustment, entrustment_id, valid_until)
    detail = {"entrustment_id": str(entrustment_id), "valid_until": valid_until.isoformat()}
    await _record(session, actor, authority, "authorities:end_entrustment", detail)
    return authority


async def _check_word(
    session: AsyncSession, word: str, first: date, last: date | None, *others: ColumnElement[bool]
) -> None:
    """One authority per word and day; words are given one at a time, so that two cannot take the same at the same moment."""
    await session.execute(_GIVING_A_WORD)
    same = (Authority.document_word == word, *others)
    if await session.scalar(select(exists().where(*same, overlapping(Authority, first, last)))):
        raise WordTakenProblem(value=word)


async def _overlaps(
    session: AsyncSession,
    table: type[Jurisdiction] | type[Entrustment],
    first: date,
    last: date | None,
    *same: ColumnElement[bool],
) -> bool:
    return bool(await session.scalar(select(exists().where(*same, overlapping(table, first, last)))))


async def _end_part(
    session: AsyncSession,
    authority: Authority,
    expected: int,
    table: type[Jurisdiction] | type[Entrustment],
    part_id: UUID,
    valid_until: date,
) -> None:
    part: Jurisdiction | Entrustment | None = await session.get(table, part_id)
    if part is None or part.authority_id != authority.id:
        raise NotFoundProblem
    _check_end(part, valid_until)
    await compare_and_set(session, authority, expected)
    part.valid_until = valid_until
    await session.flush()


def _check_end(row: Authority | Jurisdiction | Entrustment, valid_until: date) -> None:
    if row.valid_until is not None and row.valid_until <= valid_until:
        raise EndedProblem
    if valid_until < row.valid_from:
        raise EndBeforeBeginningProblem


async def _record(
    session: AsyncSession,
    actor: Actor,
    authority: Authority,
    action: str,
    detail: dict[str, Any] | None = None,
) -> None:
    await record_act(
        session, actor, action=action, kind="authority", object_id=authority.id, version=authority.version,
        region_id=authority.region_id, detail=detail,
        after={"name": authority.name, "word": authority.document_word, "valid_until": authority.valid_until},
    )  # fmt: skip
