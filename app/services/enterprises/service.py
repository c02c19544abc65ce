"""What happens to enterprises: registered, changed, deactivated, reactivated. Each is audited with the state before and after."""

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.ids import new_id
from app.core.text import folded, name_pieces
from app.core.uscc import check_uscc
from app.db.versions import compare_and_set, different
from app.enums.enterprises import FieldError
from app.models.enterprises import Enterprise
from app.models.organizations import Region
from app.schemas.enterprises import EnterpriseRequest
from app.services.audit.service import record_act
from app.services.enterprises.errors import (
    EnterpriseActiveProblem,
    EnterpriseExistsProblem,
    EnterpriseInvalidProblem,
)
from app.services.enterprises.repository import get_enterprise
from app.services.enterprises.trades import canonical_trade, unknown_classes

STATE = (
    "uscc", "substitute_mark", "name", "parent_id", "region_id", "address", "trade_code", "regulated_trades", "size",
    "annual_output_fen", "employees", "is_labour_intensive", "risk_grade", "is_active",
)  # fmt: skip
"""What the audit's hashes are of, and what an import compares."""

_MARK_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without what is misread on paper: 0 O 1 I L


def state_of(enterprise: Enterprise) -> dict[str, Any]:
    """The state of an enterprise, for the audit log."""
    return {name: getattr(enterprise, name) for name in STATE}


async def register_enterprise(session: AsyncSession, actor: Actor, request: EnterpriseRequest) -> Enterprise:
    """Register by credit code, or, without one, under a substitute mark that is given here.

    Raises EnterpriseInvalidProblem, EnterpriseExistsProblem, and ForbiddenProblem for a region the actor does not manage.
    """
    actor.require("enterprises:manage", request.region_id)
    values = await _checked(session, actor, request.model_dump(), None)
    if values["uscc"] is None:
        values["substitute_mark"] = await _new_mark(session, request.region_id)
    elif (await session.execute(select(exists().where(Enterprise.uscc == values["uscc"])))).scalar_one():
        raise EnterpriseExistsProblem
    enterprise = Enterprise(id=new_id(), version=1, is_active=True, **values)
    session.add(enterprise)
    await session.flush()
    await _record(session, actor, enterprise, "enterprises:register", None)
    return enterprise


async def change_enterprise(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, expected: int, changes: Mapping[str, Any]
) -> Enterprise:
    """Set the given fields. A credit code given to an unlicensed enterprise replaces its mark. No difference: no new version.

    Raises ConflictProblem when another change came first.
    """
    enterprise = await get_enterprise(session, actor, enterprise_id)
    actor.require("enterprises:manage", enterprise.region_id)
    if "region_id" in changes:
        actor.require("enterprises:manage", changes["region_id"])
    values = await _checked(session, actor, dict(changes), enterprise)
    if values.get("uscc") is not None and values["uscc"] != enterprise.uscc:
        taken = select(exists().where(Enterprise.uscc == values["uscc"]))
        if (await session.execute(taken)).scalar_one():
            raise EnterpriseExistsProblem
        values["substitute_mark"] = None
    new = different(enterprise, values)
    if not new:
        return enterprise
    return await _set(session, actor, enterprise, expected, new, "enterprises:change")


async def deactivate_enterprise(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, expected: int, reason: str
) -> Enterprise:
    """Take an enterprise out of the lists of living ones; nothing of it is lost."""
    return await _set_activity(session, actor, enterprise_id, expected, False, reason)


async def reactivate_enterprise(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, expected: int, reason: str
) -> Enterprise:
    """Bring it back."""
    return await _set_activity(session, actor, enterprise_id, expected, True, reason)


async def _set_activity(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, expected: int, is_active: bool, reason: str
) -> Enterprise:
    enterprise = await get_enterprise(session, actor, enterprise_id)
    actor.require("enterprises:manage", enterprise.region_id)
    if enterprise.is_active is is_active:
        raise EnterpriseActiveProblem
    action = "enterprises:reactivate" if is_active else "enterprises:deactivate"
    new = {"is_active": is_active}
    return await _set(session, actor, enterprise, expected, new, action, reason=reason)


async def _set(
    session: AsyncSession,
    actor: Actor,
    enterprise: Enterprise,
    expected: int,
    new: dict[str, Any],
    action: str,
    *,
    reason: str | None = None,
) -> Enterprise:
    """Compare and set the version, and record the act beside it."""
    before = state_of(enterprise)
    if "name" in new:
        new |= {"name_folded": folded(new["name"]), "name_bigrams": name_pieces(new["name"])}
    await compare_and_set(session, enterprise, expected, **new)
    await _record(session, actor, enterprise, action, before, reason=reason, fields=sorted(new))
    return enterprise


async def _record(
    session: AsyncSession,
    actor: Actor,
    enterprise: Enterprise,
    action: str,
    before: dict[str, Any] | None,
    *,
    reason: str | None = None,
    fields: list[str] | None = None,
) -> None:
    detail: dict[str, Any] = {"reason": reason} if reason else {}
    if fields:
        detail["fields"] = [name for name in fields if name in STATE]
    moved = before is not None and before["region_id"] != enterprise.region_id
    await record_act(
        session,
        actor,
        action=action,
        kind="enterprise",
        object_id=enterprise.id,
        version=enterprise.version,
        region_id=enterprise.region_id,
        previous_region_id=before["region_id"] if before and moved else None,
        before=before,
        after=state_of(enterprise),
        detail=detail or None,
    )


async def _checked(
    session: AsyncSession, actor: Actor, values: dict[str, Any], current: Enterprise | None
) -> dict[str, Any]:
    """The values in canonical form; raises EnterpriseInvalidProblem naming every field that cannot be accepted."""
    errors: list[tuple[str, FieldError]] = []
    if values.get("uscc") is not None:
        checked = check_uscc(values["uscc"])
        values["uscc"] = checked.code
        if checked.error:
            errors.append(("uscc", FieldError(f"uscc_{checked.error}")))
    if values.get("trade_code") is not None:
        values["trade_code"], error = canonical_trade(values["trade_code"])
        if error is None and await unknown_classes(session, [values["trade_code"]]):
            error = FieldError.TRADE_CLASS_UNKNOWN
        if error:
            errors.append(("trade_code", error))
    if values.get("parent_id") is not None:
        error = await _parent_error(session, actor, values["parent_id"], current)
        if error:
            errors.append(("parent_id", error))
    if errors:
        raise EnterpriseInvalidProblem(errors)
    return values


async def _parent_error(
    session: AsyncSession, actor: Actor, parent_id: UUID, current: Enterprise | None
) -> FieldError | None:
    """Branches are one level deep. The parent's row is locked, so that two enterprises cannot become each other's branch."""
    if current is not None and current.id == parent_id:
        return FieldError.PARENT_IS_SELF
    wanted = (
        select(Enterprise.parent_id)
        .where(Enterprise.id == parent_id, Enterprise.region_id.in_(actor.regions_for("enterprises:read")))
        .with_for_update()
    )
    found = (await session.execute(wanted)).first()
    if found is None:
        return FieldError.PARENT_UNKNOWN
    if found.parent_id is not None:
        return FieldError.PARENT_IS_BRANCH
    if current is not None:
        has_branches = select(exists().where(Enterprise.parent_id == current.id))
        if (await session.execute(has_branches)).scalar_one():
            return FieldError.HAS_BRANCHES
    return None


async def _new_mark(session: AsyncSession, region_id: UUID) -> str:
    """A mark for an enterprise without a licence: 无照-<region's code>-<8 characters>; the column is unique."""
    code = (await session.execute(select(Region.code).where(Region.id == region_id))).scalar_one()
    return f"无照-{code}-{''.join(secrets.choice(_MARK_ALPHABET) for _ in range(8))}"
