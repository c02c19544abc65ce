"""Every command of the README does what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.conftest import Desk

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
MADE = [block for block in BLOCKS if block.startswith("make ")]
RUN = [block for block in BLOCKS if not block.startswith("make ")]


def script_of(blocks: list[str], address: str) -> str:
    """The blocks as one script against the served demonstration, each preceded by a mark."""
    whole = "\n".join(f"echo '=== {number}'\n{block}\necho" for number, block in enumerate(blocks))
    whole = whole.replace("URL=http://127.0.0.1:8000\n", f"URL={address}\n")
    whole = whole.replace(".venv/bin/python", sys.executable)
    whole = whole.replace(".venv/bin/anshao", f"{sys.executable} -m app.cli")
    return f"set -euo pipefail\n{whole}".replace("docs/examples/", f"{ROOT}/docs/examples/")


@pytest.fixture(scope="module")
def told(desk: Desk) -> list[str]:
    """What each block printed."""
    environment = {**desk.installation.environment, "PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"}
    ran = subprocess.run(
        ["bash", "-c", script_of(RUN, desk.address)],
        cwd=desk.installation.folder / "cwd", env=environment, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr
    return re.split(r"=== \d+\n", ran.stdout)[1:]


def the(told: list[str], words: str) -> str:
    """What the block that holds `words` printed."""
    (found,) = [output for block, output in zip(RUN, told, strict=True) if words in block]
    return found


def test_the_phone_of_the_tour_earns_a_receipt_and_is_told_that_one_officer_is_not_enough(
    told: list[str],
) -> None:
    output = the(told, "docs/examples/phone.py")
    assert "receipt verifies offline: True" in output
    assert "signable: False" in output


def test_the_tour_shows_majors_and_the_reasons(told: list[str]) -> None:
    output = the(told, "level=major")
    assert "MEM10-" in output
    assert '"explanation"' in output
    assert '"holds":false' in output


def test_the_assistant_of_the_tour_is_refused(told: list[str]) -> None:
    output = the(told, "demo.assistant1")
    assert output.rstrip().endswith("forbidden")
    assert '"status":"handled"' in output


def test_the_application_of_the_tour_reads_its_second_page(told: list[str]) -> None:
    output = the(told, "oauth/token")
    assert output.count('"uscc"') == 2


def test_the_enterprise_of_the_tour_reads_its_order_and_reports_a_hazard(told: list[str]) -> None:
    output = the(told, "session/redemption")
    assert '"requirement"' in output
    assert '"status":"found"' in output
    assert "RTO 入口未装可燃气体报警器" in output


def test_the_search_of_the_tour_finds_and_the_audit_log_is_sound(told: list[str]) -> None:
    output = the(told, "verify audit")
    assert "东风" in output
    assert "the audit log is sound" in output


def test_the_commands_for_production_run(told: list[str]) -> None:
    output = the(told, "anshao doctor")
    assert "ready to run" in output
    assert "serve" in output


def test_what_is_made_are_targets_and_options_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    helped = subprocess.run(
        [sys.executable, "-m", "app.cli", "demo", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"},
    ).stdout  # fmt: skip
    assert len(MADE) >= 3
    for block in MADE:
        match = re.fullmatch(r'make ([a-z]+)(?: ARGS="?(--[a-z-]+)[^"]*"?)?\n', block)
        assert match is not None
        assert match.group(1) in targets
        assert (match.group(2) or "--no-serve") in helped
