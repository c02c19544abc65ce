"""Putting a version of the rules into force on a day, by a second person, and keeping it from that while there is time."""

from datetime import timedelta
from uuid import UUID

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today, utc_now
from app.core.errors import ConflictProblem
from app.db.versions import compare_and_set
from app.models.rulesets import RulesetVersion
from app.schemas.rulesets import TrialView
from app.services.determinations.errors import (
    RulesetBaseProblem,
    RulesetCasesProblem,
    RulesetDateProblem,
    RulesetEditorProblem,
    RulesetFollowedProblem,
    RulesetInForceProblem,
    RulesetNameTakenProblem,
    RulesetUnchangedProblem,
)
from app.services.determinations.ruleset_content import Cases, Content, check_content
from app.services.determinations.ruleset_drafting import record_ruleset_step, require_step, state_of
from app.services.determinations.ruleset_repository import (
    Before,
    Row,
    get_before,
    get_ruleset_version,
    is_name_taken,
    list_editors,
    lock_ruleset,
    newest_before,
    require_city,
)
from app.services.determinations.ruleset_trial import try_cases
from app.services.determinations.ruleset_workflow import (
    LEAD,
    TRANSITIONS,
    earliest_day,
    is_revocable,
    is_second_person,
)


async def try_version(session: AsyncSession, actor: Actor, version_id: UUID) -> TrialView:
    """Run a version's cases and say what is lacking; nothing is kept."""
    version = (await get_ruleset_version(session, actor, version_id)).version
    before = await get_before(session, version.ruleset, version.base)
    return await to_thread.run_sync(try_cases, before.content, before.cases, version.content, version.cases)


async def publish_version(session: AsyncSession, actor: Actor, version_id: UUID, expected: int) -> Row:
    """Publish a draft; from then on it never changes, and from its day on visits are judged by it.

    Two publications of a standard come one after the other: the second finds its draft's base outdated. Raises
    RulesetStateProblem, RulesetEditorProblem, RulesetBaseProblem, RulesetNameTakenProblem, RulesetDateProblem,
    RulesetInvalidProblem, RulesetUnchangedProblem, RulesetCasesProblem, ConflictProblem.
    """
    draft = await _held_for("publish", session, actor, version_id, expected)
    newest = await newest_before(session, draft.ruleset)
    if newest.name != draft.base:
        raise RulesetBaseProblem(newest=newest.name, base=draft.base)
    if await is_name_taken(session, draft.ruleset, draft.name):
        raise RulesetNameTakenProblem(name=draft.name)
    _check_day(draft, newest)
    await to_thread.run_sync(_check_cases, newest, draft.content, draft.cases)
    before = state_of(draft)
    values = {"status": "published", "published_at": utc_now(), "published_by": actor.user_id}
    published = await compare_and_set(session, draft, expected, **values)
    await record_ruleset_step(session, actor, published, "publish", "draft", "published", before=before)
    return Row(published, "published")


async def revoke_version(
    session: AsyncSession, actor: Actor, version_id: UUID, expected: int, reason: str
) -> Row:
    """Keep a published version from taking effect. The row stays as it is; the step says so, and why.

    Raises RulesetStateProblem, ConflictProblem, RulesetEditorProblem, RulesetFollowedProblem, RulesetInForceProblem.
    """
    version = await _held_for("revoke", session, actor, version_id, expected)
    if not is_revocable(version.in_force_from, utc_now()):
        raise RulesetInForceProblem
    newest = await newest_before(session, version.ruleset)
    if newest.name != version.name:
        raise RulesetFollowedProblem(newest=newest.name)
    before = state_of(version)
    await record_ruleset_step(
        session, actor, version, "revoke", "published", "revoked", reason=reason, before=before
    )
    return Row(version, "revoked")


async def _held_for(
    action: str, session: AsyncSession, actor: Actor, version_id: UUID, expected: int
) -> RulesetVersion:
    """The version the actor has read, with its standard and itself locked, if the step is possible and he is a second person.

    What is checked afterwards is checked of this row: nobody can put another text in its place before it is published.
    """
    await require_city(session, actor, TRANSITIONS[action].permission)
    seen = await get_ruleset_version(session, actor, version_id)
    await lock_ruleset(session, seen.version.ruleset)
    version, status = await get_ruleset_version(session, actor, version_id, to_change=True)
    require_step(action, status)
    if version.version != expected:
        raise ConflictProblem
    if not is_second_person(actor.user_id, await list_editors(session, version_id)):
        raise RulesetEditorProblem
    return version


def _check_day(draft: RulesetVersion, newest: Before) -> None:
    earliest = max(earliest_day(shanghai_today()), newest.in_force_from + timedelta(days=1))
    if draft.in_force_from < earliest:
        raise RulesetDateProblem(earliest=earliest.isoformat(), days=LEAD.days)


def _check_cases(before: Before, content: Content, cases: Cases) -> None:
    check_content(content, cases)
    trial = try_cases(before.content, before.cases, content, cases)
    if not trial.differs:
        raise RulesetUnchangedProblem(base=before.name)
    if trial.is_complete:
        return
    failing = [one for one in trial.cases if not one.passes]
    raise RulesetCasesProblem(
        clauses="、".join(one.clause for one in trial.lacking) or "—",
        numbers="、".join(f"{one.number}（{one.clause}）" for one in failing) or "—",
        alike="、".join(trial.alike) or "—",
        lacking=[one.model_dump() for one in trial.lacking],
        failing=[one.model_dump() for one in failing],
    )
