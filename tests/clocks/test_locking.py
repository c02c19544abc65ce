"""Whoever locks several clocks of one subject locks them in order of id, wherever their rows lie, and persons before them."""

import time
from collections.abc import Callable
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
from app.models.hazards import Hazard as Registered
from app.services.clocks.responsibility import Subject, hand_over_clocks
from app.services.clocks.service import end_clocks, start_clock
from app.services.hazards.service import take_step
from tests.clocks.test_responsible import HAZARDS, MEASURES, Bureau
from tests.factories.cases import Docket, step
from tests.factories.world import World

CODES = ("rectification", "recheck")
WAITING = "SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
CLOCKS = "SELECT FROM clocks WHERE subject_id = %s FOR UPDATE NOWAIT"
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


Prepared = tuple[UUID, UUID, Callable[[], bool]]
"""What clocks run for, who answers for them, and what ends them, lets others run for him, and tells whether it could."""


def order(bureau: Bureau) -> Prepared:
    hazard, officer = bureau.docket.hazard(), bureau.inspectors[0]
    bureau.order(officer, hazard)
    return hazard, officer.user_id, lambda: bool(bureau.order(officer, hazard))


def reject(bureau: Bureau) -> Prepared:
    hazard, officer = bureau.docket.hazard(), bureau.inspectors[0]
    done, version = {"note": "已整改", "evidence_ids": []}, bureau.order(officer, hazard)["version"]
    assert officer.post(f"{HAZARDS}/{hazard}/rectification", json=done, version=version).status_code == 200

    async def take(session: AsyncSession) -> bool:
        found = await session.get_one(Registered, hazard)
        taken = await take_step(session, SYSTEM, found, "reject_rectification", found.version)
        return taken.status == "ordered"

    return hazard, officer.user_id, lambda: bureau.world.in_database(take)


def decide(bureau: Bureau) -> Prepared:
    officer = bureau.inspectors[1]
    measure = bureau.measure(officer, oral=True)
    body = {name: measure[name] for name in ("kinds", "place", "ground")}
    body["hazard_ids"] = [str(bureau.docket.hazard())]
    path = f"{MEASURES}/{measure['id']}/decision"
    return (
        UUID(measure["id"]),
        officer.user_id,
        lambda: officer.post(path, json=body, version=measure["version"]).status_code == 200,
    )


def file(bureau: Bureau) -> Prepared:
    docket = bureau.docket
    case = docket.proposed()
    (clock,) = bureau.running(subject_id=case["id"], unknown=True) or bureau.running(subject_id=case["id"])
    answers = UUID(clock["responsible_id"])
    return UUID(case["id"]), answers, lambda: step(docket.chief, case, "approve-filing").status_code == 200


@pytest.mark.parametrize("act", [order, reject, decide, file])
def test_who_waits_for_the_one_who_answers_for_a_clock_does_not_hold_the_clock(
    docket: Docket, database_address: str, act: Callable[[Bureau], Prepared]
) -> None:
    """He is moved to another brigade at that moment, and his clocks are to go with him."""
    subject, answers, perform = act(Bureau(docket))
    with psycopg.connect(database_address) as mover, ThreadPoolExecutor(1) as pool:
        mover.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (answers,))
        acting = pool.submit(perform)
        for _ in range(500):
            if acting.done() or mover.execute(WAITING).fetchone() is not None:
                break
            time.sleep(0.01)
        assert not acting.done()
        assert mover.execute(CLOCKS, (subject,)).rowcount > 0
        mover.rollback()
        assert acting.result(20)
