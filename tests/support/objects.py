"""A real S3 server (SeaweedFS) for the tests: signatures checked, conditional writes, uploads in parts."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.config import Settings
from tests.support.processes import free_port

ACCESS_KEY, SECRET_KEY = "tests", "a secret of the tests"
START_SECONDS = 90


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """The address of a running server with one identity."""
    config = folder / "s3.json"
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    actions = ["Admin", "Read", "Write", "List"]
    config.write_text(
        json.dumps({"identities": [{"name": "tests", "credentials": credentials, "actions": actions}]})
    )
    ports = {name: free_port() for name in PORTS}
    command = [
        str(Path(sys.executable).with_name("weed")), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-filer", "-s3", f"-s3.config={config}", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=20", *(f"-{name}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{ports['s3.port']}"
    try:
        _wait_until_ready(address, process, folder / "weed.log")
        yield address
    finally:
        process.kill()
        process.wait()


PORTS = (
    "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc", "s3.port",
    "s3.port.grpc",
)  # fmt: skip


def _wait_until_ready(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """It answers a stranger with 403 when every part of it is up."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(address, timeout=5, trust_env=False).status_code == 403:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the S3 server did not start:\n{log.read_text()[-3000:]}")


def s3_settings(address: str, data_dir: Path, prefix: str, **more: object) -> Settings:
    """Settings of an installation that keeps its objects there."""
    return Settings(
        _env_file=None, data_dir=data_dir, storage_url=f"s3://anshao-tests/{prefix}", s3_endpoint=address,
        s3_access_key=ACCESS_KEY, s3_secret_key=SECRET_KEY, **more,
    )  # type: ignore[arg-type, call-arg]  # fmt: skip
