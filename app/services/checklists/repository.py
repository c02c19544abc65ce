"""The area's only SQL. Reads take the actor: drafts are hidden from whoever may not write or publish them."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.enums.checklists import TemplateStatus
from app.models.checklists import Template, TemplateVersion
from app.services.checklists.policy import sees_drafts

Row = tuple[TemplateVersion, str]
"""A version and the code of its template."""


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """What a list is narrowed to; None does not narrow."""

    code: str | None = None
    status: TemplateStatus | None = None
    origin: str | None = None
    in_force_on: date | None = None
    text: str | None = None


async def list_versions(
    session: AsyncSession, actor: Actor, wanted: VersionFilter, request: PageRequest
) -> Page[Row]:
    """Versions the actor may see, newest first."""
    query = _visible(actor).order_by(TemplateVersion.id.desc()).limit(request.limit + 1)
    if wanted.code is not None:
        query = query.where(Template.code == wanted.code)
    if wanted.status is not None:
        query = query.where(TemplateVersion.status == wanted.status)
    if wanted.origin is not None:
        query = query.where(TemplateVersion.origin == wanted.origin)
    if wanted.in_force_on is not None:
        query = query.where(TemplateVersion.in_force_from <= wanted.in_force_on)
    if wanted.text is not None:
        titles = func.lower(TemplateVersion.title_zh + " " + TemplateVersion.title_en)
        query = query.where(titles.contains(wanted.text.lower(), autoescape=True))
    if request.after is not None:
        query = query.where(TemplateVersion.id < request.after[0])
    rows = [(version, code) for version, code in (await session.execute(query)).all()]
    return Page.cut(rows, request, key=lambda row: (row[0].id,))


async def get_version(session: AsyncSession, actor: Actor, version_id: UUID) -> Row:
    """One version by id, as it stands in the database now."""
    query = _visible(actor).where(TemplateVersion.id == version_id).execution_options(populate_existing=True)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFoundProblem
    return row[0], row[1]


async def find_version_by_hash(session: AsyncSession, content_hash: str) -> Row | None:
    """The published or withdrawn version with exactly this content."""
    query = _published().where(TemplateVersion.content_hash == content_hash)
    row = (await session.execute(query)).one_or_none()
    return (row[0], row[1]) if row else None


async def list_current_versions(session: AsyncSession, on: date) -> list[Row]:
    """For each template the published version in force on a day: the last to begin, of those the last published."""
    query = (
        _published()
        .where(TemplateVersion.status == TemplateStatus.PUBLISHED, TemplateVersion.in_force_from <= on)
        .order_by(Template.code, TemplateVersion.in_force_from.desc(), TemplateVersion.published_at.desc())
        .ext(distinct_on(Template.code))
    )
    return [(version, code) for version, code in (await session.execute(query)).all()]


async def lock_template(session: AsyncSession, code: str) -> UUID:
    """The template of a code, made when it is new; locked, so that numbers are given one after the other."""
    made = insert(Template).values(id=new_id(), code=code, created_at=utc_now())
    await session.execute(made.on_conflict_do_nothing(index_elements=["code"]))
    locked = select(Template.id).where(Template.code == code).with_for_update()
    return (await session.execute(locked)).scalar_one()


async def next_number(session: AsyncSession, template_id: UUID) -> int:
    """The number of the next version; numbers of deleted drafts at the end are given again."""
    query = select(func.max(TemplateVersion.number)).where(TemplateVersion.template_id == template_id)
    return ((await session.execute(query)).scalar_one() or 0) + 1


def _visible(actor: Actor) -> Select[TemplateVersion, str]:
    return _all() if sees_drafts(actor) else _published()


def _published() -> Select[TemplateVersion, str]:
    return _all().where(TemplateVersion.status != TemplateStatus.DRAFT)


def _all() -> Select[TemplateVersion, str]:
    return select(TemplateVersion, Template.code).join(Template, Template.id == TemplateVersion.template_id)
