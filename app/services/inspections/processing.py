"""Unit two of a package's way: its meaning. Visit, record, manifest, findings, and the news other areas react to."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.events import publish
from app.core.ids import new_id
from app.db.rows import insert_rows
from app.enums.checklists import Outcome
from app.models.checklists import Template, TemplateVersion
from app.models.enterprises import Site
from app.models.inspections import (
    Assignment,
    AssignmentMember,
    Finding,
    Package,
    PackageIntake,
    Visit,
)
from app.schemas.mobile.packages import Envelope, Issue
from app.services.audit.service import record_act
from app.services.checklists.answers import Assessment, EvidenceClaim, assess_answers
from app.services.checklists.service import checklist_of
from app.services.determinations.facts import FoundItem, PackageFacts
from app.services.determinations.service import determination_sets
from app.services.evidence.manifest import declare_manifest
from app.services.hazards.registering import NewHazard, Origin, hazard_sets
from app.services.identity.certificates import list_certified
from app.services.inspections.events import PackageProcessed
from app.services.inspections.judgement import (
    KnownAssignment,
    Surroundings,
    judge_evidence,
    judge_surroundings,
    signable,
)
from app.services.inspections.receipts import issue_receipt_if_complete
from app.services.inspections.sealing import read_envelope
from app.services.organizations.jurisdiction import authority_covers
from app.services.runtime import Runtime


class CannotProcess(Exception):
    """The package needs a person; `reason` is a stable word."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


async def process_package(session: AsyncSession, runtime: Runtime, package_id: UUID) -> None:
    """Process a received package; harmless when it has been processed. Raises CannotProcess when a person must look."""
    intake = await session.get_one(PackageIntake, package_id, with_for_update=True)
    if intake.status != "received":
        return
    envelope = read_envelope(intake.sealed)
    version = await _find_template(session, envelope)
    site = await session.get_one(Site, envelope.site_id)
    actor = Actor(
        kind="user", user_id=intake.user_id, device_id=intake.device_id, authority_id=envelope.authority_id
    )
    await _check_supersedes(session, envelope)
    visit_issues = await _join_visit(session, envelope, site)
    checklist = checklist_of(version)
    assessment = assess_answers(checklist, envelope.answers, _claims(envelope), envelope.legal_date)
    certified = await list_certified(session, envelope.officers, envelope.legal_date)
    surroundings = await _surroundings(session, envelope, site, version, intake.received_at, certified)
    package = Package(
        id=package_id,
        visit_id=envelope.visit_id,
        region_id=site.region_id,
        sha256=intake.sha256,
        schema=envelope.schema_,
        kind=envelope.kind,
        supersedes_id=envelope.supersedes.id if envelope.supersedes else None,
        supersedes_reason=envelope.supersedes.reason if envelope.supersedes else None,
        template_version_id=version.id,
        device_id=intake.device_id,
        user_id=intake.user_id,
        officer_ids=list(dict.fromkeys(envelope.officers)),
        answers=envelope.answers,
        party=envelope.party.model_dump(mode="json"),
        times=envelope.times.model_dump(mode="json"),
        position=envelope.position.model_dump(mode="json") if envelope.position else None,
        issues=[
            issue.model_dump()
            for issue in (
                *visit_issues,
                *judge_surroundings(envelope, surroundings),
                *judge_evidence(envelope),
                *_party_issues(envelope),
                *_answer_issues(assessment),
            )
        ],
        is_signable=signable(envelope, certified),
        received_at=intake.received_at,
        version=1,
    )
    session.add(package)
    await session.flush()
    findings = _findings(assessment, envelope, package)
    session.add_all(findings)
    intake.status = "processed"
    await session.flush()
    await declare_manifest(
        session,
        package_id=package_id,
        device_id=intake.device_id,
        region_id=site.region_id,
        rows=envelope.evidence,
    )
    await _close_assignment(session, envelope)
    await record_act(
        session,
        actor,
        action="inspections:submit",
        kind="package",
        object_id=package_id,
        version=1,
        region_id=site.region_id,
        after={"sha256": intake.sha256},
    )
    new_hazards = [_hazard(one) for one in findings]
    await insert_rows(
        session,
        *hazard_sets(actor, _origin(envelope, package, site), new_hazards),
        *await determination_sets(session, actor, _facts(envelope, package, site, assessment)),
    )
    await publish(session, _news(envelope, package, site, assessment, findings))
    await issue_receipt_if_complete(session, runtime, package_id)


async def _find_template(session: AsyncSession, envelope: Envelope) -> TemplateVersion:
    wanted = (
        select(TemplateVersion)
        .join(Template, Template.id == TemplateVersion.template_id)
        .where(
            Template.code == envelope.template.code,
            TemplateVersion.content_hash == envelope.template.hash,
            TemplateVersion.status != "draft",
        )
    )
    version = (await session.execute(wanted)).scalars().first()
    if version is None:
        raise CannotProcess("unknown_template")
    return version


async def _check_supersedes(session: AsyncSession, envelope: Envelope) -> None:
    if envelope.supersedes is not None and await session.get(Package, envelope.supersedes.id) is None:
        raise CannotProcess("superseded_package_unknown")


async def _join_visit(session: AsyncSession, envelope: Envelope, site: Site) -> list[Issue]:
    """Make the visit, or join the one a colleague's package made; a visit never moves to another site or day."""
    assignment = await session.get(Assignment, envelope.assignment_id) if envelope.assignment_id else None
    values = {
        "id": envelope.visit_id,
        "assignment_id": assignment.id if assignment else None,
        "authority_id": envelope.authority_id,
        "enterprise_id": envelope.enterprise_id,
        "site_id": site.id,
        "region_id": site.region_id,
        "kind": envelope.kind,
        "visited_on": envelope.legal_date,
        "version": 1,
    }
    await session.execute(insert(Visit).values(values).on_conflict_do_nothing())
    visit = await session.get_one(Visit, envelope.visit_id)
    if (visit.site_id, visit.authority_id) != (site.id, envelope.authority_id):
        raise CannotProcess("visit_of_another_site")
    if visit.visited_on != envelope.legal_date:
        return [
            Issue(
                code="visit_other_date",
                at="legal_date",
                zh="与同一次检查的其他检查包日期不同",
                en="The date differs from the visit's other packages",
            )
        ]
    return []


async def _surroundings(
    session: AsyncSession,
    envelope: Envelope,
    site: Site,
    version: TemplateVersion,
    received_at: datetime,
    certified: set[UUID],
) -> Surroundings:
    assignment = await session.get(Assignment, envelope.assignment_id) if envelope.assignment_id else None
    known = None
    if assignment is not None:
        members = select(AssignmentMember.user_id).where(AssignmentMember.assignment_id == assignment.id)
        known = KnownAssignment(
            assignment.site_id,
            assignment.planned_from,
            assignment.planned_until,
            set((await session.execute(members)).scalars()),
            assignment.status == "cancelled",
        )
    return Surroundings(
        received_at=received_at,
        certified_officers=certified,
        authority_covers_site=await authority_covers(
            session, envelope.authority_id, site.region_id, envelope.legal_date
        ),
        assignment=known,
        template_withdrawn=version.status == "withdrawn",
    )


def _party_issues(envelope: Envelope) -> list[Issue]:
    party = envelope.party
    if party.outcome == "refused" and not (party.reason or "").strip():
        return [
            Issue(
                code="refusal_reason_missing",
                at="party/reason",
                zh="拒签未记录理由",
                en="A refusal without its reason",
            )
        ]
    return []


def _claims(envelope: Envelope) -> list[EvidenceClaim]:
    return [EvidenceClaim(row.question, row.media_type) for row in envelope.evidence]


def _answer_issues(assessment: Assessment) -> list[Issue]:
    return [
        Issue(code=one.code.value, at=f"answers/{one.question}", zh=one.code.zh, en=one.code.en)
        for one in assessment.issues
    ]


def _findings(assessment: Assessment, envelope: Envelope, package: Package) -> list[Finding]:
    """Each non-compliant answer, in reading order; what needs judgement stays with the determination."""
    photos: dict[str, list[UUID]] = {}
    for row in envelope.evidence:
        if row.question:
            photos.setdefault(row.question, []).append(row.id)
    return [
        Finding(
            id=new_id(),
            package_id=package.id,
            visit_id=package.visit_id,
            region_id=package.region_id,
            key=judged.question.path,
            item_code=judged.question.item.code,
            subject=judged.question.entry,
            severity=judged.question.item.severity.value,
            description=judged.question.item.question.zh,
            evidence_ids=photos.get(judged.question.path, []),
        )
        for judged in assessment.judgements
        if judged.outcome is Outcome.NON_COMPLIANT
    ]


async def _close_assignment(session: AsyncSession, envelope: Envelope) -> None:
    """The first package of a visit marks its assignment visited; a cancelled one stays cancelled (the package is flagged)."""
    if envelope.assignment_id is not None:
        await session.execute(
            update(Assignment)
            .where(Assignment.id == envelope.assignment_id, Assignment.status == "assigned")
            .values(status="visited", version=Assignment.version + 1),
            execution_options={"synchronize_session": False},
        )


def _origin(envelope: Envelope, package: Package, site: Site) -> Origin:
    return Origin(
        package_id=package.id,
        visit_id=package.visit_id,
        authority_id=envelope.authority_id,
        enterprise_id=envelope.enterprise_id,
        site_id=site.id,
        region_id=site.region_id,
        found_on=envelope.legal_date,
    )


def _hazard(finding: Finding) -> NewHazard:
    return NewHazard(
        finding.key, finding.item_code, finding.subject, finding.description, finding.evidence_ids
    )


def _facts(envelope: Envelope, package: Package, site: Site, assessment: Assessment) -> PackageFacts:
    outcomes = [(one.outcome, one.question) for one in assessment.judgements]
    return PackageFacts(
        package_id=package.id,
        supersedes_id=package.supersedes_id,
        visit_id=package.visit_id,
        authority_id=envelope.authority_id,
        enterprise_id=envelope.enterprise_id,
        site_id=site.id,
        region_id=site.region_id,
        officer_ids=envelope.officers,
        legal_on=envelope.legal_date,
        facts=assessment.facts,
        findings=[
            FoundItem(question.path, [one.clause for one in question.item.clauses])
            for outcome, question in outcomes
            if outcome is Outcome.NON_COMPLIANT
        ],
        for_a_person=[question.path for outcome, question in outcomes if outcome is Outcome.UNDETERMINED],
    )


def _news(
    envelope: Envelope, package: Package, site: Site, assessment: Assessment, findings: Sequence[Finding]
) -> PackageProcessed:
    return PackageProcessed(
        package_id=package.id,
        visit_id=package.visit_id,
        authority_id=envelope.authority_id,
        enterprise_id=envelope.enterprise_id,
        site_id=site.id,
        region_id=site.region_id,
        user_id=package.user_id,
        legal_date=envelope.legal_date,
        supersedes_id=package.supersedes_id,
        template_code=envelope.template.code,
        facts=tuple(assessment.facts),
        findings=tuple(findings),
    )
