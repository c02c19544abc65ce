"""`anshao demo`: the sample city, the served application as a process of its own, the story, and then serving on."""

import asyncio
import subprocess
import sys
import time

import httpx

from app.config import Settings
from app.db.migrate import upgrade
from app.demo.city import City, make_city
from app.demo.story import Report, StoryFailed, tell
from app.services.runtime import open_runtime
from app.serving import database_address

READY_WITHIN_SECONDS = 60


def run_demo(settings: Settings, report: Report, *, serve_on: bool) -> None:
    """Do the main job end to end on the embedded database; raises when anything does not hold. Serves until stopped, if asked."""
    with database_address(settings) as address:
        upgrade(address)
        city = asyncio.run(_prepare(settings))
        server = subprocess.Popen([sys.executable, "-m", "app.cli", "serve", "--with-worker"])
        try:
            base = f"http://{settings.host}:{settings.port}"
            with httpx.Client(base_url=base, timeout=30, trust_env=False) as http:
                _wait_until_ready(http, server)
                tell(http, city, report)
            if serve_on:
                report(f"演示完成，服务运行于 · done; serving on {base} (Ctrl+C 停止 · stops)")
                server.wait()
        finally:
            server.terminate()
            server.wait()


async def _prepare(settings: Settings) -> City:
    async with open_runtime(settings) as runtime, runtime.database.write() as session:
        return await make_city(session, runtime)


def _wait_until_ready(http: httpx.Client, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise StoryFailed("the server ended while it was starting (is the port taken?)")
        try:
            if http.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise StoryFailed("the server did not become ready")
