"""Time on a phone: its own clock, which may be days off, and the server's, learned from the answers."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


class Clock:
    """`wall` is what the phone shows; `steady` counts seconds and never jumps. Both can be replaced for tests."""

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wall = wall
        self.steady = steady
        self._server: tuple[datetime, float] | None = None

    def learn(self, date_header: str | None) -> bool:
        """Take the server's time from an answer of its own; False when there is none to read."""
        try:
            told = parsedate_to_datetime(date_header or "")
        except ValueError:
            return False
        self._server = (told.astimezone(UTC), self.steady())
        return True

    def server_time(self) -> datetime:
        """The server's time as well as it is known: proofs are judged by it, whatever the phone's own clock says."""
        if self._server is None:
            return self.wall()
        told, at = self._server
        return told + timedelta(seconds=self.steady() - at)
