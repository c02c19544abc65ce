"""The service's own clock, wrong: what the machine of a bureau shows whose clock nobody keeps by NTP.

Run inside the served processes. PostgreSQL's clock stays right, as that of a database on another machine would.
"""

import os
import time
from datetime import datetime, timedelta, tzinfo

from app.core import clock

SECONDS = "FAULTS_CLOCK_SECONDS"
"""Environment of the served processes: how far their clock is ahead; behind, when negative."""


def skew(seconds: float) -> None:
    """Be so far ahead in this process from now on: in what the service takes for the time, and in the Date of its answers."""
    off, true_time = timedelta(seconds=seconds), time.time

    class Skewed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + off

    clock.datetime = Skewed  # type: ignore[misc]
    time.time = lambda: true_time() + seconds


def skew_from_environment() -> None:
    """As the environment says, if it does."""
    if SECONDS in os.environ:
        skew(float(os.environ[SECONDS]))
