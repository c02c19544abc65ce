"""`anshao demo`: the served application as a process of its own, the sample city, the story, and then serving on."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.db.migrate import upgrade
from app.demo.city import ADMINISTRATOR, AUTHORITY_NAME, CITY_CODE, CITY_NAME, City, make_city
from app.demo.console import Person, StoryFailed, new_password
from app.demo.stage import Stage
from app.demo.story import show_accounts, show_outcome, tell
from app.models.identity import User
from app.services.checklists.loading import load_shipped_checklists
from app.services.identity.passwords import hash_password
from app.services.identity.service import create_first_administrator
from app.services.runtime import open_runtime
from app.serving import database_address

READY_WITHIN_SECONDS = 240
"""A machine with ten times the work it can do imports for minutes."""


def run_demo(settings: Settings, *, serve_on: bool, accounts: Path | None = None) -> None:
    """Do the main job end to end; raises when anything does not hold. Serves until stopped, if asked.

    `accounts`: a file that is given the logins and passwords as JSON, for scripts.
    """
    stage = Stage()
    with database_address(settings) as address:
        upgrade(address)
        password = asyncio.run(_prepare(settings))
        log = settings.data_dir / "demo.log"
        with log.open("ab") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "serve", "--with-worker"], stdout=output, stderr=output
            )
            try:
                base = f"http://{settings.host}:{settings.port}"
                with httpx.Client(base_url=base, timeout=60, trust_env=False) as http:
                    _wait_until_ready(http, server, log)
                    city = _tell(http, password, stage)
                if accounts is not None:
                    _write_accounts(accounts, city)
                if serve_on:
                    _show_addresses(base, stage)
                    server.wait()
            finally:
                server.terminate()
                server.wait()


def _tell(http: httpx.Client, password: str, stage: Stage) -> City:
    stage.chapter("城市与人员", "The city and its people")
    with stage.progress("建立 · entering", 13) as advance:
        done: list[str] = []

        def step(what: str) -> None:
            done.append(what)
            advance(len(done))

        administrator = Person(http, ADMINISTRATOR, "系统管理员", password)
        city = make_city(http, administrator, step)
    stage.say(
        f"{CITY_NAME}：{len(city.regions) - 1} 个区县与镇街，{len(city.people) + 1} 人 · districts and towns, people"
    )
    with tempfile.TemporaryDirectory(prefix="anshao-phones-") as folder:
        outcome = tell(city, Path(folder), stage)
    show_outcome(outcome, stage)
    show_accounts(city, stage)
    return city


async def _prepare(settings: Settings) -> str:
    """What `anshao admin create` and `anshao content load` do; on a known sample city, a new password. Gives it."""
    password = new_password()
    async with open_runtime(settings) as runtime, runtime.database.write() as session:
        if not await _renew_password(session, password):
            await create_first_administrator(
                session,
                login=ADMINISTRATOR,
                name="系统管理员",
                password=password,
                city_code=CITY_CODE,
                city_name=CITY_NAME,
                authority_name=AUTHORITY_NAME,
            )
        await load_shipped_checklists(session)
    return password


async def _renew_password(session: AsyncSession, password: str) -> bool:
    """True when the sample city is there; raises StoryFailed on anybody else's installation."""
    known = (await session.execute(select(User.id).where(User.login == ADMINISTRATOR))).scalar_one_or_none()
    if known is None:
        if (await session.execute(select(User.id).limit(1))).first():
            raise StoryFailed(
                "此处已有正式数据，请为演示另设 ANSHAO_DATA_DIR / "
                "this is no empty installation: give the demonstration an ANSHAO_DATA_DIR of its own"
            )
        return False
    hashed = await hash_password(password)
    await session.execute(update(User).where(User.id == known).values(password_hash=hashed))
    return True


def _write_accounts(path: Path, city: City) -> None:
    people = [city.administrator, *city.people.values()]
    content = json.dumps({person.login: person.password for person in people}, indent=1)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


def _show_addresses(base: str, stage: Stage) -> None:
    rows = [
        ("工作台接口 · console", f"{base}/api/v1/docs"),
        ("终端接口 · phones", f"{base}/mobile/v1/docs"),
        ("第三方接口 · partners", f"{base}/partner/v1/docs"),
        ("公众接口 · public", f"{base}/public/v1/docs"),
        ("状态 · health", f"{base}/readyz  {base}/metrics"),
    ]
    stage.table("服务运行中，Ctrl+C 停止 · Serving; Ctrl+C stops", ("", ""), rows)


def _wait_until_ready(http: httpx.Client, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise StoryFailed(f"the server ended while it was starting (is the port taken?); see {log}")
        try:
            if http.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise StoryFailed(f"the server did not become ready; see {log}")
