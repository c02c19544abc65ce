"""Re-inspection: what the phone is shown of its hazards before it goes, and what its package then says of each."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.enums.hazards import ReinspectionOutcome
from app.enums.inspections import PackageKind
from app.models.evidence import EvidenceDeclaration, EvidenceFile
from app.models.hazards import Hazard, HazardStep
from app.models.inspections import Assignment, AssignmentMember, Package
from app.models.orders import OrderLine
from app.schemas.mobile.hazards import AssignedHazard, PhotoLink
from app.schemas.mobile.packages import Envelope, HazardResult, Issue
from app.services.hazards.reinspection import Reception, Reinspected, Result, record_results
from app.services.hazards.standing import photographs_merged_into
from app.services.hazards.workflow import REINSPECTABLE, is_overdue, outcome_of
from app.services.inspections.events import PackageProcessed

DERIVATIVE_SIZES = (320, 1280)
"""Longest side in pixels of what phones fetch beforehand."""

_ISSUES: dict[str, tuple[str, str]] = {
    "hazard_unknown": ("复查结果所指隐患不属于该场所", "The hazard is not one of the site's"),
    "hazard_before_order": ("复查日期早于责令整改日期", "Re-inspected before its rectification was ordered"),
    "hazard_before_report": (
        "复查日期早于企业报告整改完成之日，隐患状态未变更，仍待复查",
        "Found undone before the enterprise reported it rectified; nothing was changed, and it still waits for a re-inspection",
    ),
    "hazard_state_changed": (
        "隐患当前状态不允许记录复查结果，未变更",
        "The hazard's state does not allow the result; nothing was changed",
    ),
    "hazard_outcome_unclear": (
        "复查结果自相矛盾或无法识别，复查结果未计入，须由人工处理",
        "The result contradicts itself or is not known here; it does not count until a person decides",
    ),
    "hazard_contradicted": (
        "同一次复查的另一检查包结论不同，未变更",
        "Another package of the same visit says something else; nothing was changed",
    ),
    "reinspection_in_future": (
        "复查日期晚于今日，复查结果未计入，须由人工处理",
        "Dated in the future, so its results do not count until a person decides",
    ),
    "reinspection_not_signable": (
        "检查包不能签章，复查结果未计入，须由人工处理",
        "The package is not signable, so its results do not count until a person decides",
    ),
    "hazard_not_answered": ("复查任务所列隐患没有结果", "An assigned hazard has no result"),
    "after_photo_undeclared": ("复查照片未在证据清单中申报", "An after-photo is not in the manifest"),
    "hazards_not_counted": ("非复查记录中的隐患结果不计", "Only a re-inspection's results count"),
}


async def record_package_results(session: AsyncSession, event: PackageProcessed) -> list[Issue]:
    """Take what a re-inspection found of each hazard into that hazard; what cannot be taken becomes a flag on the package."""
    if event.kind is not PackageKind.REINSPECTION and not event.envelope.hazards:
        return []
    issues = await _judge(session, event)
    if issues:
        added = type_coerce(issues, JSONB)
        await session.execute(
            update(Package)
            .where(Package.id == event.package_id)
            .values(issues=Package.issues.op("||")(added)),
            execution_options={"synchronize_session": False},
        )
    return issues


async def without_reinspected(
    session: AsyncSession, envelope: Envelope, findings: Sequence[dict[str, Any]]
) -> Sequence[dict[str, Any]]:
    """The findings of a re-inspection but for those that only say again what a hazard says that it did not find resolved."""
    persisting = [
        result.hazard_id for result in envelope.hazards if _found(result) is not ReinspectionOutcome.RESOLVED
    ]
    if not persisting or not findings or envelope.kind is not PackageKind.REINSPECTION:
        return findings
    known = select(Hazard.item_code, Hazard.subject).where(
        Hazard.id.in_(persisting), Hazard.site_id == envelope.site_id, Hazard.status.in_(REINSPECTABLE)
    )
    seen = {(row.item_code, row.subject) for row in await session.execute(known)}
    return [one for one in findings if (one["item_code"], one["subject"]) not in seen]


async def _judge(session: AsyncSession, event: PackageProcessed) -> list[Issue]:
    results = event.envelope.hazards
    if event.kind is not PackageKind.REINSPECTION:
        return [_issue("hazards_not_counted", "hazards")] if results else []
    issues = _undeclared(event.envelope)
    answered = {result.hazard_id for result in results}
    for hazard_id in await _assigned(session, event.envelope.assignment_id):
        if hazard_id not in answered:
            issues.append(_issue("hazard_not_answered", f"hazards/{hazard_id}"))
    if not results:
        return issues
    if event.legal_date > shanghai_today():
        return [*issues, _issue("reinspection_in_future", "legal_date")]
    signable = select(Package.is_signable).where(Package.id == event.package_id)
    if not (await session.execute(signable)).scalar_one():
        return [*issues, _issue("reinspection_not_signable", "hazards")]
    for hazard_id, outcome in (await _record(session, event)).items():
        if outcome not in ("recorded", "known"):
            issues.append(_issue(f"hazard_{outcome}", f"hazards/{hazard_id}"))
    return issues


def _undeclared(envelope: Envelope) -> list[Issue]:
    declared = {row.id for row in envelope.evidence}
    return [
        _issue("after_photo_undeclared", f"hazards/{result.hazard_id}/{evidence_id}")
        for result in envelope.hazards
        for evidence_id in result.evidence_ids
        if evidence_id not in declared
    ]


async def _assigned(session: AsyncSession, assignment_id: UUID | None) -> list[UUID]:
    wanted = select(Assignment.hazard_ids).where(Assignment.id == assignment_id)
    return list((await session.execute(wanted)).scalar_one_or_none() or [])


async def _record(session: AsyncSession, event: PackageProcessed) -> Mapping[UUID, Reception]:
    """Only declared photographs stand beside a step: the others are no evidence."""
    declared = {row.id for row in event.envelope.evidence}
    author = Actor(
        kind="user",
        user_id=event.user_id,
        device_id=event.envelope.device_id,
        authority_id=event.authority_id,
    )
    visit = Reinspected(event.package_id, event.visit_id, event.site_id, event.legal_date)
    results = [
        Result(one.hazard_id, _found(one), one.note, [e for e in one.evidence_ids if e in declared])
        for one in event.envelope.hazards
    ]
    return await record_results(session, author, visit, results)


def _found(result: HazardResult) -> ReinspectionOutcome | None:
    return outcome_of(result.is_rectified, result.outcome)


def _issue(code: str, at: str) -> Issue:
    zh, en = _ISSUES[code]
    return Issue(code=code, at=at, zh=zh, en=en)


async def list_assigned_hazards(
    session: AsyncSession, actor: Actor, assignment_id: UUID
) -> list[AssignedHazard]:
    """The hazards of an assignment of the actor's own, with the photographs taken before, also of what was merged into them; five
    statements, however many.

    Raises NotFoundProblem unless he is of the team: the assignment opens him that site, whatever his regions, to its last day,
    unless cancelled.
    """
    mine = (
        select(Assignment)
        .join(AssignmentMember, AssignmentMember.assignment_id == Assignment.id)
        .where(
            Assignment.id == assignment_id,
            AssignmentMember.user_id == actor.user_id,
            Assignment.status != "cancelled",
            Assignment.planned_until >= shanghai_today(),
        )
    )
    assignment = (await session.execute(mine)).scalar_one_or_none()
    if assignment is None:
        raise NotFoundProblem
    wanted = select(Hazard).where(Hazard.id.in_(assignment.hazard_ids)).order_by(Hazard.id)
    hazards = (await session.execute(wanted)).scalars().all()
    ids = [hazard.id for hazard in hazards]
    requirements = await latest_requirements(session, ids)
    reports = await reported_rectifications(session, ids)
    before = await photographs_before(session, {hazard.id: hazard.evidence_ids for hazard in hazards})
    photos = await _photos(session, [i for given in (before, reports) for ids in given.values() for i in ids])
    return [
        AssignedHazard(
            **{name: getattr(hazard, name) for name in _PLAIN},
            is_overdue=is_overdue(hazard.status, hazard.due_on, shanghai_today()),
            requirement=requirements.get(hazard.id),
            before_photos=[photos[i] for i in before[hazard.id] if i in photos],
            rectification_photos=[photos[i] for i in reports.get(hazard.id, []) if i in photos],
        )
        for hazard in hazards
    ]


_PLAIN = (
    "id", "version", "number", "level", "clause", "item_code", "subject", "description", "found_on", "status", "due_on",
)  # fmt: skip


async def photographs_before(
    session: AsyncSession, own: Mapping[UUID, Sequence[UUID]]
) -> dict[UUID, list[UUID]]:
    """By hazard, its own photographs and then those of what was merged into it, each once."""
    merged = await photographs_merged_into(session, own)
    return {
        hazard_id: list(
            dict.fromkeys([*ids, *(i for one in merged.get(hazard_id, ()) for i in one.evidence_ids)])
        )
        for hazard_id, ids in own.items()
    }


async def latest_requirements(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, str]:
    """What the latest order of each hazard requires."""
    line = OrderLine
    wanted = select(line.hazard_id, line.requirement).where(line.hazard_id.in_(ids)).order_by(line.order_id)
    return {row.hazard_id: row.requirement for row in await session.execute(wanted)}


async def reported_rectifications(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The evidence of the latest reported rectification of each hazard."""
    wanted = (
        select(HazardStep.hazard_id, HazardStep.evidence_ids)
        .where(HazardStep.hazard_id.in_(ids), HazardStep.action == "report_rectified")
        .order_by(HazardStep.id)
    )
    return {row.hazard_id: row.evidence_ids for row in await session.execute(wanted)}


async def _photos(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, PhotoLink]:
    """Stored photographs by id; what has not arrived cannot be shown."""
    file, declared = EvidenceFile, EvidenceDeclaration
    same = (declared.package_id == file.package_id) & (declared.id == file.id)
    wanted = (
        select(file.id, file.sha256, file.size, file.media_type, declared.captured_at)
        .outerjoin(declared, same)
        .where(file.id.in_(set(ids)))
    )
    return {
        found.id: PhotoLink(
            id=found.id,
            hash=found.sha256,
            size=found.size,
            media_type=found.media_type,
            captured_at=found.captured_at,
            derivatives={
                str(size): f"/mobile/v1/evidence/{found.id}/derivatives/{size}" for size in DERIVATIVE_SIZES
            },
        )
        for found in await session.execute(wanted)
    }
