"""Regions: begun below their parent, renamed, ended; never deleted, since records of the past lie in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.organizations import Region
from app.schemas.organizations import RegionRequest
from app.services.audit.service import record_act
from app.services.organizations.errors import (
    CodeTakenProblem,
    EndBeforeBeginningProblem,
    EndedProblem,
    RegionInUseProblem,
    RegionPeriodProblem,
    RegionPlaceProblem,
)
from app.services.organizations.periods import in_force

_BELOW = {"city": ("district", "town"), "district": ("town",), "town": ()}
"""Some cities have towns without districts between."""


@dataclass(frozen=True, slots=True)
class RegionFilter:
    """What a list is narrowed to; None means all. `within` is a region whose subtree is meant."""

    level: str | None = None
    parent_id: UUID | None = None
    within: UUID | None = None
    on: date | None = None


async def get_region(session: AsyncSession, actor: Actor, region_id: UUID) -> Region:
    """One region of the actor's; raises NotFoundProblem."""
    if region_id not in actor.regions_for("regions:read"):
        raise NotFoundProblem
    return await session.get_one(Region, region_id)


async def list_regions(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: RegionFilter
) -> Page[Region]:
    """Regions of the actor's in the order of the tree."""
    conditions: list[ColumnElement[bool]] = [Region.id.in_(actor.regions_for("regions:read"))]
    if narrowed.within is not None:
        conditions.append(_below(await get_region(session, actor, narrowed.within)))
    if narrowed.level is not None:
        conditions.append(Region.level == narrowed.level)
    if narrowed.parent_id is not None:
        conditions.append(Region.parent_id == narrowed.parent_id)
    if narrowed.on is not None:
        conditions.append(in_force(Region, narrowed.on))
    if request.after:
        conditions.append(Region.path > request.after[0])
    wanted = select(Region).where(*conditions).order_by(Region.path).limit(request.limit + 1)
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.path,))


async def list_subtree(
    session: AsyncSession, actor: Actor, region_id: UUID, on: date | None
) -> Sequence[Region]:
    """A region and everything below it, parents before children; those in force on a day when one is given."""
    root = await get_region(session, actor, region_id)
    wanted = select(Region).where(_below(root))
    if on is not None:
        wanted = wanted.where(or_(Region.id == root.id, in_force(Region, on)))
    return (await session.execute(wanted.order_by(Region.path))).scalars().all()


async def create_region(session: AsyncSession, actor: Actor, request: RegionRequest) -> Region:
    """Begin a region below a parent that the actor manages."""
    parent = await get_region(session, actor, request.parent_id)
    actor.require("regions:manage", parent.id)
    if request.level not in _BELOW[parent.level]:
        raise RegionPlaceProblem
    if request.valid_from < parent.valid_from or _outlives(request.valid_until, parent.valid_until):
        raise RegionPeriodProblem
    if await session.scalar(select(Region.id).where(Region.code == request.code)):
        raise CodeTakenProblem(value=request.code)
    region = Region(id=new_id(), version=1, path=f"{parent.path}{request.code}/", **request.model_dump())
    session.add(region)
    await session.flush()
    await _record(session, actor, region, "regions:create")
    return region


async def rename_region(
    session: AsyncSession, actor: Actor, region_id: UUID, expected: int, names: dict[str, Any]
) -> Region:
    """Give a region another name; documents issued before keep the name they were issued with."""
    region = await get_region(session, actor, region_id)
    actor.require("regions:manage", region.id)
    await compare_and_set(session, region, expected, **names)
    await _record(session, actor, region, "regions:rename")
    return region


async def end_region(
    session: AsyncSession, actor: Actor, region_id: UUID, expected: int, valid_until: date
) -> Region:
    """Set the last day of a region; those below it must end by then too."""
    region = await get_region(session, actor, region_id)
    actor.require("regions:manage", region.id)
    if region.valid_until is not None:
        raise EndedProblem
    if valid_until < region.valid_from:
        raise EndBeforeBeginningProblem
    goes_on = or_(Region.valid_until.is_(None), Region.valid_until > valid_until)
    if await session.scalar(select(exists().where(_below(region), Region.id != region.id, goes_on))):
        raise RegionInUseProblem
    await compare_and_set(session, region, expected, valid_until=valid_until)
    await _record(session, actor, region, "regions:end")
    return region


def _below(root: Region) -> ColumnElement[bool]:
    """The region itself and its subtree."""
    return Region.path.startswith(root.path, autoescape=True)


def _outlives(last: date | None, limit: date | None) -> bool:
    return limit is not None and (last is None or last > limit)


async def _record(session: AsyncSession, actor: Actor, region: Region, action: str) -> None:
    await record_act(
        session, actor, action=action, kind="region", object_id=region.id, version=region.version,
        region_id=region.id,
        after={"code": region.code, "name": region.name, "path": region.path, "valid_until": region.valid_until},
    )  # fmt: skip
