"""The other two users: a safety assistant on patrol, who has no enforcement power, and a third-party application."""

from datetime import datetime
from typing import Any

import httpx

from anshao_phone import Phone
from app.core.ids import new_id
from app.demo.city import City
from app.demo.console import StoryFailed, expect
from app.demo.fieldwork import Visit, deliver, site_document, take_photos
from app.demo.stage import Stage

CLIENT_NAME = "省级监管平台"
SCOPES = ("enterprises:read", "inspections:read", "hazards:read")


def patrol(city: City, phone: Phone, visit: Visit, stage: Stage) -> dict[str, Any]:
    """A patrol with a photograph and a whistle, both receipted; an officer handles the whistle. Gives the whistle."""
    place = Visit(str(new_id()), visit.enterprise_id, visit.site_id, {})
    points = [
        {"key": "exit", "name": "疏散通道", "outcome": "abnormal", "note": "堆放杂物"},
        {"key": "extinguisher", "name": "灭火器", "outcome": "normal"},
    ]
    document = site_document(place, city)
    now = datetime.fromisoformat(document["times"]["sealed_at"])
    phone.seal(
        {**document, "kind": "patrol", "patrol": {"note": "例行巡查", "points": points}},
        take_photos(phone, ["exit"], now, stage),
    )
    call = {"what": "维修车间正在动火，现场未见作业票", "urgency": "immediate"}
    whistle = phone.seal(
        {**document, "kind": "whistle", "whistle": call}, take_photos(phone, ["whistle"], now, stage)
    )
    deliver([phone], place, stage)
    stage.say(f"{phone.name} 巡查一次并吹哨 · patrolled and whistled: {call['what']}")
    _show_refusal(phone, visit, stage)
    officer = city.people["officer1"]
    shown = officer.get(f"/whistles/{whistle.id}")
    shown = officer.post(
        f"/whistles/{whistle.id}/acknowledgment", {"note": "已收到，正在处置"}, shown["version"]
    )
    body = {"note": "现场制止动火，已按规定处理", "visit_id": visit.id}
    handled: dict[str, Any] = officer.post(f"/whistles/{whistle.id}/handling", body, shown["version"])
    stage.say(f"执法人员处置吹哨 · the whistle is {handled['status']}")
    return handled


def _show_refusal(phone: Phone, visit: Visit, stage: Stage) -> None:
    """An assistant signs no enforcement document, whatever is tried."""
    package = visit.packages[0]
    refused = phone.sign_package(package.id, package.sha256, "sha-256:" + "0" * 64)
    if refused.status_code != 403:
        raise StoryFailed(f"an assistant's signature was answered with {refused.status_code}")
    stage.say(f"专职安全员签署执法文书被拒绝 · an assistant's signature is refused: {refused.json()['code']}")


def read_as_partner(city: City, stage: Stage) -> dict[str, int]:
    """Register the application (or give it a new secret), get a token by OAuth 2, read everything by cursor; the counts."""
    administrator = city.administrator
    known = [
        row
        for row in administrator.get("/clients", limit=200)["items"]
        if row["name"] == CLIENT_NAME and row["is_active"]
    ]
    if known:
        made = administrator.post(f"/clients/{known[0]['id']}/rotation", {}, known[0]["version"])
    else:
        made = administrator.post(
            "/clients", {"name": CLIENT_NAME, "scopes": list(SCOPES), "region_id": city.city_id}
        )
    form = {"grant_type": "client_credentials", "scope": " ".join(SCOPES)}
    basic = (made["client"]["id"], made["client_secret"])
    answer = city.http.post("/partner/v1/oauth/token", data=form, auth=basic)
    expect(answer, "the client asks for a token")
    token = answer.json()["access_token"]
    counts = {name: _count(city.http, token, name) for name in ("enterprises", "inspections", "hazards")}
    stage.say(
        "  ".join(f"{name}: {number}" for name, number in counts.items())
        + "  （按游标逐页读取 · page by page, by cursor）"
    )
    return counts


def _count(http: httpx.Client, token: str, name: str) -> int:
    total, cursor = 0, None
    while True:
        parameters = {"limit": "50", **({"cursor": cursor} if cursor else {})}
        headers = {"Authorization": f"Bearer {token}"}
        answer = http.get(f"/partner/v1/{name}", params=parameters, headers=headers)
        expect(answer, f"the client reads {name}")
        page = answer.json()
        total += len(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return total
