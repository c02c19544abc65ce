"""When to try again: exponential with full jitter, at least as long as the server asked for."""

import random
from email.utils import parsedate_to_datetime

import httpx

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 300.0
_MOST_DOUBLINGS = 16


class Pace:
    """How long something waits after each failure in a row."""

    def __init__(
        self, dice: random.Random, first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS
    ) -> None:
        self._dice = dice
        self._first = first
        self._longest = longest
        self._failures = 0
        self.not_before = 0.0
        """On the steady clock."""

    def failed(self, now: float, at_least: float | None = None) -> float:
        """Note a failure; gives the seconds to wait. Never less than `at_least`, and spread so that phones do not come in step."""
        ceiling = min(self._longest, self._first * 2 ** min(self._failures, _MOST_DOUBLINGS))
        self._failures += 1
        waiting = (at_least or 0.0) + self._dice.uniform(0, ceiling)
        self.not_before = now + waiting
        return waiting

    def succeeded(self) -> None:
        """Begin anew."""
        self._failures, self.not_before = 0, 0.0


def retry_after(headers: httpx.Headers) -> float | None:
    """The seconds of a Retry-After header: a number, or a date counted from the server's own Date."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError):
        return None
