"""What a processed package becomes: the rows, parts and news that processing writes and tells. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.core.clock import utc_now
from app.core.ids import new_id
from app.db.rows import Part, Rows
from app.enums.checklists import Outcome
from app.enums.inspections import PackageKind
from app.models.inspections import Visit
from app.schemas.mobile.packages import Envelope, Issue
from app.services.audit.service import Act
from app.services.checklists.answers import Assessment
from app.services.determinations.facts import FoundItem, PackageFacts
from app.services.hazards.registering import NewHazard, Origin
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
from app.services.inspections.receipts import ReceiptSubject, template_of_receipt
from app.services.inspections.revisions import Place, Replaced


def package_row(
    arrived: Arrived, context: Context, site: KnownSite, assessment: Assessment, place: Place
) -> dict[str, Any]:
    """The record's row."""
    envelope = arrived.envelope
    return {
        "id": arrived.package_id,
        "visit_id": envelope.visit_id,
        "region_id": site.region_id,
        "sha256": arrived.sha256,
        "schema": envelope.schema_,
        "kind": envelope.kind.value,
        "risk_unit_id": site.risk_unit_id,
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
        "issues": [*place.issues, *_issues(arrived, context, site, assessment)],
        **place.columns,
        "is_signable": signable(envelope, context.certified, arrived.received_at),
        "received_at": arrived.received_at,
        "version": 1,
    }


def _officers(envelope: Envelope) -> list[UUID]:
    return list(dict.fromkeys(envelope.officers)) if envelope.kind.is_enforcement else []


def _issues(arrived: Arrived, context: Context, site: KnownSite, assessment: Assessment) -> list[Issue]:
    """Every flag, in a stable order."""
    envelope = arrived.envelope
    surroundings = Surroundings(
        received_at=arrived.received_at,
        certified_officers=context.certified,
        authority_covers_site=context.authority_covers_site,
        is_sites_enterprise=site.is_enterprises,
        is_sites_unit=site.risk_unit_id == envelope.risk_unit_id,
        assignment=context.assignment,
        template_withdrawn=context.template is not None and context.template.status == "withdrawn",
    )
    return [
        *_origin_issues(arrived),
        *_visit_issues(envelope, context),
        *judge_surroundings(envelope, surroundings),
        *judge_evidence(envelope),
        *_party_issues(envelope),
        *judge_text(arrived.sealed),
        *_answer_issues(assessment),
    ]


def _origin_issues(arrived: Arrived) -> list[Issue]:
    if arrived.origin != "intake":
        return []
    return [
        Issue(
            code="delivered_after_revocation",
            at=None,
            zh="由已停用的终端经收件口交来，经人工放行；不能证明封存于停用之前",
            en="A revoked phone handed this in and a person released it; nothing proves that it was sealed before the revocation",
        )
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


def visit_sets(envelope: Envelope, context: Context, site: KnownSite) -> list[Rows | Part]:
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
PROCESSING = (
    "UPDATE package_intakes SET status = 'processed' "
    "WHERE package_id = ANY(CAST(:package_ids AS uuid[])) AND status IS NOT DISTINCT FROM 'received' "
    "RETURNING package_id"
)
"""Not `=`: that would invite the index of what waits, which holds every package since the last vacuum as a dead entry."""
PROCESSED = "(SELECT count(*) FROM processed)"
"""Asked of insert_rows: how many of the intakes still waited."""
ASKED = "cardinality(CAST(:package_ids AS uuid[]))"
"""And of how many that was asked."""
_VISITED = (
    "UPDATE assignments SET status = 'visited', version = version + 1, updated_at = :visited_at "
    "WHERE id = ANY(CAST(:assignment_ids AS uuid[])) AND status = 'assigned' RETURNING id, version, region_id"
)
_VISIT_TOLD = (
    "INSERT INTO changes (at, kind, object_id, version, region_id) "
    "SELECT :visited_at, 'assignment', id, version, region_id FROM visited"
)


def status_parts(envelopes: Sequence[Envelope]) -> list[Part]:
    """The intakes are done; the first package of a visit marks its assignment visited (a cancelled one stays cancelled)."""
    parts = [Part("processed", PROCESSING, {"package_ids": [envelope.id for envelope in envelopes]})]
    done = {
        envelope.assignment_id
        for envelope in envelopes
        if envelope.kind.is_enforcement and envelope.assignment_id is not None
    }
    if done:
        values = {"assignment_ids": list(done), "visited_at": utc_now()}
        parts += [Part("visited", _VISITED, values), Part("visit_told", _VISIT_TOLD)]
    return parts


def submission_act(arrived: Arrived, site: KnownSite) -> Act:
    """What the audit log says of a processed package."""
    return Act(
        action=submit_action(arrived.envelope.kind),
        kind="package",
        object_id=arrived.package_id,
        version=1,
        region_id=site.region_id,
        after={"sha256": arrived.sha256},
    )


def receipt_subject(arrived: Arrived, context: Context) -> ReceiptSubject:
    """What the receipt of a package is about."""
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


def finding_rows(
    assessment: Assessment, envelope: Envelope, package: Mapping[str, Any]
) -> list[dict[str, Any]]:
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


def withdrawn_findings(registered: Collection[str], findings: Sequence[dict[str, Any]]) -> list[Issue]:
    """A correction that no longer finds what stands in the registry: the hazard stays until a person decides."""
    found = {finding["key"] for finding in findings}
    return [
        Issue(
            code="finding_withdrawn",
            at=f"answers/{key}",
            zh="更正后不再认定该问题，已登记的隐患须由人工处理",
            en="The correction no longer finds this; a person decides about the registered hazard",
        )
        for key in sorted(set(registered) - found)
    ]


def hazard_origin(envelope: Envelope, package: Mapping[str, Any]) -> Origin:
    """Where the hazards of a package come from."""
    return Origin(
        package_id=package["id"],
        visit_id=package["visit_id"],
        authority_id=envelope.authority_id,
        enterprise_id=envelope.enterprise_id,
        site_id=envelope.site_id,
        region_id=package["region_id"],
        risk_unit_id=package["risk_unit_id"],
        found_on=envelope.legal_date,
    )


def new_hazard(finding: dict[str, Any]) -> NewHazard:
    """A finding as the registry takes it."""
    return NewHazard(
        finding["key"],
        finding["item_code"],
        finding["subject"],
        finding["description"],
        finding["evidence_ids"],
    )


def package_facts(
    envelope: Envelope,
    package: Mapping[str, Any],
    context: Context,
    assessment: Assessment,
    replaces: Replaced | None,
) -> PackageFacts:
    """What a package says to the determination, in the place of the one it replaces."""
    outcomes = [(one.outcome, one.question) for one in assessment.judgements]
    return PackageFacts(
        package_id=package["id"],
        supersedes_id=replaces.id if replaces else None,
        superseded_visit_id=replaces.visit_id if replaces else None,
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
        risk_unit_id=package["risk_unit_id"],
        visit_is_new=context.visit is None,
        trades=context.trades,
    )


def news_of(arrived: Arrived, site: KnownSite, *, stands: bool) -> PackageProcessed:
    """The news that a package has been processed."""
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
        stands=stands,
    )
