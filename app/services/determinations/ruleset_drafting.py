"""Writing a new version of the rules: started from the newest, changed as a whole, given up. Nothing here judges a visit."""

from datetime import date
from typing import Any
from uuid import UUID

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.models.rulesets import RulesetStep, RulesetVersion
from app.schemas.rulesets import RulesetContent, RulesetDraftRequest, RulesetStartRequest
from app.services.audit.service import record_act
from app.services.determinations.errors import (
    RulesetBaseProblem,
    RulesetInvalidProblem,
    RulesetNameTakenProblem,
    RulesetStateProblem,
)
from app.services.determinations.ruleset_content import check_content, error_at, hash_of
from app.services.determinations.ruleset_repository import (
    Row,
    get_ruleset_version,
    is_name_taken,
    newest_before,
    require_city,
)
from app.services.determinations.ruleset_workflow import EDIT, INITIAL, is_allowed


async def start_draft(session: AsyncSession, actor: Actor, request: RulesetStartRequest) -> Row:
    """A draft with the content and the cases of the newest version, under a new name, day and source.

    Raises RulesetUnknownProblem, RulesetNameTakenProblem.
    """
    await require_city(session, actor, EDIT)
    before = await newest_before(session, request.ruleset)
    if await is_name_taken(session, request.ruleset, request.version):
        raise RulesetNameTakenProblem(name=request.version)
    head = {
        **before.content["head"],
        "version": request.version,
        "source": request.source.model_dump(),
        "in_force_from": request.in_force_from.isoformat(),
        "in_force_until": None,
    }
    content = plain(RulesetContent.model_validate({**before.content, "head": head}))
    await to_thread.run_sync(check_content, content, before.cases)
    draft = RulesetVersion(
        id=new_id(),
        version=1,
        ruleset=request.ruleset,
        base=before.name,
        status=INITIAL,
        **_columns(content, before.cases),
    )
    session.add(draft)
    await session.flush()
    await record_ruleset_step(session, actor, draft, "start", None, INITIAL)
    return Row(draft, INITIAL)


async def change_draft(
    session: AsyncSession, actor: Actor, version_id: UUID, expected: int, request: RulesetDraftRequest
) -> Row:
    """Replace a draft's content and cases. Raises RulesetStateProblem, RulesetInvalidProblem, RulesetBaseProblem,
    ConflictProblem."""
    await require_city(session, actor, EDIT)
    draft, status = await get_ruleset_version(session, actor, version_id)
    require_step("change", status)
    content, cases = plain(request.content), [plain(one) for one in request.cases]
    if content["head"]["id"] != draft.ruleset:
        raise RulesetInvalidProblem([error_at(None, "head/id", f"it stays {draft.ruleset}")])
    await to_thread.run_sync(check_content, content, cases)
    base = request.base or draft.base
    if base != draft.base and base != (newest := await newest_before(session, draft.ruleset)).name:
        raise RulesetBaseProblem(newest=newest.name, base=base)
    before = state_of(draft)
    changed = await compare_and_set(session, draft, expected, base=base, **_columns(content, cases))
    await record_ruleset_step(session, actor, changed, "change", INITIAL, INITIAL, before=before)
    return Row(changed, INITIAL)


async def withdraw_draft(
    session: AsyncSession, actor: Actor, version_id: UUID, expected: int, reason: str
) -> Row:
    """Give a draft up; it stays to be read by those who write rules. Raises RulesetStateProblem, ConflictProblem."""
    await require_city(session, actor, EDIT)
    draft, status = await get_ruleset_version(session, actor, version_id)
    require_step("withdraw", status)
    before = state_of(draft)
    withdrawn = await compare_and_set(session, draft, expected, status="withdrawn")
    await record_ruleset_step(
        session, actor, withdrawn, "withdraw", INITIAL, "withdrawn", reason=reason, before=before
    )
    return Row(withdrawn, "withdrawn")


def require_step(action: str, status: str) -> None:
    """Raise RulesetStateProblem unless the step leads on from this state."""
    if not is_allowed(action, status):
        raise RulesetStateProblem(state=status)


def plain(model: Any) -> Any:
    """Plain data as the law's files have it: what is not given is absent."""
    return model.model_dump(mode="json", exclude_none=True)


def state_of(version: RulesetVersion) -> dict[str, Any]:
    """What the audit log hashes: the content's hash stands for content and cases."""
    return {
        "ruleset": version.ruleset,
        "name": version.name,
        "base": version.base,
        "status": version.status,
        "content_hash": version.content_hash,
    }


async def record_ruleset_step(
    session: AsyncSession,
    actor: Actor,
    version: RulesetVersion,
    action: str,
    from_status: str | None,
    to_status: str,
    *,
    reason: str | None = None,
    before: dict[str, Any] | None = None,
) -> None:
    """The history, audit and change rows of a step."""
    session.add(
        RulesetStep(
            id=new_id(),
            version_id=version.id,
            action=action,
            from_status=from_status,
            to_status=to_status,
            on_date=shanghai_today(),
            user_id=actor.user_id,
            reason=reason,
            content_hash=version.content_hash,
        )
    )
    await session.flush()
    await record_act(
        session,
        actor,
        action=f"rules:{action}",
        kind="ruleset",
        object_id=version.id,
        version=version.version,
        region_id=None,
        before=before,
        after={**state_of(version), "status": to_status},
        detail={"ruleset": f"{version.ruleset}:{version.name}"},
    )


def _columns(content: dict[str, Any], cases: list[Any]) -> dict[str, Any]:
    head = content["head"]
    return {
        "name": head["version"],
        "in_force_from": date.fromisoformat(head["in_force_from"]),
        "source": head["source"],
        "content": content,
        "cases": cases,
        "content_hash": hash_of(content, cases),
    }
