"""Of two processes side by side, one makes what several tests share."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.sharing import TOGETHER, place_of

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = """
import os, pytest
from tests.support.sharing import pytest_collection_modifyitems, pytest_xdist_make_scheduler

@pytest.fixture(autouse=True)
def noted(request):
    with open("ran", "a") as file:
        file.write(f"{os.environ['PYTEST_XDIST_WORKER']} {request.node.nodeid}\\n")
"""
MANY = "import pytest\n\n@pytest.mark.parametrize('number', range(8))\ndef test_one(number): pass\n"


def test_what_is_to_be_shared_exists() -> None:
    assert [place for place in TOGETHER if not (ROOT / place).exists()] == []


def test_tests_that_share_run_in_one_process_before_all_others(tmp_path: Path) -> None:
    shared, alone = tmp_path / "tests/storage", tmp_path / "tests/aaa"
    for folder in (shared, alone):
        folder.mkdir(parents=True)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for file in (shared / "test_a.py", shared / "test_b.py", alone / "test_c.py"):
        file.write_text(MANY)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    # A base of its own: otherwise the run closes the common one to the PostgreSQL of tests beside it, which is another user.
    options = [
        "-p",
        "xdist",
        "-n",
        "2",
        f"--rootdir={tmp_path}",
        f"--basetemp={tmp_path / 'base'}",
        "-c",
        os.devnull,
    ]
    command = [sys.executable, "-m", "pytest", *options, "tests"]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    notes = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    assert len(notes) == 24
    by_process = {name: [test for process, test in notes if process == name] for name, _ in notes}
    sharing = [tests for tests in by_process.values() if any(map(place_of, tests))]
    assert len(sharing) == 1
    assert all(map(place_of, sharing[0][:16]))
