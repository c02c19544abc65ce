"""Unit two of packages' way: their meaning. Visits, records, manifests, findings, hazards, verdicts, receipts: one statement.

What the statement rests on was read before it (the context). Where somebody came first since then (the same package, the same
new visit), a unique key refuses the whole, and the caller begins again with what is there now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.events import publish
from app.db.rows import Computed, Part, Rows, insert_rows
from app.db.session import OnceSession
from app.enums.inspections import PackageKind
from app.models.inspections import Finding, Package
from app.models.numbers import NumberUse
from app.schemas.mobile.packages import Envelope, Issue, PackageAnswer
from app.services.audit.service import rows_of_acts
from app.services.checklists.answers import Assessment, EvidenceClaim, assess_answers
from app.services.checklists.service import published_checklist
from app.services.determinations.service import determination_sets
from app.services.evidence.arrivals import file_row
from app.services.evidence.manifest import all_verified, claim_arrived, lock_manifests, manifest_sets
from app.services.evidence.service import hold_all
from app.services.hazards.corrections import registered_findings
from app.services.hazards.registering import hazard_sets
from app.services.inspections.context import Context, KnownSite
from app.services.inspections.intake import Arrived
from app.services.inspections.policy import submit_action
from app.services.inspections.receipts import CHAINED, issue_receipt_if_complete, receipt_rows
from app.services.inspections.records import (
    ASKED,
    PROCESSED,
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
from app.services.inspections.revisions import Place, Replaced, take_place
from app.services.numbers.judging import judge_numbers
from app.services.runtime import Runtime


class CannotProcess(Exception):
    """The package needs a person; `reason` is a stable word."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class NotWaiting(Exception):
    """The package was set aside or decided meanwhile; nothing was written of it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A kept package and what was known beside it when it was looked at."""

    arrived: Arrived
    context: Context


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What one package says, before anything of it is written; one that does not take its place has no effect but its record."""

    arrived: Arrived
    context: Context
    site: KnownSite
    assessment: Assessment
    package: dict[str, Any]
    findings: Sequence[dict[str, Any]]
    new_findings: Sequence[dict[str, Any]]
    numbers: Sequence[dict[str, Any]]
    place: Place

    @property
    def envelope(self) -> Envelope:
        return self.arrived.envelope


def standing_together(waiting: Sequence[Waiting]) -> list[Waiting]:
    """Those of one phone's packages that process_packages can take at once: each opens a visit of its own, and none speaks of
    what stands in the registry (a correction, a re-inspection). They share the authority and the year whose numbers they take.
    """
    together: list[Waiting] = []
    visits = set()
    for one in waiting:
        envelope = one.arrived.envelope
        if not _stands_alone(one) and envelope.visit_id not in visits:
            first = together[0].arrived.envelope if together else envelope
            if _series_of(envelope) == _series_of(first):
                together.append(one)
        visits.add(envelope.visit_id)
    return together


def _stands_alone(one: Waiting) -> bool:
    envelope = one.arrived.envelope
    if envelope.supersedes or envelope.hazards or envelope.kind is PackageKind.REINSPECTION:
        return True
    if one.context.is_processed or one.context.visit is not None:
        return True
    try:
        _check(envelope, one.context)
    except CannotProcess:
        return True
    return False


def _series_of(envelope: Envelope) -> tuple[Any, ...]:
    return envelope.authority_id, envelope.legal_date.year


def is_one_statement(one: Waiting) -> bool:
    """True of an inspection whose whole meaning one statement writes: it opens its visit, has every file it declares none of,
    and speaks of nothing that must be looked up, locked or written besides (a correction, a re-inspection, numbered documents).
    """
    envelope, context = one.arrived.envelope, one.context
    speaks_of_more = envelope.supersedes or envelope.hazards or envelope.documents or envelope.evidence
    return envelope.kind is PackageKind.INSPECTION and context.visit is None and not speaks_of_more


async def process_packages(
    session: AsyncSession, runtime: Runtime, waiting: Sequence[Waiting]
) -> list[PackageAnswer]:
    """Write everything that kept packages mean, one or several that stand together; returns what the phone is told of each.

    Raises CannotProcess when a person must look, NotWaiting when one is not to be processed any more, and IntegrityError
    (unique) when a context is out of date. With a session that writes once, for packages that are one statement each, the last two
    and a receipt that came in between are refused by the statement itself: DBAPIError (serialization failure).
    """
    arrived = waiting[0].arrived
    actor = Actor(
        kind="user",
        user_id=arrived.user_id,
        device_id=arrived.device_id,
        authority_id=arrived.envelope.authority_id,
    )
    held = [await _hold_files(session, runtime, one) for one in waiting]
    meanings = [await _understand(session, actor, one) for one in held]
    first = meanings[0]
    in_want = [one.arrived.package_id for one in meanings if not one.arrived.is_whole]
    if in_want:
        await lock_manifests(session, in_want)
    sets: list[Rows | Computed | Part] = []
    for one in meanings:
        sets += await _rows_of(session, actor, one)
    sets += status_parts([one.envelope for one in meanings])
    sets += hazard_sets(
        actor,
        [
            (hazard_origin(one.envelope, one.package), new_hazard(finding))
            for one in meanings
            for finding in one.new_findings
        ],
    )
    complete = [
        (receipt_subject(one.arrived, one.context), all_verified(one.envelope.evidence))
        for one in meanings
        if one.arrived.is_whole
    ]
    sets += await receipt_rows(session, runtime, complete, first.context.chain)
    chained = CHAINED if complete else "0"
    answer = f"ARRAY[{chained}, {PROCESSED}]"
    if isinstance(session, OnceSession):
        answer = f"CASE WHEN refuse_unless({CHAINED} = 1 AND {PROCESSED} = {ASKED}) THEN {answer} END"
    added, done = await insert_rows(session, *sets, answer=answer)
    if done < len(meanings):
        raise NotWaiting
    has_receipts = bool(added)
    claimed = await claim_arrived(session, in_want) if in_want else {}
    answers = []
    for one in meanings:
        missing = set() if one.arrived.is_whole else {row.id for row in one.envelope.evidence}
        missing -= claimed.get(one.arrived.package_id, set())
        news = news_of(one.arrived, one.site, stands=one.place.stands)
        results = await record_package_results(session, news) if one.place.stands else []
        await publish(session, news)
        has_receipt = has_receipts and one.arrived.is_whole
        if not has_receipt and not missing:
            has_receipt = await issue_receipt_if_complete(session, runtime, one.arrived.package_id)
        answers.append(
            PackageAnswer(
                id=one.arrived.package_id,
                hash=one.arrived.sha256,
                status="processed",
                issues=[*one.package["issues"], *results],
                signable=one.package["is_signable"],
                missing_evidence=sorted(missing),
                receipt=has_receipt,
            )
        )
    return answers


async def _hold_files(session: AsyncSession, runtime: Runtime, one: Waiting) -> Waiting:
    """The package with the files it came with; without them if they are to be registered one by one."""
    if not one.arrived.files or await hold_all(session, runtime, one.arrived.device_id, one.arrived.files):
        return one
    return replace(one, arrived=replace(one.arrived, files=()))


async def _understand(session: AsyncSession, actor: Actor, one: Waiting) -> _Meaning:
    arrived, context = one.arrived, one.context
    envelope = arrived.envelope
    site = _check(envelope, context)
    assessment = await _assess(session, envelope, context)
    place = await take_place(session, actor, envelope, context.superseded)
    package = package_row(arrived, context, site, assessment, place)
    findings = finding_rows(assessment, envelope, package)
    new_findings, withdrawn = await _for_the_registry(session, envelope, findings, place)
    numbers = await judge_numbers(session, envelope, arrived.package_id, site.region_id)
    package["issues"] += [*withdrawn, *numbers.issues]
    return _Meaning(arrived, context, site, assessment, package, findings, new_findings, numbers.rows, place)


async def _for_the_registry(
    session: AsyncSession, envelope: Envelope, findings: Sequence[dict[str, Any]], place: Place
) -> tuple[Sequence[dict[str, Any]], list[Issue]]:
    """The findings to register, and flags for what a correction no longer finds; nothing of a package that does not stand."""
    if not place.stands:
        return [], []
    new_findings = await without_reinspected(session, envelope, findings)
    if place.replaces is None:
        return new_findings, []
    registered = await registered_findings(session, place.replaces.id)
    new_findings = [one for one in new_findings if one["key"] not in registered]
    return new_findings, withdrawn_findings(registered, findings)


async def _rows_of(session: AsyncSession, actor: Actor, one: _Meaning) -> list[Rows | Part]:
    """What one package writes by itself."""
    envelope, arrived = one.envelope, one.arrived
    return [
        *visit_sets(envelope, one.context, one.site),
        (Package, [one.package]),
        (Finding, one.findings),
        (NumberUse, one.numbers),
        *manifest_sets(
            arrived.package_id, arrived.device_id, one.site.region_id, envelope.evidence, _file_rows(arrived)
        ),
        *rows_of_acts(actor, [submission_act(arrived, one.site)]),
        *(await _verdicts_of(session, actor, one) if one.place.stands else ()),
    ]


async def _verdicts_of(session: AsyncSession, actor: Actor, one: _Meaning) -> Sequence[Rows]:
    if not one.envelope.kind.is_enforcement:
        return ()
    facts = package_facts(one.envelope, one.package, one.context, one.assessment, one.place.replaces)
    return await determination_sets(session, actor, facts)


async def let_stand(
    session: AsyncSession,
    actor: Actor,
    arrived: Arrived,
    context: Context,
    package: Mapping[str, Any],
    replaces: Replaced,
) -> list[Issue]:
    """A package kept as a fork takes effect in the place of another: hazards, verdicts, results. Gives flags for it.

    `package`: its row's id, visit_id, region_id and risk_unit_id. The caller has locked what it replaces.
    """
    envelope = arrived.envelope
    site, place = _check(envelope, context), Place(replaces.id, replaces=replaces)
    assessment = await _assess(session, envelope, context)
    row = dict(package)
    findings = finding_rows(assessment, envelope, row)
    new_findings, withdrawn = await _for_the_registry(session, envelope, findings, place)
    meaning = _Meaning(arrived, context, site, assessment, row, findings, new_findings, (), place)
    registered = [(hazard_origin(envelope, row), new_hazard(finding)) for finding in new_findings]
    await insert_rows(session, *hazard_sets(actor, registered), *await _verdicts_of(session, actor, meaning))
    await record_package_results(session, news_of(arrived, site, stands=True))
    return withdrawn


def _file_rows(arrived: Arrived) -> list[dict[str, Any]]:
    return [
        file_row(arrived.user_id, arrived.device_id, one.arrival) | {"flags": []} for one in arrived.files
    ]


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
