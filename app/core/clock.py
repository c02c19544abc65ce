"""The only place that asks what time it is, so that tests and what-if runs can stand at another moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has had one time zone without summer time since 1991; no zone database is needed."""

_standing_still: datetime | None = None


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return _standing_still or datetime.now(UTC)


def shanghai_today() -> date:
    """Today's legal date."""
    return shanghai_date(utc_now())


def shanghai_date(at: datetime) -> date:
    """The legal date of a moment."""
    return at.astimezone(SHANGHAI).date()


@contextmanager
def standing_at(at: datetime) -> Iterator[None]:
    """Let the whole process stand at `at` (tests only: it is process-wide)."""
    global _standing_still
    previous, _standing_still = _standing_still, at.astimezone(UTC)
    try:
        yield
    finally:
        _standing_still = previous
