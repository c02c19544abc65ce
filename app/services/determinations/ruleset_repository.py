"""The SQL of the rules that are written here. They are no region's: the law is the same everywhere in the city."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from app.core.actor import Actor
from app.core.errors import ForbiddenProblem, NotFoundProblem
from app.core.paging import Page, PageRequest
from app.models.organizations import Region
from app.models.rulesets import RulesetStep, RulesetVersion
from app.services.determinations.content import shipped_documents
from app.services.determinations.errors import RulesetUnknownProblem
from app.services.determinations.ruleset_workflow import EDIT, PUBLISH

RULESET_LOCK = 43
"""The seed of the advisory locks on rule sets: publications and revocations of one standard come one after the other."""


class Row(NamedTuple):
    """A version and its status (revoked included)."""

    version: RulesetVersion
    status: str


@dataclass(frozen=True, slots=True)
class Before:
    """The version that a new one follows: shipped, or published here."""

    name: str
    in_force_from: date
    content: dict[str, Any]
    cases: list[Any]


@dataclass(frozen=True, slots=True)
class RulesetFilter:
    """What a list is narrowed to; None means all."""

    ruleset: str | None = None
    status: str | None = None


def _revoked() -> ColumnElement[bool]:
    return exists().where(RulesetStep.version_id == RulesetVersion.id, RulesetStep.action == "revoke")


def _visible(actor: Actor) -> Select[RulesetVersion, bool]:
    """Drafts, and what became of them, are for those who edit or publish, and for the auditor."""
    query = select(RulesetVersion, _revoked())
    sees_all = actor.kind == "system" or any(actor.can(one) for one in (EDIT, PUBLISH, "audit:read"))
    return query if sees_all else query.where(RulesetVersion.status == "published")


def _row(found: Any) -> Row:
    return Row(found[0], "revoked" if found[1] else found[0].status)


async def require_city(session: AsyncSession, actor: Actor, action: str) -> None:
    """Raise ForbiddenProblem unless the action is granted for a whole city: rules hold in all of it."""
    actor.require(action)
    if actor.kind == "system":
        return
    cities = select(Region.id).where(Region.id.in_(actor.regions_for(action)), Region.level == "city")
    if (await session.execute(cities.limit(1))).first() is None:
        raise ForbiddenProblem(action=action)


async def get_ruleset_version(
    session: AsyncSession, actor: Actor, version_id: UUID, *, to_change: bool = False
) -> Row:
    """One version the actor may see, as it stands now; raises NotFoundProblem.

    `to_change`: nobody else changes it before this unit of work ends.
    """
    wanted = _visible(actor).where(RulesetVersion.id == version_id)
    if to_change:
        wanted = wanted.with_for_update(of=RulesetVersion)
    found = (await session.execute(wanted.execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise NotFoundProblem
    return _row(found)


async def list_ruleset_versions(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: RulesetFilter
) -> Page[Row]:
    """Versions the actor may see, newest first, without their content; one statement."""
    without_content = [defer(one, raiseload=True) for one in (RulesetVersion.content, RulesetVersion.cases)]
    wanted = _visible(actor).options(*without_content)
    wanted = wanted.order_by(RulesetVersion.id.desc()).limit(request.limit + 1)
    if narrowed.ruleset is not None:
        wanted = wanted.where(RulesetVersion.ruleset == narrowed.ruleset)
    if narrowed.status == "revoked":
        wanted = wanted.where(_revoked())
    elif narrowed.status is not None:
        wanted = wanted.where(RulesetVersion.status == narrowed.status, ~_revoked())
    if request.after:
        wanted = wanted.where(RulesetVersion.id < request.after[0])
    rows = [_row(found) for found in await session.execute(wanted)]
    return Page.cut(rows, request, key=lambda row: (row.version.id,))


async def list_ruleset_steps(session: AsyncSession, version_id: UUID) -> Sequence[RulesetStep]:
    """The history of a version, oldest first."""
    wanted = select(RulesetStep).where(RulesetStep.version_id == version_id).order_by(RulesetStep.id)
    return (await session.execute(wanted)).scalars().all()


async def list_editors(session: AsyncSession, version_id: UUID) -> list[UUID | None]:
    """Everybody who has written at a version."""
    wanted = select(RulesetStep.user_id).where(
        RulesetStep.version_id == version_id, RulesetStep.action.in_(("start", "change"))
    )
    return list((await session.execute(wanted.distinct())).scalars())


async def lock_ruleset(session: AsyncSession, ruleset: str) -> None:
    """Nobody else publishes or revokes versions of this standard before this unit of work ends."""
    key = func.hashtextextended(literal(ruleset), literal(RULESET_LOCK))
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def newest_before(session: AsyncSession, ruleset: str) -> Before:
    """The version of a standard that begins last; raises RulesetUnknownProblem where none is held.

    Read from the database, not from what the process holds: that may be a minute old.
    """
    wanted = (
        select(RulesetVersion)
        .where(RulesetVersion.ruleset == ruleset, RulesetVersion.status == "published", ~_revoked())
        .order_by(RulesetVersion.in_force_from.desc())
        .limit(1)
    )
    published = (await session.execute(wanted)).scalar_one_or_none()
    found = [*_shipped(ruleset), *([_before(published)] if published else [])]
    if not found:
        held = "、".join(sorted({one["head"]["id"] for one in shipped_documents()}))
        raise RulesetUnknownProblem(ruleset=ruleset, held=held)
    return sorted(found, key=lambda one: one.in_force_from)[-1]


async def get_before(session: AsyncSession, ruleset: str, name: str) -> Before:
    """A version that was published here, or shipped, by its name; the newest where a draft's base has gone."""
    wanted = select(RulesetVersion).where(
        RulesetVersion.ruleset == ruleset, RulesetVersion.name == name, RulesetVersion.status == "published"
    )
    published = (await session.execute(wanted)).scalar_one_or_none()
    if published is not None:
        return _before(published)
    shipped = next((one for one in _shipped(ruleset) if one.name == name), None)
    return shipped or await newest_before(session, ruleset)


async def is_name_taken(session: AsyncSession, ruleset: str, name: str) -> bool:
    """Whether a shipped or published version, revoked ones too, is called so."""
    wanted = select(RulesetVersion.id).where(
        RulesetVersion.ruleset == ruleset, RulesetVersion.name == name, RulesetVersion.status == "published"
    )
    published = (await session.execute(wanted.limit(1))).first()
    return published is not None or any(one.name == name for one in _shipped(ruleset))


def _before(row: RulesetVersion) -> Before:
    return Before(row.name, row.in_force_from, row.content, row.cases)


def _shipped(ruleset: str) -> list[Before]:
    return [
        Before(one["head"]["version"], date.fromisoformat(one["head"]["in_force_from"]), one, [])
        for one in shipped_documents()
        if one["head"]["id"] == ruleset
    ]
