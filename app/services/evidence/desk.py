"""Evidence from a desk: of a person at the console or of an enterprise, for a package or a hazard; as write-once as a phone's."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.models.evidence import EvidenceFile, EvidenceManifest
from app.services.audit.service import record_act
from app.storage.store import Kept


@dataclass(frozen=True, slots=True)
class DeskFile:
    """What was said of the file."""

    package_id: UUID | None
    hazard_id: UUID | None
    media_type: str
    name: str | None


async def region_of_package(session: AsyncSession, actor: Actor, package_id: UUID) -> UUID:
    """The region of a package the actor sees the evidence of; raises NotFoundProblem."""
    wanted = select(EvidenceManifest.region_id).where(EvidenceManifest.package_id == package_id)
    region_id = await session.scalar(wanted)
    if region_id is None or region_id not in actor.regions_for("evidence:read"):
        raise NotFoundProblem
    return region_id


async def register_desk_file(
    session: AsyncSession, actor: Actor, kept: Kept, said: DeskFile, region_id: UUID
) -> UUID:
    """Write the row of a file that is durable already; gives its new id. Raises ForbiddenProblem."""
    actor.require("evidence:upload", region_id)
    return (await keep_desk_file(session, actor, kept, said, region_id)).id


async def keep_desk_file(
    session: AsyncSession, actor: Actor, kept: Kept, said: DeskFile, region_id: UUID
) -> EvidenceFile:
    """The same; who may bring it is for the caller to judge."""
    file = EvidenceFile(
        id=new_id(),
        package_id=said.package_id,
        hazard_id=said.hazard_id,
        user_id=actor.user_id,
        invitation_id=actor.invitation_id,
        region_id=region_id,
        is_claimed=True,
        sha256=kept.sha256,
        size=kept.size,
        media_type=said.media_type,
        name=said.name,
        storage_key=kept.key,
        received_at=utc_now(),
        attempts=0,
        flags=[],
    )
    session.add(file)
    await session.flush()
    await record_act(
        session, actor, action="evidence:upload", kind="evidence", object_id=file.id, version=1, region_id=region_id,
        after={"sha256": kept.sha256, "package_id": said.package_id, "hazard_id": said.hazard_id},
    )  # fmt: skip
    return file
