"""Bringing the checklists shipped with the program into the database: `anshao content load`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import utc_now
from app.enums.checklists import TemplateStatus
from app.models.checklists import TemplateVersion
from app.services.audit.service import record_act
from app.services.checklists.content import content_hash, shipped_bodies, validate_body
from app.services.checklists.repository import find_version_by_hash, lock_template, next_number


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one shipped checklist: already there, or published as version `number`."""

    code: str
    number: int
    content_hash: str
    change: Literal["unchanged", "published"]


async def load_shipped_checklists(
    session: AsyncSession, bodies: Mapping[str, dict[str, Any]] | None = None
) -> list[Loaded]:
    """Publish every shipped checklist whose exact content the database has never published.

    Loading twice changes nothing; a changed file becomes a new version, an earlier one is never rewritten, and one that an
    administrator withdrew stays withdrawn. Two loads at once end the same as one after the other.
    """
    shipped = shipped_bodies() if bodies is None else bodies
    return [await _load(session, shipped[code]) for code in sorted(shipped)]


async def _load(session: AsyncSession, body: dict[str, Any]) -> Loaded:
    checklist = validate_body(body)
    digest = content_hash(body)
    template_id = await lock_template(session, checklist.code)
    known = await find_version_by_hash(session, digest)
    if known is not None:
        return Loaded(checklist.code, known[0].number, digest, "unchanged")
    version = TemplateVersion(
        template_id=template_id,
        number=await next_number(session, template_id),
        status=TemplateStatus.PUBLISHED,
        origin="shipped",
        title_zh=checklist.title.zh,
        title_en=checklist.title.en,
        in_force_from=checklist.in_force_from,
        body=body,
        content_hash=digest,
        published_at=utc_now(),
    )
    session.add(version)
    await session.flush()
    await record_act(
        session,
        SYSTEM,
        action="checklists.load",
        kind="checklist",
        object_id=version.id,
        version=version.version,
        region_id=None,
        after={"content_hash": digest, "number": version.number},
    )
    return Loaded(checklist.code, version.number, digest, "published")
