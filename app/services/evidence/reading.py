"""Looking at evidence: lists, and bytes. Whoever is given bytes is written down first, in a transaction of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    Uuid,
    and_,
    case,
    cast,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.enums.evidence import EvidenceFlag
from app.models.evidence import EvidenceDeclaration, EvidenceDerivative, EvidenceFile
from app.schemas.evidence import DerivativeView, EvidenceView, FlagView, StoredObject
from app.services.audit.service import record_access

_EXTENSIONS = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic", "video/mp4": "mp4",
    "application/pdf": "pdf",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EvidenceFilter:
    """What a list is narrowed to; None means all. `ids` and `hazard_id` are alternatives of each other."""

    package_ids: Sequence[UUID] | None = None
    hazard_id: UUID | None = None
    ids: Sequence[UUID] = ()


async def list_evidence(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: EvidenceFilter
) -> Page[EvidenceView]:
    """Declared files of the actor's regions, arrived or not, and those from desks, newest first; two statements."""
    regions = actor.regions_for("evidence:read")
    both = union_all(
        _declared(regions, narrowed, request), _from_desks(regions, narrowed, request)
    ).subquery()
    wanted = select(both).order_by(both.c.id.desc(), both.c.package_key.desc()).limit(request.limit + 1)
    rows = list(await session.execute(wanted))
    page = Page.cut(rows, request, key=lambda row: (row.id, row.package_key))
    copies = await _copies(session, [row.id for row in page.items if _has_file(row)])
    views = [_view(row, copies.get(row.id, []) if _has_file(row) else []) for row in page.items]
    return Page(views, page.next_key)


def _has_file(row: Row[Any]) -> bool:
    """Whether the declared file is here; another phone's under the same id is not."""
    return row.received_at is not None


async def show_evidence(session: AsyncSession, actor: Actor, evidence_id: UUID) -> EvidenceView:
    """One file of the actor's regions; raises NotFoundProblem."""
    page = await list_evidence(session, actor, PageRequest(1), EvidenceFilter(ids=[evidence_id]))
    if not page.items:
        raise NotFoundProblem
    return page.items[0]


_NOBODY = UUID(int=0)
_DESK = case((EvidenceFile.invitation_id.is_not(None), "enterprise"), else_="desk")
"""Who brought what no phone sent."""


def _declared(regions: frozenset[UUID], narrowed: EvidenceFilter, request: PageRequest) -> Select[Any]:
    declared, file = EvidenceDeclaration, EvidenceFile
    conditions: list[ColumnElement[bool]] = [declared.region_id.in_(regions)]
    if narrowed.package_ids is not None:
        conditions.append(declared.package_id.in_(narrowed.package_ids))
    if narrowed.hazard_id is not None or narrowed.ids:
        conditions.append(declared.id.in_(narrowed.ids))
    conditions += _after(request, declared.id, declared.package_id)
    return (
        select(
            declared.id, declared.package_id.label("package_key"), declared.package_id, null().cast(Uuid).label("hazard_id"),
            declared.region_id, literal("phone").label("origin"), declared.status, declared.sha256, declared.size,
            declared.media_type, declared.name, declared.question, declared.source, declared.captured_at,
            declared.position, declared.withdrawal, *_examined(),
        )
        .outerjoin(
            file,
            and_(
                file.id == declared.id, file.is_claimed, file.sha256 == declared.sha256,
                file.device_id == declared.device_id,
            ),
        )
        .where(*conditions)
        .order_by(declared.id.desc(), declared.package_id.desc())
        .limit(request.limit + 1)
    )  # fmt: skip


def _from_desks(regions: frozenset[UUID], narrowed: EvidenceFilter, request: PageRequest) -> Select[Any]:
    file, none = EvidenceFile, null()
    conditions: list[ColumnElement[bool]] = [file.region_id.in_(regions), file.device_id.is_(None)]
    if narrowed.package_ids is not None:
        conditions.append(file.package_id.in_(narrowed.package_ids))
    if narrowed.hazard_id is not None:
        conditions.append(or_(file.hazard_id == narrowed.hazard_id, file.id.in_(narrowed.ids)))
    elif narrowed.ids:
        conditions.append(file.id.in_(narrowed.ids))
    conditions += _after(request, file.id, literal(_NOBODY, Uuid))
    absent = EvidenceDeclaration
    return (
        select(
            file.id, literal(_NOBODY, Uuid).label("package_key"), file.package_id, file.hazard_id, file.region_id,
            _DESK.label("origin"), literal("verified").label("status"), file.sha256, file.size,
            file.media_type, file.name, cast(none, String).label("question"), cast(none, String).label("source"),
            cast(none, absent.captured_at.type).label("captured_at"), cast(none, absent.position.type).label("position"),
            cast(none, absent.withdrawal.type).label("withdrawal"), *_examined(),
        )
        .where(*conditions)
        .order_by(file.id.desc())
        .limit(request.limit + 1)
    )  # fmt: skip


def _examined() -> tuple[Any, ...]:
    file = EvidenceFile
    return file.received_at, file.examined_at, file.detected_type, file.flags, file.metadata_facts


def _after(request: PageRequest, identifier: Any, package: Any) -> list[ColumnElement[bool]]:
    if request.after is None:
        return []
    last_id, last_package = request.after
    return [or_(identifier < last_id, and_(identifier == last_id, package < last_package))]


async def _copies(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, list[EvidenceDerivative]]:
    wanted = select(EvidenceDerivative).where(EvidenceDerivative.evidence_id.in_(ids))
    found: dict[UUID, list[EvidenceDerivative]] = {}
    for copy in (await session.execute(wanted.order_by(EvidenceDerivative.pixels.desc()))).scalars():
        found.setdefault(copy.evidence_id, []).append(copy)
    return found


def _view(row: Row[Any], copies: Sequence[EvidenceDerivative]) -> EvidenceView:
    flags = [EvidenceFlag(flag) for flag in row.flags or ()]
    return EvidenceView(
        **{name: getattr(row, name) for name in EvidenceView.model_fields if hasattr(row, name) and name != "flags"},
        hash=row.sha256,
        flags=[FlagView(code=flag.value, zh=flag.zh, en=flag.en) for flag in flags],
        facts=row.metadata_facts,
        derivatives=[
            DerivativeView(pixels=c.pixels, width=c.width, height=c.height, size=c.size, hash=c.sha256) for c in copies
        ],
    )  # fmt: skip


async def find_bytes(
    session: AsyncSession, actor: Actor, evidence_id: UUID, pixels: int | None, *, is_shown: bool = False
) -> tuple[StoredObject, UUID | None]:
    """The object behind an original (`pixels` None) or a reduced copy, and its region; raises NotFoundProblem.

    Originals need evidence:read_original in the file's region (403 without), copies evidence:read, unless another area has
    found that the actor is shown this file (`is_shown`: an assignment's photographs). Nothing is written down here.
    """
    file = await session.get(EvidenceFile, evidence_id)
    if file is None:
        raise NotFoundProblem
    region_id = await _region_seen(session, actor, file)
    if region_id is None and not is_shown:
        raise NotFoundProblem
    if pixels is None:
        actor.require("evidence:read_original", region_id or file.region_id)
        return await _original(session, file), file.region_id
    copy = await session.get(EvidenceDerivative, (evidence_id, pixels))
    if copy is None:
        raise NotFoundProblem
    name = f"{evidence_id}-{pixels}.jpg"
    return StoredObject(copy.storage_key, copy.sha256, copy.size, "image/jpeg", name), file.region_id


async def _region_seen(session: AsyncSession, actor: Actor, file: EvidenceFile) -> UUID | None:
    """Where the actor sees the file: in its own region, or in that of another package of its phone that declared it as well."""
    regions = actor.regions_for("evidence:read")
    if file.region_id in regions:
        return file.region_id
    declared = EvidenceDeclaration
    wanted = select(declared.region_id).where(
        declared.id == file.id,
        declared.device_id == file.device_id,
        declared.status == "verified",
        declared.region_id.in_(regions),
    )
    return await session.scalar(wanted.limit(1))


async def _original(session: AsyncSession, file: EvidenceFile) -> StoredObject:
    declared = select(EvidenceDeclaration.name).where(
        EvidenceDeclaration.package_id == file.package_id, EvidenceDeclaration.id == file.id
    )
    name = file.name or await session.scalar(declared)
    extension = _EXTENSIONS.get(file.detected_type or "", "bin")
    media_type = file.detected_type or "application/octet-stream"
    return StoredObject(
        file.storage_key, file.sha256, file.size, media_type, name or f"{file.id}.{extension}"
    )


async def record_look(
    session: AsyncSession,
    actor: Actor,
    evidence_id: UUID,
    region_id: UUID | None,
    pixels: int | None,
    how: str,
) -> None:
    """Write down that somebody is given these bytes (`how`: download or link); commit it before they leave."""
    await record_access(
        session, actor, action="evidence:read" if pixels else "evidence:read_original", kind="evidence",
        object_id=evidence_id, region_id=region_id, detail={"size": pixels or "original", "how": how},
    )  # fmt: skip
