"""Which of a record's packages stands: the first and its corrections are one line, and one package of the line stands.

A correction that names the standing package by id and hash takes its place. One that rests on anything else (another
correction came first, or other bytes were meant), or comes from somebody whose record it is not, is a fork: kept beside,
flagged, without effect until a person chooses.
"""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.models.inspections import Package
from app.schemas.mobile.packages import Envelope, Issue
from app.services.audit.service import record_act
from app.services.inspections.context import KnownPackage

ForkReason = Literal["base_superseded", "base_differs", "base_of_others"]

_ISSUES: dict[str, tuple[str, str]] = {
    "base_hash_missing": ("更正未写明原检查包的哈希", "The correction does not name its base's hash"),
    "base_superseded": (
        "原检查包已被另一更正替代；本更正并存，由人工选定后方生效",
        "Another correction of this base came first; both are kept, and a person chooses before this one counts",
    ),
    "base_differs": (
        "更正所依据的内容与所存原检查包不同；本更正并存，由人工选定后方生效",
        "The correction rests on other bytes than its base's; it is kept beside, and a person chooses before it counts",
    ),
    "base_of_others": (
        "原检查包不属于更正人、其任务组或其机关；本更正并存，由人工选定后方生效",
        "The base is not the sender's, his team's or his authority's; both are kept, and a person chooses before this one counts",
    ),
}


@dataclass(frozen=True, slots=True)
class Replaced:
    """The package whose place is taken, and its visit."""

    id: UUID
    visit_id: UUID


@dataclass(frozen=True, slots=True)
class Place:
    """Where a package comes to stand in its line; `fork`: why it does not stand, None when it does."""

    root_id: UUID
    fork: ForkReason | None = None
    replaces: Replaced | None = None
    issues: list[Issue] = field(default_factory=list)

    @property
    def stands(self) -> bool:
        """True when its content counts."""
        return self.fork is None

    @property
    def columns(self) -> dict[str, object]:
        """Of the package's row."""
        return {
            "root_id": self.root_id,
            "is_standing": self.stands,
            "fork": self.fork,
            "fork_status": None if self.stands else "open",
        }


async def take_place(
    session: AsyncSession, actor: Actor, envelope: Envelope, base: KnownPackage | None
) -> Place:
    """Give a new package its place. Two corrections at the same instant: the base's row lets one through, the other forks."""
    if envelope.supersedes is None or base is None:
        return Place(envelope.id)
    named = envelope.supersedes
    if named.hash is not None and named.hash != base.sha256:
        return _forked(base, "base_differs")
    if not base.is_senders:
        return _forked(base, "base_of_others")
    if not await step_down(session, actor, named.id):
        return _forked(base, "base_superseded")
    issues = [] if named.hash is not None else [_issue("base_hash_missing", "supersedes/hash")]
    return Place(base.root_id, None, Replaced(named.id, base.visit_id), issues)


async def step_down(session: AsyncSession, actor: Actor, package_id: UUID) -> bool:
    """The package no longer stands; False when it did not. Its row is locked until the transaction ends."""
    changed = (
        update(Package)
        .where(Package.id == package_id, Package.is_standing)
        .values(is_standing=False, version=Package.version + 1)
        .returning(Package.version, Package.region_id)
    )
    result = await session.execute(changed, execution_options={"synchronize_session": False})
    found = result.one_or_none()
    if found is None:
        return False
    await record_act(
        session, actor, action="inspections:supersede", kind="package", object_id=package_id,
        version=found.version, region_id=found.region_id, after={"is_standing": False},
    )  # fmt: skip
    return True


def _forked(base: KnownPackage, reason: ForkReason) -> Place:
    return Place(base.root_id, reason, None, [_issue(reason, "supersedes")])


def _issue(code: str, at: str) -> Issue:
    zh, en = _ISSUES[code]
    return Issue(code=code, at=at, zh=zh, en=en)
