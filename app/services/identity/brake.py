"""The brake against guessing: attempts are counted in PostgreSQL, for all processes together, before they are judged.

Counting first, in a transaction of its own, makes parallel guesses count too; a success takes its attempt back.
Subjects are kept as keyed hashes: the table tells no login and no address.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.db.session import Database
from app.models.identity import LoginAttempt
from app.services.identity.errors import TooManyAttemptsProblem
from app.services.identity.keys import KeyRing

WINDOW = timedelta(minutes=15)
LIMITS: Mapping[str, int] = {
    "login_from": 10, "login": 50, "login_address": 100, "enroll_address": 50, "client_from": 20, "client_address": 200,
    "intake_address": 100, "intake_key": 1500, "bundle_carrier": 60, "invited_address": 50,
}  # fmt: skip
"""Attempts per window. One login from one address is stopped early; the login as a whole late, so that a stranger
elsewhere cannot easily lock its owner out; an address late, because an office shares one. A revoked phone's key counts what it
hands in, good or not."""


class Brake:
    """One attempt of some subjects, each named by a kind of LIMITS and a value."""

    def __init__(self, keys: KeyRing, subjects: Mapping[str, str]) -> None:
        self._rows = {
            f"{kind}:{keys.derive('attempt', f'{kind}:{value}'.encode()).hex()}": LIMITS[kind]
            for kind, value in sorted(subjects.items())
        }

    async def begin(self, database: Database) -> None:
        """Count the attempt; raises TooManyAttemptsProblem with the seconds until the window ends."""
        now, start = utc_now(), _window_start()
        is_over = False
        async with database.write() as session:
            for subject, limit in self._rows.items():
                row = {"subject": subject, "window_start": start, "failures": 1}
                counted = insert(LoginAttempt).values(row)
                counted = counted.on_conflict_do_update(
                    index_elements=["subject", "window_start"], set_={"failures": LoginAttempt.failures + 1}
                )
                failures = await session.scalar(counted.returning(LoginAttempt.failures))
                is_over = is_over or (failures or 0) > limit
            if not is_over:
                return
        seconds = max(1, int((start + WINDOW - now).total_seconds()))
        raise TooManyAttemptsProblem(seconds=seconds, headers={"Retry-After": str(seconds)})

    async def release(self, session: AsyncSession) -> None:
        """Take the attempt back, because it succeeded."""
        await session.execute(
            update(LoginAttempt)
            .where(
                LoginAttempt.subject.in_(self._rows),
                LoginAttempt.window_start == _window_start(),
                LoginAttempt.failures > 0,
            )
            .values(failures=LoginAttempt.failures - 1)
        )
        await session.execute(delete(LoginAttempt).where(LoginAttempt.window_start < utc_now() - 8 * WINDOW))


def _window_start() -> datetime:
    length = int(WINDOW.total_seconds())
    return datetime.fromtimestamp(int(utc_now().timestamp()) // length * length, UTC)
