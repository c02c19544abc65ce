"""The image, the compose file and the wheel, as far as they can be judged without building an image."""

import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import yaml

from app.config import Settings
from app.db.migrate import newest_revision
from app.storage.opening import open_store
from app.storage.store import StorageUnavailable
from tests.support.objects import ACCESS_KEY, PORTS, SECRET_KEY
from tests.support.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def instructions(stage: int = -1) -> list[tuple[str, str]]:
    """(instruction, arguments) of one stage of the Dockerfile."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    stages: list[list[tuple[str, str]]] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages[stage]


def values(word: str, stage: int = -1) -> list[str]:
    return [rest for found, rest in instructions(stage) if found == word]


def test_the_image_is_built_in_two_stages_from_the_locked_packages() -> None:
    assert len(re.findall(r"^FROM ", DOCKERFILE, re.MULTILINE)) == 2
    assert any("--require-hashes --requirement requirements.lock" in run for run in values("RUN", 0))
    assert "pip" not in " ".join(values("RUN"))
    assert all("/" not in image.split()[0].split(":")[0] for image in values("FROM") + values("FROM", 0))


def test_the_container_runs_as_nobody_special_and_says_how_it_is() -> None:
    assert values("USER") == ["anshao"]
    assert "useradd" in values("RUN")[0]
    assert "/readyz" in values("HEALTHCHECK")[0]
    assert values("ENTRYPOINT") == ['["python", "-m", "app.cli"]']
    assert values("CMD") == ['["serve"]']


def test_everything_the_image_copies_exists_and_is_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    for stage in (0, -1):
        for copied in values("COPY", stage):
            if copied.startswith("--from"):
                continue
            for source in copied.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignore


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the last stage's work folder would hold."""
    folder = tmp_path_factory.mktemp("image")
    for copied in values("COPY"):
        if not copied.startswith("--from"):
            source, target = copied.split()
            place = folder / target
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)
    return folder


def run_in(folder: Path, database: str, data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the program as it lies in `folder`, not as it lies in this checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSHAO_")}
    environment |= {"PYTHONPATH": str(folder), "ANSHAO_DATABASE_URL": database, "ANSHAO_DATA_DIR": str(data)}
    command = [sys.executable, "-c", "import app, sys; print(app.__file__); from app.cli import main; main()"]
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_the_image_holds_is_enough_to_run(
    image_folder: Path, database_address: str, tmp_path: Path
) -> None:
    migrated = run_in(image_folder, database_address, tmp_path, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert migrated.stdout.startswith(str(image_folder))
    assert newest_revision() in migrated.stdout
    for command in ("serve", "worker"):
        assert run_in(image_folder, database_address, tmp_path, command, "--help").returncode == 0


def test_the_wheel_brings_the_content_and_the_migrations(database_address: str, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = (tmp_path / "dist").glob("anshao-*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    assert list((installed / "app" / "content" / "checklists").glob("*.yaml"))
    assert not (installed / "tests").exists()
    assert (installed / "anshao_phone" / "py.typed").is_file()
    migrated = run_in(installed, database_address, tmp_path / "data", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert migrated.stdout.startswith(str(installed))


def test_compose_starts_api_worker_database_and_storage() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"api", "worker", "database", "storage"}
    assert (services["api"]["command"], services["worker"]["command"]) == (["serve"], ["worker"])
    for name in ("api", "worker"):
        waits = services[name]["depends_on"]
        assert {other: how["condition"] for other, how in waits.items()} == {
            "database": "service_healthy",
            "storage": "service_healthy",
        }
        assert all("healthcheck" in services[other] for other in waits)


def test_the_storage_of_compose_starts_makes_its_bucket_and_knows_its_account(tmp_path: Path) -> None:
    """The very command of the file, on the same server's binary, with places and ports of its own."""
    ports = {name: free_port() for name in PORTS}
    replaced = {
        "$$": "$",
        "/data": str(tmp_path),
        "-ip=storage": "-ip=127.0.0.1",
        "-s3 ": "-s3 -s3.port.iceberg=0 -s3.port.lance=0 "
        + " ".join(f"-{name}={port}" for name, port in ports.items())
        + " ",
        "localhost:9333": f"localhost:{ports['master.port']}.{ports['master.port.grpc']}",
    }
    command = COMPOSE["services"]["storage"]["command"][0]
    for old, new in replaced.items():
        assert old in command
        command = command.replace(old, new)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "S3_ACCESS_KEY": ACCESS_KEY,
        "S3_SECRET_KEY": SECRET_KEY,
    }
    with (tmp_path / "weed.log").open("wb") as log:
        server = subprocess.Popen(
            ["/bin/sh", "-ec", command], env=environment, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        )  # fmt: skip
    try:
        anyio.run(_keep_one, f"http://127.0.0.1:{ports['s3.port']}")
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


async def _keep_one(address: str) -> None:
    """Store an object as the compose file's API would, once the server and its bucket are there."""
    settings = Settings(
        _env_file=None, storage_url=COMPOSE["x-anshao"]["environment"]["ANSHAO_STORAGE_URL"], s3_endpoint=address,
        s3_access_key=ACCESS_KEY, s3_secret_key=SECRET_KEY,
    )  # fmt: skip
    store = open_store(settings)
    with anyio.fail_after(90):
        while True:
            try:
                await store.put("compose/probe", b"kept")
            except StorageUnavailable:
                await anyio.sleep(0.5)
            else:
                break
    assert await store.read("compose/probe") == b"kept"
    with anyio.fail_after(20):
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{address}/healthz")).status_code == 200
            assert (await http.get(f"{address}/anshao")).status_code == 403


def test_compose_names_settings_that_exist_and_no_secret() -> None:
    known = {f"ANSHAO_{name.upper()}" for name in Settings.model_fields}
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if name.startswith("ANSHAO_"):
                assert name in known
            if re.search("PASSWORD|KEY$|SECRET|URL", name) and "://" not in value:
                assert re.fullmatch(r"\$\{[A-Z_0-9]+:\?.+\}", value), name


def test_compose_names_images_plainly_and_keeps_every_folder_that_matters() -> None:
    for service in COMPOSE["services"].values():
        assert "." not in service["image"].split("/")[0]
    kept = {volume.split(":")[0] for service in COMPOSE["services"].values() for volume in service["volumes"]}
    assert kept == set(COMPOSE["volumes"])
    declared = {str(place) for place in yaml.safe_load(values("VOLUME")[0])}
    mounted = {volume.split(":")[1] for volume in COMPOSE["services"]["api"]["volumes"]}
    assert declared == mounted


def test_the_reference_phone_is_a_package_of_its_own(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT / "clients" / "python", check=True, capture_output=True, timeout=120)
    (wheel,) = (tmp_path / "dist").glob("anshao_phone-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name.split("/")[0] for name in archive.namelist()}
    assert held == {"anshao_phone", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}
