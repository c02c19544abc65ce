"""Reading versions of the rules: one with its content, what differs and who did what; and those this process judges by."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.schemas.determinations import Bilingual
from app.schemas.rulesets import EditionView, RulesetStepView, RulesetVersionDetail, RulesetVersionView
from app.services.determinations.content import Edition, editions
from app.services.determinations.ruleset_repository import (
    Row,
    get_before,
    get_ruleset_version,
    list_ruleset_steps,
)
from app.services.determinations.ruleset_trial import list_changes, list_head_changes


def describe_version(row: Row) -> RulesetVersionView:
    """A version in a list."""
    return RulesetVersionView.model_validate(_members(row))


async def show_version(session: AsyncSession, actor: Actor, version_id: UUID) -> RulesetVersionDetail:
    """A version with its content, its cases, what differs from the one before, and its history; raises NotFoundProblem."""
    row = await get_ruleset_version(session, actor, version_id)
    version = row.version
    before = await get_before(session, version.ruleset, version.base)
    changes = await to_thread.run_sync(list_changes, before.content, version.content)
    steps = await list_ruleset_steps(session, version_id)
    return RulesetVersionDetail.model_validate(
        {
            **_members(row),
            "content": version.content,
            "cases": version.cases,
            "changes": changes,
            "head_changes": list_head_changes(before.content, version.content),
            "steps": [RulesetStepView.model_validate(step) for step in steps],
        }
    )


def describe_editions() -> list[EditionView]:
    """Every version this process holds, by standard and day, with its source and what of it is to be confirmed."""
    found = sorted(editions(), key=lambda one: (one.ruleset.id, one.ruleset.in_force_from, one.is_revoked))
    return [_edition(one) for one in found]


def _edition(edition: Edition) -> EditionView:
    ruleset, publication = edition.ruleset, edition.publication
    return EditionView(
        id=publication.id if publication else None,
        ruleset=ruleset.id,
        version=ruleset.version,
        title=Bilingual(zh=ruleset.title.zh, en=ruleset.title.en),
        source=Bilingual(zh=ruleset.source.zh, en=ruleset.source.en),
        in_force_from=ruleset.in_force_from,
        in_force_until=ruleset.in_force_until,
        is_revoked=edition.is_revoked,
        published_at=publication.published_at if publication else None,
        published_by=publication.published_by if publication else None,
        content_hash=publication.content_hash if publication else None,
        clauses=len(ruleset.clauses),
        unconfirmed_clauses=[one.id for one in ruleset.clauses.values() if one.to_be_confirmed],
        unconfirmed_settings=[one.name for one in ruleset.settings.values() if one.to_be_confirmed],
    )


def _members(row: Row) -> Mapping[str, Any]:
    told = {"status": row.status}
    own = RulesetVersionView.model_fields.keys() - told
    return {name: getattr(row.version, name) for name in own} | told
