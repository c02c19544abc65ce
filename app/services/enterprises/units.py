"""Units of risk on a site, with the facts of their kind."""

from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.db.versions import compare_and_set, different
from app.models.enterprises import RiskUnit, Site
from app.schemas.common import Wire
from app.schemas.risk_units import UnitFacts, UnitRequest
from app.services.audit.service import record_act
from app.services.enterprises.errors import UnitExistsProblem, UnitKindProblem
from app.services.enterprises.sites import get_site

STATE = ("kind", "name", "facts", "is_active")


async def register_unit(session: AsyncSession, actor: Actor, site_id: UUID, request: UnitRequest) -> RiskUnit:
    """A new unit on a site; raises UnitExistsProblem for a kind and name the site has."""
    site = await get_site(session, actor, site_id)
    actor.require("enterprises:manage", site.region_id)
    await _check_name(session, site_id, request.facts.kind, request.name)
    unit = RiskUnit(
        id=new_id(),
        version=1,
        site_id=site_id,
        kind=request.facts.kind,
        name=request.name,
        facts=known_facts(request.facts),
        is_active=True,
    )
    session.add(unit)
    await session.flush()
    await _record(session, actor, site, unit, "enterprises:register_unit", None)
    return unit


async def change_unit(
    session: AsyncSession,
    actor: Actor,
    site_id: UUID,
    unit_id: UUID,
    expected: int,
    changes: dict[str, Any],
    facts: UnitFacts | None,
) -> RiskUnit:
    """Set name, activity, or all facts of a unit. No difference: no new version."""
    site = await get_site(session, actor, site_id)
    actor.require("enterprises:manage", site.region_id)
    unit = await get_unit(session, actor, site_id, unit_id)
    values: dict[str, Any] = {name: changes[name] for name in ("name", "is_active") if name in changes}
    if facts is not None:
        if facts.kind != unit.kind:
            raise UnitKindProblem
        values["facts"] = known_facts(facts)
    new = different(unit, values)
    if not new:
        return unit
    if "name" in new:
        await _check_name(session, site_id, unit.kind, new["name"])
    before = _state(unit)
    await compare_and_set(session, unit, expected, **new)
    await _record(session, actor, site, unit, "enterprises:change_unit", before)
    return unit


async def get_unit(session: AsyncSession, actor: Actor, site_id: UUID, unit_id: UUID) -> RiskUnit:
    """One unit of a site the actor sees; raises NotFoundProblem."""
    await get_site(session, actor, site_id)
    wanted = select(RiskUnit).where(RiskUnit.id == unit_id, RiskUnit.site_id == site_id)
    unit = (await session.execute(wanted)).scalar_one_or_none()
    if unit is None:
        raise NotFoundProblem
    return unit


def known_facts(facts: Wire) -> dict[str, Any]:
    """What is said, without the kind and without what is not known."""
    return facts.model_dump(mode="json", exclude={"kind"}, exclude_none=True)


async def _check_name(session: AsyncSession, site_id: UUID, kind: str, name: str) -> None:
    taken = exists().where(RiskUnit.site_id == site_id, RiskUnit.kind == kind, RiskUnit.name == name)
    if (await session.execute(select(taken))).scalar_one():
        raise UnitExistsProblem


def _state(unit: RiskUnit) -> dict[str, Any]:
    return {name: getattr(unit, name) for name in STATE}


async def _record(
    session: AsyncSession,
    actor: Actor,
    site: Site,
    unit: RiskUnit,
    action: str,
    before: dict[str, Any] | None,
) -> None:
    await record_act(
        session,
        actor,
        action=action,
        kind="risk_unit",
        object_id=unit.id,
        version=unit.version,
        region_id=site.region_id,
        before=before,
        after=_state(unit),
        detail={"site_id": str(site.id)},
    )
