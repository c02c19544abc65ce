"""What the repository holds, and what it must not hold."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import cli
from app.config import Settings

ROOT = Path(__file__).resolve().parents[2]
UNTRACKED = {
    ".git",
    ".venv",
    "var",
    "dist",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "__pycache__",
    "node_modules",
}


def committed_files() -> list[Path]:
    """Every file under version control; without git, every file but what can be made again."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [
        path for path in ROOT.rglob("*") if path.is_file() and not UNTRACKED & set(path.relative_to(ROOT).parts)
    ]  # fmt: skip


FORBIDDEN = re.compile(
    "|".join(
        [
            # built here in pieces, so that this file does not hold them either
            "pypi" + r"\.org", "files\\.python" + "hosted", "npm" + r"js\.(org|com)", "docker" + r"\.io", "ghcr" + r"\.io",
            "quay" + r"\.io", "registry" + r"\.(npm|hub|k8s|gitlab|access|redhat)",
            "proxy\\.go" + "lang", "--index-" + "url", "--extra-index-" + "url",
            "--find-" + "links", "/ro" + "ot/", "/wo" + "rk/", r"/ho" + r"me/[a-z]", "C:\\\\Us" + "ers",
        ]
    ),
    re.IGNORECASE,
)  # fmt: skip


def test_no_committed_file_names_a_registry_host_or_a_place_on_one_machine() -> None:
    found = []
    for path in committed_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in FORBIDDEN.finditer(text)]
    assert found == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_one_version_and_hashes(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) > 30
    for line in lines:
        assert re.match(r"[a-z0-9.\-_]+(\[[a-z,]+\])?==[^ ]+ ", line), line
        assert "--hash=sha256:" in line


def test_the_development_lock_holds_the_very_versions_of_the_production_lock() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9.\-_]+==[^ ;\\]+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_generated_documents_are_current() -> None:
    command = [sys.executable, "docs/generate.py", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} points to {target}"


def test_every_decision_is_listed_and_has_its_four_parts() -> None:
    folder = ROOT / "docs" / "adr"
    decisions = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert len(decisions) >= 10
    listed = (folder / "README.md").read_text()
    for number, path in enumerate(decisions, start=1):
        text = path.read_text(encoding="utf-8")
        assert path.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number:04} ")
        for part in ("## Context", "## Decision", "## Consequences", "## Alternatives"):
            assert part in text, f"{path.name} lacks {part}"
        assert path.name in listed


def test_make_help_tells_every_target_and_every_target_is_told() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony is not None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    told = subprocess.run(
        ["make", "help"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"^  make ([a-z]+) ", told, re.MULTILINE)) == set(phony.group(1).split())


def test_what_ci_runs_is_what_make_says() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[-2:] == ["make check", "make test"]


def test_only_the_settings_read_the_environment() -> None:
    allowed = {"app/config.py", "app/db/embedded.py", "app/serving.py", "app/http/metrics.py"}
    """Two more speak to libraries in the only way these listen: a runtime folder, a folder of shared counters."""
    readers = {
        str(path.relative_to(ROOT)) for path in (ROOT / "app").rglob("*.py") if re.search(r"os\.(environ|getenv)", path.read_text())
    }  # fmt: skip
    assert readers <= allowed


def test_every_setting_that_a_document_names_exists() -> None:
    known = {f"ANSHAO_{name.upper()}" for name in Settings.model_fields}
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "compose.yaml", ROOT / "Dockerfile"]:
        named = set(re.findall(r"ANSHAO_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")))
        assert named <= known, page.name


def test_every_command_that_a_document_names_exists() -> None:
    known = {
        command.name or command.callback.__name__ for command in cli.registered_commands if command.callback
    }
    known |= {group.name for group in cli.registered_groups if group.name}
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        named = set(
            re.findall(
                r"(?:`|app\.cli |bin/|^)anshao ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE
            )
        )
        assert named <= known, page.name
