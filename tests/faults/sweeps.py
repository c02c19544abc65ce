"""`python -m tests.faults.sweeps`: the sweeps of evidence, run now instead of at their hour, as the schedule would a day later."""

import asyncio
from datetime import timedelta

from app.config import Settings
from app.services.evidence.sweeping import remove_decided, sweep_unclaimed
from app.services.inspections.service import sweep_packages
from app.services.runtime import open_runtime


async def sweep_everything() -> None:
    """What is left over from interruptions goes; nothing younger than its keeping time does, but temporary files."""
    async with open_runtime(Settings()) as runtime:
        await sweep_packages(runtime)
        await sweep_unclaimed(runtime)
        await remove_decided(runtime)
        await runtime.storage.clear_staging(timedelta(0).total_seconds())


if __name__ == "__main__":
    asyncio.run(sweep_everything())
