"""`anshao content load`, as an operator runs it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.services.checklists.content import content_hash, shipped_bodies
from tests.factories.world import World


def test_command_publishes_the_five_checklists_once(
    world: World, database_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSHAO_DATABASE_URL", database_address)
    monkeypatch.setenv("ANSHAO_DATA_DIR", str(tmp_path))
    first, second = (CliRunner().invoke(cli, ["content", "load"]) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert second.output.count("未变 / unchanged") == 5
    templates = world.person("inspector").get("/mobile/v1/templates").json()["templates"]
    offered = {(template["code"], template["content_hash"]) for template in templates}
    for code, body in shipped_bodies().items():
        assert (code, content_hash(body)) in offered
