"""Unit two of a package's way: its meaning. Visit, record, manifest, findings, hazards, verdicts, receipt: one statement.

What the statement rests on was read before it (the context). Where somebody came first since then (the same package, the same
new visit), a unique key refuses the whole, and the caller begins again with what is there now.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.events import publish
from app.db.rows import Computed, Part, Rows, insert_rows
from app.models.inspections import Finding, Package
from app.models.numbers import NumberUse
from app.schemas.mobile.packages import Envelope, Issue, PackageAnswer
from app.services.audit.service import rows_of_acts
from app.services.checklists.answers import Assessment, EvidenceClaim, assess_answers
from app.services.checklists.service import published_checklist
from app.services.determinations.service import determination_sets
from app.services.evidence.manifest import claim_arrived, lock_manifest, manifest_sets
from app.services.hazards.corrections import registered_findings
from app.services.hazards.registering import hazard_sets
from app.services.inspections.context import Context, KnownSite
from app.services.inspections.intake import Arrived
from app.services.inspections.policy import submit_action
from app.services.inspections.receipts import CHAINED, issue_receipt_if_complete, receipt_rows
from app.services.inspections.records import (
    finding_rows,
    hazard_origin,
    new_hazard,
    news_of,
    package_facts,
    package_row,
    receipt_subject,
    status_parts,
    submission_act,
    visit_sets,
    withdrawn_findings,
)
from app.services.inspections.reinspection import record_package_results, without_reinspected
from app.services.numbers.judging import judge_numbers
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
    package = package_row(arrived, context, site, assessment)
    findings = finding_rows(assessment, envelope, package)
    new_findings = await without_reinspected(session, envelope, findings)
    if envelope.supersedes is not None:
        registered = await registered_findings(session, envelope.supersedes.id)
        new_findings = [one for one in new_findings if one["key"] not in registered]
        package["issues"] += [issue.model_dump() for issue in withdrawn_findings(registered, findings)]
    numbers = await judge_numbers(session, envelope, arrived.package_id, site.region_id)
    package["issues"] += [issue.model_dump() for issue in numbers.issues]
    actor = Actor(
        kind="user", user_id=arrived.user_id, device_id=arrived.device_id, authority_id=envelope.authority_id
    )
    if envelope.evidence:
        await lock_manifest(session, arrived.package_id)
    facts = package_facts(envelope, package, context, assessment)
    sets: list[Rows | Computed | Part] = [
        *visit_sets(envelope, context, site),
        (Package, [package]),
        (Finding, findings),
        (NumberUse, numbers.rows),
        *status_parts(envelope, arrived.package_id),
        *manifest_sets(arrived.package_id, arrived.device_id, site.region_id, envelope.evidence),
        *rows_of_acts(actor, [submission_act(arrived, site)]),
        *hazard_sets(actor, hazard_origin(envelope, package), [new_hazard(one) for one in new_findings]),
        *(await determination_sets(session, actor, facts) if envelope.kind.is_enforcement else ()),
    ]
    if not envelope.evidence:
        sets += await receipt_rows(session, runtime, receipt_subject(arrived, context), [], context.chain)
    has_receipt = bool(await insert_rows(session, *sets, answer="0" if envelope.evidence else CHAINED))
    missing = {row.id for row in envelope.evidence}
    if missing:
        missing -= await claim_arrived(session, arrived.package_id, site.region_id)
    news = news_of(arrived, site)
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
