"""Which tests share what takes long to make, so that two processes side by side do not both make it.

The groups of pytest-xdist itself do nothing since pytest 9.2 (pytest-dev/pytest-xdist#1386): they are written into a test's
name, which can no longer be changed. A scheduler of one's own needs no names changed.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = (
    "tests/flows/",  # the demonstration, told twice
    "tests/interop/",  # a service for each file, and node's packages
    "tests/faults/test_uploads.py",  # a service
    "tests/operations/test_processes.py",  # a service
    "tests/operations/test_doctor.py",  # a data folder
    "tests/operations/test_logs.py",  # a service
    "tests/operations/test_unsafe_servers.py",  # a PostgreSQL
    "tests/storage/",  # an S3 server
    "tests/enterprises/test_search.py",  # 20,000 enterprises
)
"""Folders and files whose tests run in one process, one after the other; the longest first."""


def place_of(test: str) -> str | None:
    """The folder or file that the test must not be parted from."""
    return next((place for place in TOGETHER if test.startswith(place)), None)


class TogetherScheduling(LoadScopeScheduling):
    """Gives each place to one process, and every other test to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return place_of(nodeid) or nodeid


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What cannot be divided begins at once, so that nobody waits for it at the end."""
    ranks = {place: rank for rank, place in enumerate((*TOGETHER, None))}
    items.sort(key=lambda item: ranks[place_of(item.nodeid)])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherScheduling:
    """Whatever --dist says, in the order of above."""
    config.option.loadscopereorder = False
    return TogetherScheduling(config, log)
