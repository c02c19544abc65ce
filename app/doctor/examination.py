"""All checks, in the order in which one thing rests on another."""

import asyncio

from app.config import Settings
from app.doctor.finding import Finding
from app.doctor.machine import (
    check_browser,
    check_checkpoints,
    check_clock,
    check_data_folder,
    check_file_system,
    check_fonts,
    check_keys,
    check_open_files,
    check_python,
    check_room,
)
from app.doctor.services import check_database, check_storage


def examine(settings: Settings) -> list[Finding]:
    """Everything that was found. The database is only tried on a data folder that can be used."""
    folder = check_data_folder(settings)
    found = [check_python(), check_clock(), folder, check_file_system(settings), check_room(settings)]
    found += [check_open_files(settings), check_keys(settings), check_checkpoints(settings)]
    if folder.state != "wrong" or settings.database_url is not None:
        found += asyncio.run(_try_services(settings))
    return [*found, check_fonts(), check_browser()]


async def _try_services(settings: Settings) -> list[Finding]:
    return [*await check_database(settings), await check_storage(settings)]
