"""The sweeps of evidence, run now instead of at their hour, as the schedule would a day later."""

from app.config import Settings
from app.services.evidence.sweeping import remove_decided, remove_strays, sweep_unclaimed
from app.services.evidence.upload_sweeping import remove_stray_parts, sweep_uploads
from app.services.inspections.service import sweep_packages
from app.services.runtime import open_runtime


async def sweep_everything(settings: Settings) -> int:
    """What interruptions left goes, whatever its age; what waits for a package stays. Gives how many files without a row went."""
    async with open_runtime(settings) as runtime:
        await sweep_packages(runtime)
        await sweep_unclaimed(runtime)
        await remove_decided(runtime)
        await sweep_uploads(runtime)
        parts = await remove_stray_parts(runtime, 0)
        await runtime.storage.clear_staging(0)
        return parts + await remove_strays(runtime, 0)
