"""When to examine: in the machine's spare time, so that reduced copies never slow down what phones are waiting for."""

from datetime import timedelta

import psutil
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.clock import utc_now
from app.models.evidence import EvidenceFile

BUSY_SHARE = 0.6


class SpareTime:
    """Watches how much of this machine others use. The decoders themselves run at the lowest priority and do not count."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def is_scarce(self) -> bool:
        """True when others used more than 60 % of the processors since the last time this was asked."""
        before, self._before = self._before, psutil.cpu_times()
        spent = [now - earlier for now, earlier in zip(self._before, before, strict=True)]
        named = dict(zip(self._before._fields, spent, strict=True))
        # Linux counts guests within user time, and low-priority work apart from it as `nice`.
        total = sum(value for name, value in named.items() if not name.startswith("guest"))
        waiting = named["idle"] + named.get("iowait", 0.0) + named.get("nice", 0.0)
        return bool(total > 0 and 1 - waiting / total > BUSY_SHARE)


async def waits_too_long(connection: AsyncConnection, patience: timedelta) -> bool:
    """True when some file has waited longer than `patience` to be examined."""
    overdue = exists().where(
        EvidenceFile.examined_at.is_(None), EvidenceFile.received_at < utc_now() - patience
    )
    return bool((await connection.execute(select(overdue))).scalar_one())
