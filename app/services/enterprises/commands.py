"""Imports as an operator runs them on the machine itself, in the name of a user and with that user's rights."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from app.core.errors import NotFoundProblem
from app.core.paging import PageRequest
from app.jobs.app import defer
from app.models.enterprises import EnterpriseImport, EnterpriseImportError
from app.models.identity import User
from app.services.enterprises.importing import check_file, get_import, list_errors, start_import, work_off
from app.services.enterprises.jobs import import_enterprises
from app.services.identity.acting import find_actor_of_user
from app.services.runtime import Runtime

SHOWN_ERRORS = 50


async def import_file(
    runtime: Runtime, path: Path, login: str, *, is_dry_run: bool, say: Callable[[str], None]
) -> tuple[EnterpriseImport, list[EnterpriseImportError]]:
    """Import a file to its end; the import and its first errors. Raises SpreadsheetProblem, NotFoundProblem (no such user).

    The job is queued as well: should this process be stopped, a worker finishes what it began.
    """
    checked = await check_file(path.read_bytes())
    async with runtime.database.write() as session:
        user_id = (await session.execute(select(User.id).where(User.login == login))).scalar_one_or_none()
        actor = await find_actor_of_user(session, user_id) if user_id else None
        if actor is None:
            raise NotFoundProblem
        taken = await start_import(session, actor, path.name, checked, is_dry_run=is_dry_run)
        await defer(session, import_enterprises, import_id=taken.id)
    say(f"{taken.id}  {checked.rows} 行 / rows")
    await work_off(runtime.database, taken.id)
    async with runtime.database.read() as session:
        done = await get_import(session, actor, taken.id)
        errors = await list_errors(session, actor, taken.id, PageRequest(SHOWN_ERRORS))
    return done, list(errors.items)
