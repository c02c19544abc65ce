"""A service with two processes, to try the clients of other people on."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.interop.node import HERE, NODE, installed_packages
from tests.support.postgres import cloned_database
from tests.support.served import Target

Script = Callable[..., Any]


@pytest.fixture(scope="session")
def run_script() -> Script:
    """Run a script of this folder to its end: what it is told and what it says are JSON."""
    folder = installed_packages()

    def run(name: str, seconds: float = 180, **told: Any) -> Any:
        shutil.copy(HERE / name, folder)
        ran = subprocess.run(
            [NODE, name], input=json.dumps(told), capture_output=True, text=True, timeout=seconds, cwd=folder
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


@pytest.fixture(scope="module")
def target(database_cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A served installation of two processes, on a database of its own."""
    with cloned_database(database_cluster) as address:
        made = Target(tmp_path_factory.mktemp("interop"), address)
        made.installation.environment["ANSHAO_WORKERS"] = "2"
        with made.serving():
            yield made
        made.client.close()
