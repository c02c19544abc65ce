"""The main job as a stranger sees it: one command, real processes, real HTTP, a real database."""

from pathlib import Path

from tests.support.processes import Installation


def test_the_demo_runs_the_main_job_to_receipts_that_verify_and_runs_again(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    first = installation.run("demo", "--no-serve")
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("receipt verifies offline") == 3
    assert "RTO-01" in first.stdout
    again = installation.run("demo", "--no-serve")
    assert again.returncode == 0, again.stderr
    audit = installation.run("verify", "audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr
