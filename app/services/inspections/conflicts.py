"""Other bytes under one id: both contents side by side, and what a person decides. Neither is ever deleted."""

from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.models.identity import Device, User
from app.models.inspections import ConflictVerdict, Package, PackageConflict, PackageIntake
from app.schemas.packages import (
    ConflictDetail,
    ConflictVerdictView,
    ConflictView,
    SealedContent,
)
from app.services.audit.service import record_access, record_act
from app.services.identity.signatures import signature_verifies
from app.services.inspections.differences import differences, masked
from app.services.inspections.errors import ConflictDecidedProblem
from app.services.inspections.forks import JUDGE
from app.services.inspections.sealing import package_message, readable_document

ConflictDecision = Literal["first_is_right", "other_is_right", "both_stay"]

_OTHER_IS_RIGHT = {
    "code": "conflict_other_is_right",
    "at": "",
    "zh": "经人工认定，同一编号下另一份内容正确；请提交更正",
    "en": "A person found the other bytes under this id to be right; a correction is wanted",
}


async def list_conflicts(
    session: AsyncSession, actor: Actor, request: PageRequest, *, is_decided: bool | None
) -> Page[ConflictView]:
    """Conflicts of senders in the actor's regions, oldest first; one statement."""
    conditions: list[ColumnElement[bool]] = []
    if is_decided is not None:
        conditions.append(ConflictVerdict.conflict_id.is_not(None) == is_decided)
    if request.after:
        conditions.append(PackageConflict.id > request.after[0])
    wanted = _conflicts(actor).where(*conditions).order_by(PackageConflict.id).limit(request.limit + 1)
    rows = [_view(row) for row in await session.execute(wanted)]
    return Page.cut(rows, request, key=lambda view: (view.id,))


async def show_conflict(session: AsyncSession, actor: Actor, conflict_id: UUID) -> ConflictDetail:
    """One conflict with both contents; raises NotFoundProblem."""
    row = await _find(session, actor, conflict_id)
    conflict, intake = row.PackageConflict, row.PackageIntake
    device = await session.get_one(Device, conflict.device_id)
    first, other = readable_document(bytes(intake.sealed)), readable_document(bytes(conflict.sealed))
    return ConflictDetail(
        **_view(row).model_dump(),
        first=_content(intake, intake.received_at, device, first),
        other=_content(conflict, conflict.created_at, device, other),
        differences=differences(first, other) if first is not None and other is not None else None,
        verdict=ConflictVerdictView.model_validate(row.ConflictVerdict) if row.ConflictVerdict else None,
    )


async def decide_conflict(
    session: AsyncSession, actor: Actor, conflict_id: UUID, decision: ConflictDecision, reason: str
) -> ConflictDetail:
    """Say which content is right. `other_is_right` flags the record, so that its officers correct it; nothing is rewritten.

    Raises NotFoundProblem, ForbiddenProblem, ConflictDecidedProblem.
    """
    row = await _find(session, actor, conflict_id)
    actor.require(JUDGE, row.region_id)
    values = {
        "conflict_id": conflict_id,
        "decision": decision,
        "reason": reason,
        "user_id": actor.user_id,
    }
    new = insert(ConflictVerdict).values(values).on_conflict_do_nothing()
    if (await session.execute(new.returning(ConflictVerdict.conflict_id))).first() is None:
        raise ConflictDecidedProblem
    await record_act(
        session, actor, action="inspections:judge_conflict", kind="package_conflict", object_id=conflict_id, version=1,
        region_id=row.region_id, after={"decision": decision}, detail={"reason": reason},
    )  # fmt: skip
    if decision == "other_is_right":
        await _ask_for_correction(session, actor, row.PackageConflict.package_id)
    return await show_conflict(session, actor, conflict_id)


async def read_other_bytes(session: AsyncSession, actor: Actor, conflict_id: UUID) -> bytes:
    """The other bytes as they came; the look is written down first. Raises NotFoundProblem, ForbiddenProblem."""
    row = await _find(session, actor, conflict_id)
    actor.require("evidence:read_original", row.region_id)
    await record_access(
        session, actor, action="inspections:read_sealed", kind="package_conflict", object_id=conflict_id,
        region_id=row.region_id,
    )  # fmt: skip
    return bytes(row.PackageConflict.sealed)


async def _ask_for_correction(session: AsyncSession, actor: Actor, package_id: UUID) -> None:
    """A processed package is flagged; one that was set aside waits for a person anyway."""
    flagged = (
        update(Package)
        .where(Package.id == package_id)
        .values(
            issues=Package.issues.op("||")(type_coerce([_OTHER_IS_RIGHT], JSONB)),
            version=Package.version + 1,
        )
        .returning(Package.version, Package.region_id)
    )
    result = await session.execute(flagged, execution_options={"synchronize_session": False})
    found = result.one_or_none()
    if found is not None:
        await record_act(
            session, actor, action="inspections:flag", kind="package", object_id=package_id, version=found.version,
            region_id=found.region_id, after={"issue": _OTHER_IS_RIGHT["code"]},
        )  # fmt: skip


def _conflicts(actor: Actor) -> Any:
    """Conflicts of senders in the actor's regions, with the bytes that came first and the verdict."""
    found: Any = (
        select(PackageConflict, PackageIntake, ConflictVerdict, User.region_id)
        .join(PackageIntake, PackageIntake.package_id == PackageConflict.package_id)
        .join(User, User.id == PackageConflict.user_id)
        .outerjoin(ConflictVerdict, ConflictVerdict.conflict_id == PackageConflict.id)
        .where(User.region_id.in_(actor.regions_for("inspections:read")))
    )
    return found


async def _find(session: AsyncSession, actor: Actor, conflict_id: UUID) -> Row[Any]:
    found = await session.execute(_conflicts(actor).where(PackageConflict.id == conflict_id))
    row: Row[Any] | None = found.one_or_none()
    if row is None:
        raise NotFoundProblem
    return row


def _view(row: Row[Any]) -> ConflictView:
    conflict = row.PackageConflict
    return ConflictView(
        id=conflict.id,
        package_id=conflict.package_id,
        sha256=conflict.sha256,
        first_sha256=row.PackageIntake.sha256,
        device_id=conflict.device_id,
        user_id=conflict.user_id,
        created_at=conflict.created_at,
        decision=row.ConflictVerdict.decision if row.ConflictVerdict else None,
    )


def _content(
    kept: PackageIntake | PackageConflict, received_at: Any, device: Device, document: dict[str, Any] | None
) -> SealedContent:
    is_signed = kept.key_id == device.key_id and signature_verifies(
        device.public_key, package_message(kept.sha256), kept.signature
    )
    return SealedContent(
        sha256=kept.sha256,
        size=len(kept.sealed),
        received_at=received_at,
        is_signed=is_signed,
        document=masked(document) if document is not None else None,
    )
