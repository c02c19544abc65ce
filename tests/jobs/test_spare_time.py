"""What nobody waits for is done in the machine's spare time, and after patience has run out in any case."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.services import worker
from app.services.runtime import Runtime


class Machine:
    """A processor that is as busy as the test says."""

    is_busy = True

    def is_scarce(self) -> bool:
        return self.is_busy


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[AsyncSession]:
    done: list[AsyncSession] = []

    async def compare(session: AsyncSession) -> bool:
        done.append(session)
        return len(done) < 2

    monkeypatch.setattr(worker, "compare_changed", compare)
    monkeypatch.setattr(worker, "COMPARING_RESTS", 0)
    monkeypatch.setattr(worker, "SpareTime", Machine)
    return done


def comparer(runtime: Runtime, patience: float) -> worker.Comparer:
    return worker.Comparer(runtime, timedelta(seconds=patience))


def test_hazards_are_not_compared_while_the_machine_is_busy(
    runtime: Runtime, compared: list[AsyncSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = comparer(runtime, patience=3600)
    asyncio.run(waiting.work())
    assert compared == []
    monkeypatch.setattr(Machine, "is_busy", False)
    asyncio.run(waiting.work())
    assert len(compared) == 1


def test_hazards_are_compared_on_a_busy_machine_once_patience_has_run_out(
    runtime: Runtime, compared: list[AsyncSession]
) -> None:
    impatient = comparer(runtime, patience=0)
    asyncio.run(impatient.work())
    assert len(compared) == 1


def test_a_quiet_moment_does_not_make_what_is_left_wait_as_long_again(
    runtime: Runtime, compared: list[AsyncSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock[0])
    waiting = comparer(runtime, patience=300)
    clock[0] += 200
    monkeypatch.setattr(Machine, "is_busy", False)
    assert asyncio.run(waiting.work()) is True, "there is more"
    monkeypatch.setattr(Machine, "is_busy", True)
    clock[0] += 50
    asyncio.run(waiting.work())
    assert len(compared) == 1
    clock[0] += 51
    asyncio.run(waiting.work())
    assert len(compared) == 2
    clock[0] += 299
    asyncio.run(waiting.work())
    assert len(compared) == 2, "nothing was left, so patience begins anew"
