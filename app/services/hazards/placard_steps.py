"""The history, audit and change rows of each step of a placard."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.placards import Placard, PlacardStep
from app.services.audit.service import record_act


async def record_placard_step(
    session: AsyncSession,
    actor: Actor,
    placard: Placard,
    action: str,
    before: str | None,
    note: str | None,
    *,
    watched_by: UUID | None = None,
) -> None:
    """The history, audit and change rows of a step. `watched_by`: who watched the placard before, of a step that names another."""
    named = {"watched_by": str(watched_by), "supervisor_id": str(placard.supervisor_id)} if watched_by else {}
    session.add(
        PlacardStep(
            id=new_id(),
            placard_id=placard.id,
            action=action,
            from_status=before,
            to_status=placard.status,
            on_date=shanghai_today(),
            user_id=actor.user_id,
            note=note,
            supervisor_id=placard.supervisor_id,
        )
    )
    await session.flush()
    await record_act(
        session,
        actor,
        action=f"hazards:{action}_placard",
        kind="placard",
        object_id=placard.id,
        version=placard.version,
        region_id=placard.region_id,
        before={"status": before} if before else None,
        after={
            "status": placard.status,
            "number": placard.number,
            "authority_id": str(placard.authority_id),
            "supervisor_id": str(placard.supervisor_id),
            "due_on": placard.due_on,
        },
        detail={
            "hazard_id": str(placard.hazard_id),
            "kind": placard.kind,
            "authority_id": str(placard.authority_id),
            **named,
        },
    )
