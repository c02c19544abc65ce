"""A phone says what it still holds, so that a supervisor sees what no server can know of."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.models.board import DeviceOutbox
from app.models.identity import Device, User
from app.schemas.board import OutboxStatement
from app.services.audit.service import record_act


async def state_outbox(session: AsyncSession, actor: Actor, statement: OutboxStatement) -> DeviceOutbox:
    """Keep the acting phone's statement in place of its last, which also is a sign of life.

    The same figures again move only the times. Statements are not judged: a phone's clock may be wrong.
    """
    device = await session.get_one(Device, actor.device_id)
    before = await session.get(DeviceOutbox, device.id)
    figures = statement.model_dump(exclude={"stated_at"})
    is_same = before is not None and all(getattr(before, name) == value for name, value in figures.items())
    said = statement.model_dump() | {"received_at": utc_now()}
    kept = insert(DeviceOutbox).values(device_id=device.id, **said)
    await session.execute(kept.on_conflict_do_update(index_elements=["device_id"], set_=said))
    device.last_seen_at = said["received_at"]
    await session.flush()
    if not is_same:
        region_id = (await session.get_one(User, device.user_id)).region_id
        await record_act(
            session, actor, action="board:state_outbox", kind="device_outbox", object_id=device.id, version=1,
            region_id=region_id, after={"packages": statement.packages, "files": statement.files, "bytes": statement.bytes},
        )  # fmt: skip
    return await session.get_one(DeviceOutbox, device.id, populate_existing=True)
