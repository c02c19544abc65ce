"""Reviewing provenance: what was judged of a photograph, as far as the reader is entitled to it, and the reviewer's verdict.

Whoever may not see the other photograph is not told that there is one: no duplicate, no weight of it, no count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.config import Settings
from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.enums.evidence import EvidenceVerdict, Outcome, ProvenanceCheck
from app.models.evidence import EvidenceDuplicate, EvidenceFile, EvidenceProvenance, EvidenceReview
from app.models.inspections import Package
from app.schemas.provenance import CheckView, DuplicateView, ProvenanceEntry, ProvenanceView, ReviewView
from app.services.audit.service import record_act
from app.services.evidence.errors import (
    OwnEvidenceProblem,
    ProvenanceChangedProblem,
    ProvenancePendingProblem,
)
from app.services.evidence.likeness import Turn
from app.services.evidence.provenance import HIGHEST_SCORE, judge_duplicate
from app.services.evidence.standards import standards_with
from app.services.identity.places import lies_in

READ = "evidence:provenance"


@dataclass(frozen=True, slots=True)
class ProvenanceFilter:
    """What a list is narrowed to. `min_score` 0: unflagged ones too; `is_reviewed` and `verdict` None: whatever a reviewer held."""

    region_id: UUID | None = None
    min_score: int = 1
    is_reviewed: bool | None = None
    verdict: str | None = None


async def show_provenance(
    session: AsyncSession, settings: Settings, actor: Actor, evidence_id: UUID
) -> ProvenanceView:
    """What was judged of one photograph of the reader's regions. Raises NotFoundProblem, ProvenancePendingProblem."""
    judged = await _judged(session, actor, evidence_id)
    duplicates = await _duplicates_seen(session, settings, actor, evidence_id)
    reviews = select(EvidenceReview).where(EvidenceReview.evidence_id == evidence_id)
    given = list((await session.execute(reviews.order_by(EvidenceReview.id.desc()))).scalars())
    return ProvenanceView(
        evidence_id=judged.evidence_id,
        version=judged.version,
        region_id=judged.region_id,
        score=min(HIGHEST_SCORE, judged.score + max((one.weight for one in duplicates), default=0)),
        checks=[_check_view(kept) for kept in judged.checks],
        duplicates=duplicates,
        standards_version=judged.standards_version,
        first_judged_at=judged.first_judged_at,
        changed_at=judged.changed_at,
        verdict=EvidenceVerdict(judged.verdict) if judged.verdict else None,
        has_changed_since_verdict=bool(given) and judged.version > given[0].on_version + 1,
        reviews=[ReviewView.model_validate(one) for one in given],
    )


async def list_provenance(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: ProvenanceFilter
) -> Page[ProvenanceEntry]:
    """Photographs of the reader's regions, newest first, one statement."""
    judged, regions = EvidenceProvenance, actor.regions_for(READ)
    heaviest, count = _seen(regions, func.max(EvidenceDuplicate.weight)), _seen(regions, func.count())
    score = func.least(HIGHEST_SCORE, judged.score + func.coalesce(heaviest, 0))
    wanted = (
        select(judged, EvidenceFile.package_id, score.label("seen_score"), count.label("seen_duplicates"))
        .join(EvidenceFile, EvidenceFile.id == judged.evidence_id)
        .where(*_conditions(regions, request, narrowed), score >= narrowed.min_score)
        .order_by(judged.evidence_id.desc())
        .limit(request.limit + 1)
    )
    rows = list(await session.execute(wanted))
    page = Page.cut(rows, request, key=lambda row: (row[0].evidence_id,))
    return Page([_entry(*row) for row in page.items], page.next_key)


async def give_verdict(
    session: AsyncSession,
    actor: Actor,
    evidence_id: UUID,
    expected: int,
    verdict: EvidenceVerdict,
    reason: str,
) -> None:
    """Keep a reviewer's verdict beside those before it; the file, its status and its receipt stay as they are.

    Raises NotFoundProblem, ForbiddenProblem, OwnEvidenceProblem, ProvenanceChangedProblem.
    """
    judged = await _judged(session, actor, evidence_id)
    actor.require("evidence:review", judged.region_id)
    own = or_(EvidenceFile.user_id == actor.user_id, Package.officer_ids.contains([actor.user_id]))
    joined = select(EvidenceFile.id).outerjoin(Package, Package.id == EvidenceFile.package_id)
    if await session.scalar(joined.where(EvidenceFile.id == evidence_id, own)) is not None:
        raise OwnEvidenceProblem
    before = judged.verdict
    given = (
        update(EvidenceProvenance)
        .where(EvidenceProvenance.evidence_id == evidence_id, EvidenceProvenance.version == expected)
        .values(verdict=verdict.value, version=expected + 1)
        .returning(EvidenceProvenance.evidence_id)
    )
    if (await session.execute(given)).scalar_one_or_none() is None:
        raise ProvenanceChangedProblem
    session.add(
        EvidenceReview(
            evidence_id=evidence_id, user_id=actor.user_id, verdict=verdict.value, reason=reason, on_version=expected
        )
    )  # fmt: skip
    await session.flush()
    await session.refresh(judged)
    await record_act(
        session, actor, action="evidence:review", kind="evidence_provenance", object_id=evidence_id, version=expected + 1,
        region_id=judged.region_id, before={"verdict": before}, after={"verdict": verdict.value, "reason": reason},
    )  # fmt: skip


async def version_of(session: AsyncSession, actor: Actor, evidence_id: UUID) -> int:
    """The version of what was judged, for If-Match. Raises NotFoundProblem, ProvenancePendingProblem."""
    return (await _judged(session, actor, evidence_id)).version


async def _judged(session: AsyncSession, actor: Actor, evidence_id: UUID) -> EvidenceProvenance:
    regions = actor.regions_for(READ)
    judged = await session.get(EvidenceProvenance, evidence_id)
    if judged is not None and judged.region_id in regions:
        return judged
    region_id = await session.scalar(select(EvidenceFile.region_id).where(EvidenceFile.id == evidence_id))
    if judged is None and region_id in regions:
        raise ProvenancePendingProblem
    raise NotFoundProblem


def _seen(regions: frozenset[UUID], counted: Any) -> Any:
    """A figure over the duplicates of a photograph of which the reader is entitled to the other one."""
    other = aliased(EvidenceProvenance)
    return (
        select(counted)
        .select_from(EvidenceDuplicate)
        .join(other, other.evidence_id == EvidenceDuplicate.other_id)
        .where(EvidenceDuplicate.evidence_id == EvidenceProvenance.evidence_id, other.region_id.in_(regions))
        .correlate(EvidenceProvenance)
        .scalar_subquery()
    )


def _conditions(
    regions: frozenset[UUID], request: PageRequest, narrowed: ProvenanceFilter
) -> list[ColumnElement[bool]]:
    judged = EvidenceProvenance
    conditions: list[ColumnElement[bool]] = [judged.region_id.in_(regions)]
    if narrowed.region_id is not None:
        conditions.append(lies_in(judged.region_id, narrowed.region_id))
    if narrowed.min_score > 0:
        conditions.append(
            or_(judged.score > 0, judged.has_duplicates)
        )  # what the index of the unreviewed says
    if narrowed.is_reviewed is not None:
        conditions.append(judged.verdict.is_not(None) if narrowed.is_reviewed else judged.verdict.is_(None))
    if narrowed.verdict is not None:
        conditions.append(judged.verdict == narrowed.verdict)
    if request.after:
        conditions.append(judged.evidence_id < request.after[0])
    return conditions


async def _duplicates_seen(
    session: AsyncSession, settings: Settings, actor: Actor, evidence_id: UUID
) -> list[DuplicateView]:
    other = EvidenceProvenance
    wanted = (
        select(EvidenceDuplicate)
        .join(other, other.evidence_id == EvidenceDuplicate.other_id)
        .where(EvidenceDuplicate.evidence_id == evidence_id, other.region_id.in_(actor.regions_for(READ)))
        .order_by(EvidenceDuplicate.weight.desc(), EvidenceDuplicate.bits, EvidenceDuplicate.other_id)
    )
    found: Sequence[EvidenceDuplicate] = (await session.execute(wanted)).scalars().all()
    return [_duplicate_view(settings, one) for one in found]


def _duplicate_view(settings: Settings, kept: EvidenceDuplicate) -> DuplicateView:
    turn = Turn(kept.turn)
    check = judge_duplicate(
        standards_with(settings.evidence_impossible_kmh),
        is_exact=kept.is_exact,
        is_same_visit=kept.is_same_visit,
        bits=kept.bits,
        turn=turn,
    )
    return DuplicateView(
        evidence_id=kept.other_id,
        is_exact=kept.is_exact,
        is_same_visit=kept.is_same_visit,
        bits=kept.bits,
        turn=turn.name.lower(),
        weight=kept.weight,
        zh=check.zh,
        en=check.en,
    )


def _check_view(kept: dict[str, Any]) -> CheckView:
    code = ProvenanceCheck(kept["code"])
    return CheckView(title_zh=code.zh, title_en=code.en, **kept)


def _entry(
    judged: EvidenceProvenance, package_id: UUID | None, score: int, duplicates: int
) -> ProvenanceEntry:
    flags = [kept["code"] for kept in judged.checks if kept["outcome"] == Outcome.FLAGGED]
    return ProvenanceEntry(
        evidence_id=judged.evidence_id,
        version=judged.version,
        region_id=judged.region_id,
        package_id=package_id,
        score=score,
        flags=[*flags, *([ProvenanceCheck.DUPLICATE.value] if duplicates else [])],
        duplicates=duplicates,
        verdict=EvidenceVerdict(judged.verdict) if judged.verdict else None,
        changed_at=judged.changed_at,
    )
