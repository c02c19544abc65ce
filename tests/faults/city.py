"""What the run needs, entered through the console API: people with phones' codes, a site, a published checklist."""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from app.config import Settings
from app.core.clock import SHANGHAI, shanghai_today, utc_now
from app.demo.console import Person
from app.demo.filling import fill_in
from app.services.checklists.loading import load_shipped_checklists
from app.services.identity.service import create_first_administrator
from app.services.runtime import open_runtime
from tests.faults.machine import Machine

PASSWORD = "correct horse battery staple"


class Desk(Person):
    """Somebody at the console who logs in anew before the token ends: it is good for a minute here."""

    _logged_in_at = float("-inf")

    def log_in(self) -> None:
        """Open a session."""
        self._logged_in_at = time.monotonic()
        super().log_in()

    def send(self, method: str, path: str, *, version: int | None = None, **options: Any) -> Any:
        """As a person does."""
        if time.monotonic() - self._logged_in_at > 40:
            self.log_in()
        return super().send(method, path, version=version, **options)

    def original(self, evidence_id: str) -> bytes:
        """The bytes of a file as they came."""
        return self._bytes(f"/api/v1/evidence/{evidence_id}/original")

    def package(self, package_id: str) -> Any:
        """What the service made of a package."""
        return json.loads(self._bytes(f"/mobile/v1/packages/{package_id}"))

    def receipt(self, package_id: str) -> bytes:
        """Its receipt, byte for byte."""
        return self._bytes(f"/mobile/v1/packages/{package_id}/receipt")

    def keys(self) -> bytes:
        """The published keys."""
        return self._bytes("/public/v1/keys")

    def _bytes(self, path: str) -> bytes:
        if time.monotonic() - self._logged_in_at > 40:
            self.log_in()
        headers = {"Authorization": f"Bearer {self._token}"}
        return self.http.get(path, headers=headers).raise_for_status().content


@dataclass(slots=True)
class City:
    """Who and where."""

    http: httpx.Client
    administrator: Desk
    officer: Desk
    """An inspector who reads what the phones sent."""
    authority_id: str
    region_id: str
    enterprise_id: str
    site_id: str
    template: dict[str, Any]
    answers: list[dict[str, Any]]
    """Ways to fill in the checklist: with everything in order, and with findings."""

    def new_inspector(self, number: int) -> str:
        """A certified inspector without an own login; the id."""
        return open_account(self.administrator, self.authority_id, self.region_id, f"inspector{number}")[
            "user"
        ]["id"]

    def code_for(self, user_id: str) -> str:
        """A one-time code for that person's phone."""
        code: str = self.administrator.post("/devices/codes", {"user_id": user_id})["code"]
        return code

    def confirm(self, device_id: str, fingerprint: str) -> None:
        """The fingerprint on the screen is the one at the console."""
        self.administrator.post(f"/devices/{device_id}/confirmation", {"fingerprint": fingerprint}, version=1)


def build_city(machine: Machine) -> City:
    """Enter everything, before anything is broken."""
    asyncio.run(_prepare(machine.settings))
    http = httpx.Client(base_url=machine.address, timeout=60, trust_env=False)
    administrator = Desk(http, "first", "陈安全", PASSWORD)
    administrator.log_in()
    (authority,) = administrator.get("/authorities")["items"]
    (region,) = administrator.get("/regions", level="city")["items"]
    opened = open_account(administrator, authority["id"], region["id"], "reader")
    officer = Desk(http, "reader", "reader", opened["initial_password"])
    officer.log_in()
    officer.choose_password()
    enterprise = officer.post(
        "/enterprises",
        {"name": "安市东风涂装有限公司", "region_id": region["id"], "regulated_trades": ["industry_trade"]},
    )
    site = officer.post(
        "/sites", {"enterprise_id": enterprise["id"], "region_id": region["id"], "name": "一号厂区"}
    )
    listed = officer.get("/checklists", status="published", limit=200)["items"]
    found = next(row for row in listed if row["code"] == "hot-work")
    content = officer.get(f"/checklists/{found['id']}")["body"]
    now = utc_now().astimezone(SHANGHAI)
    answers = [fill_in(content, now, is_good=is_good)[0] for is_good in (True, False)]
    template = {"code": found["code"], "version": found["number"], "hash": found["content_hash"]}
    return City(
        http, administrator, officer, authority["id"], region["id"], enterprise["id"], site["id"], template, answers
    )  # fmt: skip


async def _prepare(settings: Settings) -> None:
    """What `anshao admin create` and `anshao content load` do."""
    async with open_runtime(settings) as runtime, runtime.database.write() as session:
        await create_first_administrator(
            session, login="first", name="陈安全", password=PASSWORD, city_code="330100", city_name="安市",
            authority_name="安市应急管理局",
        )  # fmt: skip
        await load_shipped_checklists(session)


def open_account(administrator: Desk, authority_id: str, region_id: str, login: str) -> Any:
    """A certified inspector of the city; with the initial password."""
    today = shanghai_today()
    body = {"login": login, "name": "王小安", "authority_id": authority_id, "region_id": region_id}
    opened = administrator.post("/users", body)
    user = opened["user"]
    grant = {"role": "inspector", "region_id": region_id, "starts_on": today.isoformat()}
    administrator.post(f"/users/{user['id']}/grants", grant, user["version"])
    period = {
        "valid_from": (today - timedelta(days=99)).isoformat(),
        "valid_until": (today + timedelta(days=99)).isoformat(),
    }
    administrator.post("/certificates", {"user_id": user["id"], "number": f"C-{login}", **period})
    return opened
