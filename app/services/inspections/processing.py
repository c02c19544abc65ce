"""Unit two of a package's way: its meaning. Visit, record, manifest, findings, hazards, verdicts, receipt: one statement.

What the statement rests on was read before it (the context). Where somebody came first since then (the same package, the same
new visit), a unique key refuses the whole, and the caller begins again with what is there now.
"""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.events import publish
from app.core.ids import new_id
from app.db.rows import Computed, Part, Rows, insert_rows
from app.enums.checklists import Outcome
from app.enums.inspections import PackageKind
from app.models.inspections import Finding, Package, Visit
from app.schemas.mobile.packages import Envelope, Issue, PackageAnswer
from app.services.audit.service import Act, rows_of_acts
from app.services.checklists.answers import Assessment, EvidenceClaim, assess_answers
from app.services.checklists.service import published_checklist
from app.services.determinations.facts import FoundItem, PackageFacts
from app.services.determinations.service import determination_sets
from app.services.evidence.manifest import claim_arrived, lock_manifest, manifest_sets
from app.services.hazards.registering import NewHazard, Origin, hazard_sets
from app.services.inspections.context import Context, KnownSite
from app.services.inspections.events import PackageProcessed
from app.services.inspections.intake import Arrived
from app.services.inspections.judgement import (
    Surroundings,
    judge_evidence,
    judge_surroundings,
    judge_text,
    signable,
)
from app.services.inspections.policy import submit_action
from app.services.inspections.receipts import (
    CHAINED,
    ReceiptSubject,
    issue_receipt_if_complete,
    receipt_rows,
    template_of_receipt,
)
from app.services.inspections.reinspection import record_package_results, without_reinspected
from app.services.runtime import Runtime


class CannotProcess(Exception):
    """The package needs a person; `reason` is a stable word."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


async def process_package(
    session: AsyncSession, runtime: Runtime, arrived: Arrived, context: Context
) -> PackageAnswer:
    """Write everything a kept package means; returns what the phone is told of it.

    Raises CannotProcess when a person must look, and IntegrityError (unique) when the context is out of date.
    """
    envelope = arrived.envelope
    site = _check(envelope, context)
    assessment = await _assess(session, envelope, context)
    package = _package(arrived, context, site, assessment)
    findings = _findings(assessment, envelope, package)
    new_findings = await without_reinspected(session, envelope, findings)
    actor = Actor(
        kind="user", user_id=arrived.user_id, device_id=arrived.device_id, authority_id=envelope.authority_id
    )
    if envelope.evidence:
        await lock_manifest(session, arrived.package_id)
    facts = _facts(envelope, package, context, assessment)
    sets: list[Rows | Computed | Part] = [
        *_visit_sets(envelope, context, site),
        (Package, [package]),
        (Finding, findings),
        *_status_parts(envelope, arrived.package_id),
        *manifest_sets(arrived.package_id, arrived.device_id, site.region_id, envelope.evidence),
        *rows_of_acts(actor, [_act(arrived, site)]),
        *hazard_sets(actor, _origin(envelope, package), [_hazard(one) for one in new_findings]),
        *(await determination_sets(session, actor, facts) if envelope.kind.is_enforcement else ()),
    ]
    if not envelope.evidence:
        sets += await receipt_rows(session, runtime, _subject(arrived, context), [], context.chain)
    has_receipt = bool(await insert_rows(session, *sets, answer="0" if envelope.evidence else CHAINED))
    missing = {row.id for row in envelope.evidence}
    if missing:
        missing -= await claim_arrived(session, arrived.package_id, site.region_id)
    news = _news(arrived, site)
    results = await record_package_results(session, news)
    await publish(session, news)
    if not has_receipt and not missing:
        has_receipt = await issue_receipt_if_complete(session, runtime, arrived.package_id)
    return PackageAnswer(
        id=arrived.package_id,
        hash=arrived.sha256,
        status="processed",
        issues=[*(Issue.model_validate(issue) for issue in package["issues"]), *results],
        signable=package["is_signable"],
        missing_evidence=sorted(missing),
        receipt=has_receipt,
    )


def _check(envelope: Envelope, context: Context) -> KnownSite:
    """What a package must rest on; raises CannotProcess with the first thing that is not there."""
    if context.site is None:
        raise CannotProcess("unknown_site")
    if context.trades is None:
        raise CannotProcess("unknown_enterprise")
    if not context.is_authority_known:
        raise CannotProcess("unknown_authority")
    if envelope.template is not None and context.template is None:
        raise CannotProcess("unknown_template")
    _check_superseded(envelope, context)
    _check_visit(envelope, context)
    return context.site


def _check_superseded(envelope: Envelope, context: Context) -> None:
    """A correction replaces a record of its own family about its own site, nothing else."""
    if envelope.supersedes is None:
        return
    earlier = context.superseded
    if earlier is None:
        raise CannotProcess("superseded_package_unknown")
    is_same_family = submit_action(earlier.kind) == submit_action(envelope.kind)
    is_own = (earlier.kind, earlier.user_id) == (envelope.kind.value, envelope.user_id)
    if not is_same_family or earlier.site_id != envelope.site_id:
        raise CannotProcess("superseded_package_of_another_kind")
    if not envelope.kind.is_enforcement and not is_own:
        raise CannotProcess("superseded_package_of_another_kind")


def _check_visit(envelope: Envelope, context: Context) -> None:
    """A visit never moves to another site, and officers' and assistants' packages never share one."""
    visit = context.visit
    if visit is None:
        return
    if (visit.site_id, visit.authority_id) != (envelope.site_id, envelope.authority_id):
        raise CannotProcess("visit_of_another_site")
    if submit_action(visit.kind) != submit_action(envelope.kind):
        raise CannotProcess("visit_of_another_kind")


async def _assess(session: AsyncSession, envelope: Envelope, context: Context) -> Assessment:
    """What the answers are worth; a patrol without a checklist has none."""
    if context.template is None:
        return Assessment([], [], [])
    checklist = await published_checklist(session, context.template.id, context.template.content_hash)
    claims = [EvidenceClaim(row.question, row.media_type) for row in envelope.evidence]
    return assess_answers(checklist, envelope.answers, claims, envelope.legal_date)


def _package(arrived: Arrived, context: Context, site: KnownSite, assessment: Assessment) -> dict[str, Any]:
    """The record's row."""
    envelope = arrived.envelope
    return {
        "id": arrived.package_id,
        "visit_id": envelope.visit_id,
        "region_id": site.region_id,
        "sha256": arrived.sha256,
        "schema": envelope.schema_,
        "kind": envelope.kind.value,
        "supersedes_id": envelope.supersedes.id if envelope.supersedes else None,
        "supersedes_reason": envelope.supersedes.reason if envelope.supersedes else None,
        "template_version_id": context.template.id if context.template else None,
        "device_id": arrived.device_id,
        "user_id": arrived.user_id,
        "officer_ids": _officers(envelope),
        "answers": envelope.answers,
        "party": envelope.party.model_dump(mode="json") if envelope.party else None,
        "times": envelope.times.model_dump(mode="json"),
        "position": envelope.position.model_dump(mode="json") if envelope.position else None,
        "issues": [issue.model_dump() for issue in _issues(arrived, context, site, assessment)],
        "is_signable": signable(envelope, context.certified),
        "received_at": arrived.received_at,
        "version": 1,
    }


def _officers(envelope: Envelope) -> list[UUID]:
    return list(dict.fromkeys(envelope.officers)) if envelope.kind.is_enforcement else []


def _issues(arrived: Arrived, context: Context, site: KnownSite, assessment: Assessment) -> list[Issue]:
    """Every flag, in a stable order."""
    surroundings = Surroundings(
        received_at=arrived.received_at,
        certified_officers=context.certified,
        authority_covers_site=context.authority_covers_site,
        is_sites_enterprise=site.is_enterprises,
        assignment=context.assignment,
        template_withdrawn=context.template is not None and context.template.status == "withdrawn",
    )
    return [
        *_visit_issues(arrived.envelope, context),
        *judge_surroundings(arrived.envelope, surroundings),
        *judge_evidence(arrived.envelope),
        *_party_issues(arrived.envelope),
        *judge_text(arrived.sealed),
        *_answer_issues(assessment),
    ]


def _visit_issues(envelope: Envelope, context: Context) -> list[Issue]:
    if context.visit is None or context.visit.visited_on == envelope.legal_date:
        return []
    return [
        Issue(
            code="visit_other_date",
            at="legal_date",
            zh="与同一次检查的其他检查包日期不同",
            en="The date differs from the visit's other packages",
        )
    ]


def _visit_sets(envelope: Envelope, context: Context, site: KnownSite) -> list[Rows | Part]:
    """A new visit's row; a patrol that follows its own whistle makes the visit a patrol."""
    if context.visit is None:
        visit = {
            "id": envelope.visit_id,
            "assignment_id": envelope.assignment_id if context.assignment else None,
            "authority_id": envelope.authority_id,
            "enterprise_id": envelope.enterprise_id,
            "site_id": site.id,
            "region_id": site.region_id,
            "kind": envelope.kind.value,
            "visited_on": envelope.legal_date,
            "version": 1,
        }
        return [(Visit, [visit])]
    if (context.visit.kind, envelope.kind) == (PackageKind.WHISTLE.value, PackageKind.PATROL):
        return [Part("patrolled", _MAKE_PATROL, {"visit_id": envelope.visit_id, "patrolled_at": utc_now()})]
    return []


_MAKE_PATROL = (
    "UPDATE visits SET kind = 'patrol', version = version + 1, updated_at = :patrolled_at "
    "WHERE id = :visit_id AND kind = 'whistle'"
)
_PROCESSED = (
    "UPDATE package_intakes SET status = 'processed' WHERE package_id = :package_id AND status = 'received'"
)
_VISITED = (
    "UPDATE assignments SET status = 'visited', version = version + 1, updated_at = :visited_at "
    "WHERE id = :assignment_id AND status = 'assigned'"
)


def _status_parts(envelope: Envelope, package_id: UUID) -> list[Part]:
    """The intake is done; the first package of a visit marks its assignment visited (a cancelled one stays cancelled)."""
    parts = [Part("processed", _PROCESSED, {"package_id": package_id})]
    if envelope.kind.is_enforcement and envelope.assignment_id is not None:
        values = {"assignment_id": envelope.assignment_id, "visited_at": utc_now()}
        parts.append(Part("visited", _VISITED, values))
    return parts


def _act(arrived: Arrived, site: KnownSite) -> Act:
    return Act(
        action=submit_action(arrived.envelope.kind),
        kind="package",
        object_id=arrived.package_id,
        version=1,
        region_id=site.region_id,
        after={"sha256": arrived.sha256},
    )


def _subject(arrived: Arrived, context: Context) -> ReceiptSubject:
    template = context.template
    return ReceiptSubject(
        package_id=arrived.package_id,
        sha256=arrived.sha256,
        visit_id=arrived.envelope.visit_id,
        device_id=arrived.device_id,
        received_at=arrived.received_at,
        template=template_of_receipt(template.id, template.number, template.content_hash)
        if template
        else None,
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


def _answer_issues(assessment: Assessment) -> list[Issue]:
    return [
        Issue(code=one.code.value, at=f"answers/{one.question}", zh=one.code.zh, en=one.code.en)
        for one in assessment.issues
    ]


def _findings(assessment: Assessment, envelope: Envelope, package: dict[str, Any]) -> list[dict[str, Any]]:
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
        {
            "id": new_id(),
            "package_id": package["id"],
            "visit_id": package["visit_id"],
            "region_id": package["region_id"],
            "key": judged.question.path,
            "item_code": judged.question.item.code,
            "subject": judged.question.entry,
            "severity": judged.question.item.severity.value,
            "description": judged.question.item.question.zh,
            "evidence_ids": photos.get(judged.question.path, []),
        }
        for judged in assessment.judgements
        if judged.outcome is Outcome.NON_COMPLIANT
    ]


def _origin(envelope: Envelope, package: dict[str, Any]) -> Origin:
    return Origin(
        package_id=package["id"],
        visit_id=package["visit_id"],
        authority_id=envelope.authority_id,
        enterprise_id=envelope.enterprise_id,
        site_id=envelope.site_id,
        region_id=package["region_id"],
        found_on=envelope.legal_date,
    )


def _hazard(finding: dict[str, Any]) -> NewHazard:
    return NewHazard(
        finding["key"],
        finding["item_code"],
        finding["subject"],
        finding["description"],
        finding["evidence_ids"],
    )


def _facts(
    envelope: Envelope, package: dict[str, Any], context: Context, assessment: Assessment
) -> PackageFacts:
    outcomes = [(one.outcome, one.question) for one in assessment.judgements]
    return PackageFacts(
        package_id=package["id"],
        supersedes_id=package["supersedes_id"],
        visit_id=package["visit_id"],
        authority_id=envelope.authority_id,
        enterprise_id=envelope.enterprise_id,
        site_id=envelope.site_id,
        region_id=package["region_id"],
        officer_ids=envelope.officers,
        legal_on=envelope.legal_date,
        facts=assessment.facts,
        findings=[
            FoundItem(question.path, [one.clause for one in question.item.clauses])
            for outcome, question in outcomes
            if outcome is Outcome.NON_COMPLIANT
        ],
        for_a_person=[question.path for outcome, question in outcomes if outcome is Outcome.UNDETERMINED],
        visit_is_new=context.visit is None,
        trades=context.trades,
    )


def _news(arrived: Arrived, site: KnownSite) -> PackageProcessed:
    envelope = arrived.envelope
    return PackageProcessed(
        envelope=envelope,
        kind=envelope.kind,
        package_id=arrived.package_id,
        visit_id=envelope.visit_id,
        authority_id=envelope.authority_id,
        enterprise_id=envelope.enterprise_id,
        site_id=site.id,
        region_id=site.region_id,
        user_id=arrived.user_id,
        legal_date=envelope.legal_date,
        supersedes_id=envelope.supersedes.id if envelope.supersedes else None,
    )
