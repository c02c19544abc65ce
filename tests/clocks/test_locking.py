"""Whoever locks several clocks of one subject locks them in order of id, wherever their rows lie."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.services.clocks.responsibility import Subject, hand_over_clocks
from app.services.clocks.service import end_clocks, start_clock
from tests.factories.world import World

CODES = ("rectification", "recheck")
WAITING = "SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
OTHER = "SELECT FROM clocks WHERE id = %s FOR UPDATE NOWAIT"


class Hazard:
    """A hazard with two running clocks."""

    def __init__(self, world: World) -> None:
        self.subject = Subject("hazard", new_id(), world.authority, world.town)
        self.officer = world.person("inspector", region=world.town)

        async def start(session: AsyncSession) -> list[UUID]:
            begun = [
                await start_clock(session, SYSTEM, self.subject, code, shanghai_today(), amount=9) for code in CODES
            ]  # fmt: skip
            return [clock.id for clock in begun]

        self.older, self.younger = world.in_database(start)

    async def end(self, session: AsyncSession) -> None:
        await end_clocks(session, SYSTEM, self.subject.id, CODES, shanghai_today())

    async def hand_over(self, session: AsyncSession) -> None:
        await hand_over_clocks(session, SYSTEM, replace(self.subject, responsible_id=self.officer.user_id))


@pytest.mark.parametrize("act", [Hazard.end, Hazard.hand_over], ids=["end", "hand over"])
def test_who_waits_for_the_older_clock_does_not_hold_the_younger(
    world: World, database_address: str, act: Any
) -> None:
    hazard = Hazard(world)
    with psycopg.connect(database_address) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("UPDATE clocks SET due_on = due_on + 9 WHERE id = %s", (hazard.older,))
        holder.commit()  # its row is the last of the table, of each index, and by its end and its code
        holder.execute("SELECT FROM clocks WHERE id = %s FOR UPDATE", (hazard.older,))
        acting = pool.submit(world.in_database, lambda session: act(hazard, session))
        while holder.execute(WAITING).fetchone() is None:
            assert not acting.done()
            time.sleep(0.01)
        holder.execute(OTHER, (hazard.younger,))
        holder.rollback()
        acting.result(20)
    with psycopg.connect(database_address) as reader:
        wanted = "SELECT ended_on IS NULL, responsible_id FROM clocks WHERE subject_id = %s"
        found = reader.execute(wanted, (hazard.subject.id,)).fetchall()
    assert found == [(False, None)] * 2 if act is Hazard.end else [(True, hazard.officer.user_id)] * 2
