"""Unit two of a package's way: its meaning. Visit, record, manifest, findings, and the news other areas react to."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.events import publish
from app.core.ids import new_id
from app.db.rows import insert_rows
from app.enums.checklists import Outcome
from app.enums.inspections import PackageKind
from app.models.checklists import Template, TemplateVersion
from app.models.enterprises import Enterprise, Site, SiteLink
from app.models.inspections import (
    Assignment,
    AssignmentMember,
    Finding,
    Package,
    PackageIntake,
    Visit,
)
from app.models.organizations import Authority
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
    judge_text,
    signable,
)
from app.services.inspections.policy import submit_action
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
    assessment = _assess(envelope, version)
    officers = list(dict.fromkeys(envelope.officers)) if envelope.kind.is_enforcement else []
    certified = await list_certified(session, officers, envelope.legal_date) if officers else set()
    surroundings = await _surroundings(session, envelope, site, version, intake.received_at, certified)
    visit_issues = await _join_visit(session, envelope, site)
    package = Package(
        id=package_id,
        visit_id=envelope.visit_id,
        region_id=site.region_id,
        sha256=intake.sha256,
        schema=envelope.schema_,
        kind=envelope.kind.value,
        supersedes_id=envelope.supersedes.id if envelope.supersedes else None,
        supersedes_reason=envelope.supersedes.reason if envelope.supersedes else None,
        template_version_id=version.id if version else None,
        device_id=intake.device_id,
        user_id=intake.user_id,
        officer_ids=officers,
        answers=envelope.answers,
        party=envelope.party.model_dump(mode="json") if envelope.party else None,
        times=envelope.times.model_dump(mode="json"),
        position=envelope.position.model_dump(mode="json") if envelope.position else None,
        issues=[
            issue.model_dump()
            for issue in (
                *visit_issues,
                *judge_surroundings(envelope, surroundings),
                *judge_evidence(envelope),
                *_party_issues(envelope),
                *judge_text(intake.sealed),
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
    if envelope.kind.is_enforcement:
        await _close_assignment(session, envelope)
    await record_act(
        session,
        actor,
        action=submit_action(envelope.kind),
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


async def _find_template(session: AsyncSession, envelope: Envelope) -> TemplateVersion | None:
    if envelope.template is None:
        return None
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


def _assess(envelope: Envelope, version: TemplateVersion | None) -> Assessment:
    """What the answers are worth; a patrol without a checklist has none."""
    if version is None:
        return Assessment([], [], [])
    checklist = checklist_of(version)
    return assess_answers(checklist, envelope.answers, _claims(envelope), envelope.legal_date)


async def _check_supersedes(session: AsyncSession, envelope: Envelope) -> None:
    """A correction replaces a record of its own family about its own site, nothing else."""
    if envelope.supersedes is None:
        return
    earlier = await session.get(Package, envelope.supersedes.id)
    if earlier is None:
        raise CannotProcess("superseded_package_unknown")
    visit = await session.get_one(Visit, earlier.visit_id)
    if submit_action(earlier.kind) != submit_action(envelope.kind) or visit.site_id != envelope.site_id:
        raise CannotProcess("superseded_package_of_another_kind")
    if not envelope.kind.is_enforcement and (earlier.kind, earlier.user_id) != (
        envelope.kind.value,
        envelope.user_id,
    ):
        raise CannotProcess("superseded_package_of_another_kind")


async def _join_visit(session: AsyncSession, envelope: Envelope, site: Site) -> list[Issue]:
    """Make the visit, or join the one a colleague's package made; a visit never moves to another site or day."""
    assignment = await _assignment(session, envelope)
    values = {
        "id": envelope.visit_id,
        "assignment_id": assignment.id if assignment else None,
        "authority_id": envelope.authority_id,
        "enterprise_id": envelope.enterprise_id,
        "site_id": site.id,
        "region_id": site.region_id,
        "kind": envelope.kind.value,
        "visited_on": envelope.legal_date,
        "version": 1,
    }
    await session.execute(insert(Visit).values(values).on_conflict_do_nothing())
    visit = await session.get_one(Visit, envelope.visit_id)
    if (visit.site_id, visit.authority_id) != (site.id, envelope.authority_id):
        raise CannotProcess("visit_of_another_site")
    await _check_visit_kind(session, envelope, visit)
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


async def _check_visit_kind(session: AsyncSession, envelope: Envelope, visit: Visit) -> None:
    """Officers' and assistants' packages never share a visit; a patrol that follows its own whistle makes the visit one."""
    if submit_action(visit.kind) != submit_action(envelope.kind):
        raise CannotProcess("visit_of_another_kind")
    if (visit.kind, envelope.kind) == (PackageKind.WHISTLE, PackageKind.PATROL):
        await session.execute(
            update(Visit)
            .where(Visit.id == visit.id, Visit.kind == PackageKind.WHISTLE.value)
            .values(kind=PackageKind.PATROL.value, version=Visit.version + 1),
            execution_options={"synchronize_session": False},
        )


async def _assignment(session: AsyncSession, envelope: Envelope) -> Assignment | None:
    if envelope.assignment_id is None or not envelope.kind.is_enforcement:
        return None
    return await session.get(Assignment, envelope.assignment_id)


async def _is_sites_enterprise(session: AsyncSession, envelope: Envelope, site: Site) -> bool:
    """The site's enterprise, or its operator or landlord on the day; raises CannotProcess when there is no such enterprise."""
    if envelope.enterprise_id == site.enterprise_id:
        return True
    if await session.get(Enterprise, envelope.enterprise_id) is None:
        raise CannotProcess("unknown_enterprise")
    linked = select(SiteLink.id).where(
        SiteLink.site_id == site.id,
        SiteLink.enterprise_id == envelope.enterprise_id,
        SiteLink.valid_from <= envelope.legal_date,
        or_(SiteLink.valid_until.is_(None), SiteLink.valid_until >= envelope.legal_date),
    )
    return (await session.execute(linked.limit(1))).first() is not None


async def _authority_covers(session: AsyncSession, envelope: Envelope, site: Site) -> bool:
    covers = await authority_covers(session, envelope.authority_id, site.region_id, envelope.legal_date)
    if not covers and await session.get(Authority, envelope.authority_id) is None:
        raise CannotProcess("unknown_authority")
    return covers


async def _surroundings(
    session: AsyncSession,
    envelope: Envelope,
    site: Site,
    version: TemplateVersion | None,
    received_at: datetime,
    certified: set[UUID],
) -> Surroundings:
    assignment = await _assignment(session, envelope)
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
        authority_covers_site=await _authority_covers(session, envelope, site),
        is_sites_enterprise=await _is_sites_enterprise(session, envelope, site),
        assignment=known,
        template_withdrawn=version is not None and version.status == "withdrawn",
    )


def _party_issues(envelope: Envelope) -> list[Issue]:
    party = envelope.party
    if party is not None and party.outcome == "refused" and not (party.reason or "").strip():
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
    """Each non-compliant answer, in reading order; what needs judgement stays with the determination.

    Only officers find: an assistant's answers are remarks until officers have been there.
    """
    if not envelope.kind.is_enforcement:
        return []
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
        envelope=envelope,
        package_id=package.id,
        kind=envelope.kind,
        visit_id=package.visit_id,
        authority_id=envelope.authority_id,
        enterprise_id=envelope.enterprise_id,
        site_id=site.id,
        region_id=site.region_id,
        user_id=package.user_id,
        legal_date=envelope.legal_date,
        supersedes_id=package.supersedes_id,
        template_code=envelope.template.code if envelope.template else None,
        facts=tuple(assessment.facts) if envelope.kind.is_enforcement else (),
        findings=tuple(findings),
    )
