"""Use cases of checklists: drafts, publishing, withdrawing, comparing, and the parsed content that other areas read."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import ConflictProblem, NotFoundProblem
from app.db.versions import compare_and_set
from app.enums.checklists import TemplateStatus
from app.models.checklists import TemplateVersion
from app.schemas.checklist_content import Checklist
from app.services.audit.service import record_act
from app.services.checklists.content import content_hash, parse_checklist, validate_body
from app.services.checklists.diff import Difference, diff_bodies
from app.services.checklists.errors import (
    ChecklistAlreadyPublishedProblem,
    ChecklistStateProblem,
    ContentInvalidProblem,
)
from app.services.checklists.repository import (
    Row,
    find_version_by_hash,
    get_version,
    lock_template,
    next_number,
)
from app.services.checklists.workflow import TRANSITIONS

_parsed: OrderedDict[str, Checklist] = OrderedDict()
_PARSED_AT_MOST = 64


def checklist_of(version: TemplateVersion) -> Checklist:
    """The parsed content of a version. Published ones are remembered by their hash: they never change."""
    if version.status == TemplateStatus.DRAFT:
        return parse_checklist(version.body)
    known = _parsed.get(version.content_hash)
    if known is None:
        known = _parsed[version.content_hash] = parse_checklist(version.body)
        if len(_parsed) > _PARSED_AT_MOST:
            _parsed.popitem(last=False)
    return known


async def published_checklist(session: AsyncSession, version_id: UUID, content_hash: str) -> Checklist:
    """The parsed content of a published or withdrawn version; its row is read once per process."""
    known = _parsed.get(content_hash)
    return known or checklist_of(await session.get_one(TemplateVersion, version_id))


async def get_published_version(session: AsyncSession, hash_given: str) -> Row:
    """The published or withdrawn version with this content hash; NotFoundProblem when there is none."""
    row = await find_version_by_hash(session, hash_given)
    if row is None:
        raise NotFoundProblem
    return row


async def create_draft(session: AsyncSession, actor: Actor, body: Mapping[str, Any]) -> Row:
    """A new draft: of a new checklist, or the next version of the one with this code."""
    actor.require("checklists:manage")
    checklist = validate_body(body)
    template_id = await lock_template(session, checklist.code)
    number = await next_number(session, template_id)
    version = TemplateVersion(
        template_id=template_id, number=number, created_by=actor.user_id, **_content(checklist, body)
    )
    session.add(version)
    await session.flush()
    await _record(session, actor, "checklists.draft", version, before=None)
    return version, checklist.code


async def change_draft(
    session: AsyncSession, actor: Actor, version_id: UUID, expected: int, body: Mapping[str, Any]
) -> Row:
    """Replace a draft's content; its code stays."""
    actor.require("checklists:manage")
    draft, code = await get_version(session, actor, version_id)
    _require(draft, TemplateStatus.DRAFT)
    state = _state(draft)
    checklist = validate_body(body)
    if checklist.code != code:
        raise ContentInvalidProblem([{"at": "code", "message": f"the code stays {code}"}])
    content = _content(checklist, body)
    await compare_and_set(session, draft, expected, **content)
    await _record(session, actor, "checklists.change", draft, before=state)
    return draft, code


async def delete_draft(session: AsyncSession, actor: Actor, version_id: UUID, expected: int) -> None:
    """Throw a draft away."""
    actor.require("checklists:manage")
    version, _ = await get_version(session, actor, version_id)
    _require(version, TemplateStatus.DRAFT)
    state = _state(version)
    gone = delete(TemplateVersion).where(
        TemplateVersion.id == version_id, TemplateVersion.version == expected
    )
    if (await session.execute(gone.returning(TemplateVersion.id))).scalar_one_or_none() is None:
        raise ConflictProblem
    await record_act(
        session,
        actor,
        action="checklists.delete",
        kind="checklist",
        object_id=version_id,
        version=expected + 1,
        region_id=None,
        before=state,
    )


async def publish_version(session: AsyncSession, actor: Actor, version_id: UUID, expected: int) -> Row:
    """Make a draft the next published version; from then on it never changes."""
    actor.require("checklists:publish")
    draft, code = await get_version(session, actor, version_id)
    _require(draft, TRANSITIONS["publish"][0])
    await lock_template(session, code)
    same = await find_version_by_hash(session, draft.content_hash)
    if same is not None:
        raise ChecklistAlreadyPublishedProblem(number=same[0].number)
    published = {"published_at": utc_now(), "published_by": actor.user_id}
    await _move(session, actor, draft, expected, "publish", published)
    return draft, code


async def withdraw_version(
    session: AsyncSession, actor: Actor, version_id: UUID, expected: int, reason: str
) -> Row:
    """Stop a published version from being given out; packages filled in with it are still accepted, flagged."""
    actor.require("checklists:publish")
    version, code = await get_version(session, actor, version_id)
    _require(version, TRANSITIONS["withdraw"][0])
    withdrawn = {"withdrawn_at": utc_now(), "withdrawn_by": actor.user_id, "withdrawn_reason": reason}
    await _move(session, actor, version, expected, "withdraw", withdrawn)
    return version, code


async def compare_versions(
    session: AsyncSession, actor: Actor, before_id: UUID, after_id: UUID
) -> list[Difference]:
    """What changed from one version to another (of the same checklist or not)."""
    before, _ = await get_version(session, actor, before_id)
    after, _ = await get_version(session, actor, after_id)
    return diff_bodies(before.body, after.body)


def _require(version: TemplateVersion, status: TemplateStatus) -> None:
    if version.status != status:
        raise ChecklistStateProblem(state=version.status)


async def _move(
    session: AsyncSession,
    actor: Actor,
    version: TemplateVersion,
    expected: int,
    act: str,
    values: Mapping[str, Any],
) -> None:
    state = _state(version)
    await compare_and_set(session, version, expected, status=TRANSITIONS[act][1], **values)
    await _record(session, actor, f"checklists.{act}", version, before=state)


def _content(checklist: Checklist, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title_zh": checklist.title.zh,
        "title_en": checklist.title.en,
        "in_force_from": checklist.in_force_from,
        "body": dict(body),
        "content_hash": content_hash(body),
    }


def _state(version: TemplateVersion) -> dict[str, Any]:
    """What the audit log hashes: the content hash stands for the body."""
    return {
        "template_id": str(version.template_id),
        "number": version.number,
        "status": str(version.status),
        "content_hash": version.content_hash,
        "withdrawn_reason": version.withdrawn_reason,
    }


async def _record(
    session: AsyncSession, actor: Actor, action: str, version: TemplateVersion, before: dict[str, Any] | None
) -> None:
    await record_act(
        session,
        actor,
        action=action,
        kind="checklist",
        object_id=version.id,
        version=version.version,
        region_id=None,
        before=before,
        after=_state(version),
    )
