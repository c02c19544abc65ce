"""The public page of a placard: open to whoever has its token, with what may be published and nothing else, and gone afterwards."""

import hashlib
import re
from base64 import b64encode
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
import zxingcpp
from PIL import Image, ImageDraw
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.models.enterprises import Enterprise, Site
from app.models.hazards import Hazard
from app.models.placards import Placard
from tests.factories.world import World
from tests.hazards.test_placards import PLACARDS, Scene

CHECKED_USCC = "91350100M000100Y43"


class Outline(HTMLParser):
    """Tags in order, and the language of each element that says one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def token_of(scene: Scene, placard: dict[str, Any]) -> str:
    async def read(session: AsyncSession) -> str | None:
        wanted = select(Placard.public_token).where(Placard.id == UUID(placard["id"]))
        return await session.scalar(wanted)

    return str(scene.world.in_database(read))


def read(scene: Scene, token: str, **headers: str) -> Any:
    return scene.world.client.get(f"/public/v1/placards/{token}", headers=headers)


def test_a_placard_in_force_is_read_without_a_login_at_the_address_the_console_tells(scene: Scene) -> None:
    decided = scene.decided()
    url = scene.chief.get(f"{PLACARDS}/{decided['id']}").json()["public_url"]
    page = scene.world.client.get(url[url.index("/public") :])
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for shown in (
        "挂牌警示", "Placard warning", decided["number"], "东区", "MEM10-7-5", "安市应急管理局",
        str(shanghai_today()), str(shanghai_today() + timedelta(days=30)), "该单位存在逾期未整改的重大事故隐患。",
        "A major hazard was not removed here in time.",
    ):  # fmt: skip
        assert shown in page.text, shown


def test_the_page_tells_no_person_no_number_no_address_and_no_source(scene: Scene) -> None:
    decided = scene.decided()

    async def name_everything(session: AsyncSession) -> str:
        await session.execute(
            update(Enterprise)
            .where(Enterprise.id == UUID(decided["enterprise_id"]))
            .values(uscc=CHECKED_USCC, substitute_mark=None, name="<b>东镇涂装厂</b>")
        )
        await session.execute(
            update(Site).where(Site.id == UUID(decided["site_id"])).values(address="安市东区东镇一路9号")
        )
        told = "群众反映夜间冒烟"
        await session.execute(
            update(Hazard).where(Hazard.id == scene.hazard).values(source="tip", description=told)
        )
        return told

    told = scene.world.in_database(name_everything)
    page = read(scene, token_of(scene, decided)).text
    secret = [
        "赵小四", CHECKED_USCC, CHECKED_USCC[-6:], "一路9号", told, "tip", "举报", "停用并按方案治理",
        *(decided[name] for name in ("id", "hazard_id", "enterprise_id", "contact_id", "supervisor_id", "decided_by")),
    ]  # fmt: skip
    assert [one for one in secret if one in page] == []
    assert "<b>" not in page
    assert "&lt;b&gt;东镇涂装厂&lt;/b&gt;" in page


@pytest.mark.parametrize(
    "text",
    ["联系人赵小四。", "电话13800138000。", "代码91350100M000100Y43。", "身份证11010519491231002X。"],
)
def test_a_text_with_a_person_or_a_number_is_not_published(scene: Scene, text: str) -> None:
    for name in ("text_zh", "text_en"):
        answer = scene.propose(**{name: text})
        assert (answer.status_code, answer.json()["code"]) == (422, "placard_text")


def test_the_page_is_accessible_and_runs_nothing(scene: Scene) -> None:
    answer = read(scene, token_of(scene, scene.decided()))
    tags = Outline(answer.text).tags
    names = [tag for tag, _ in tags]
    assert next(attributes for tag, attributes in tags if tag == "html")["lang"] == "zh-CN"
    assert next(attributes for tag, attributes in tags if tag == "section" and attributes)["lang"] == "en"
    assert [tag for tag in names if re.fullmatch("h[1-6]", tag)] == ["h1", "h2"]
    assert {"main", "title"} <= set(names)
    assert not {"script", "img", "iframe", "form", "link", "a"} & set(names)
    assert not any(attribute.startswith("on") for _, attributes in tags for attribute in attributes)
    policy = answer.headers["content-security-policy"]
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"'sha256-{digest}'" in policy
    colours = re.findall(r"[;{](?:color|background):(#\w+)", style[1])
    assert contrast(*(luminance(one) for one in colours)) >= 7  # WCAG 2.2, AAA


def test_the_page_is_cached_and_changes_its_tag_with_its_words(scene: Scene) -> None:
    decided = scene.decided()
    token = token_of(scene, decided)
    first = read(scene, token)
    assert first.headers["cache-control"] == "public, max-age=300"
    again = read(scene, token, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]

    async def rename(session: AsyncSession) -> None:
        which = Enterprise.id == UUID(decided["enterprise_id"])
        await session.execute(update(Enterprise).where(which).values(name="西镇涂装厂"))

    scene.world.in_database(rename)
    changed = read(scene, token, **{"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("action", ["remove", "withdraw"])
def test_what_was_taken_down_is_gone_with_a_sentence(scene: Scene, action: str) -> None:
    decided = scene.decided()
    token, etag = token_of(scene, decided), read(scene, token_of(scene, decided)).headers["etag"]
    scene.put_hazard(status="reinspected")
    assert scene.step(scene.chief, decided, action).status_code == 200
    gone = read(scene, token, **{"If-None-Match": etag})
    assert gone.status_code == 410
    assert "该挂牌已摘除" in gone.text
    assert "taken down" in gone.text
    assert decided["number"] not in gone.text
    assert gone.headers["cache-control"] == "no-store"
    assert scene.chief.get(f"{PLACARDS}/{decided['id']}").json()["public_url"] is None


def test_what_is_proposed_or_refused_was_never_published(scene: Scene) -> None:
    proposed = scene.propose().json()
    token = token_of(scene, proposed)
    assert read(scene, token).status_code == 404
    assert scene.step(scene.chief, proposed, "refuse").status_code == 200
    never, unknown = read(scene, token), read(scene, "A" * 32)
    assert (never.status_code, never.text) == (unknown.status_code, unknown.text) == (404, unknown.text)


@pytest.mark.parametrize("token", ["x", "A" * 31, "A" * 33, "%00" * 32, "..%2F..%2Fkeys", "A" * 31 + "%0A"])
def test_what_is_no_token_opens_nothing(scene: Scene, token: str) -> None:
    assert read(scene, token).status_code == 404


def test_neither_the_placard_s_id_nor_its_number_is_a_token_and_no_list_tells_one(scene: Scene) -> None:
    decided = scene.decided()
    for guess in (decided["id"], decided["id"].replace("-", ""), decided["number"]):
        assert read(scene, guess).status_code == 404
    token = token_of(scene, decided)
    assert len(token) == 32
    assert token not in scene.chief.get(PLACARDS).text
    assert scene.world.client.get("/public/v1/placards").status_code == 404


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of #rgb or #rrggbb."""
    digits = colour[1:] if len(colour) == 7 else "".join(one * 2 for one in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    lighter, darker = max(one, other), min(one, other)
    return (lighter + 0.05) / (darker + 0.05)


def drawn(svg: str) -> Image.Image:
    """The picture of a QR code: dark runs `h` of rows, moved to by `m`, relative to the last end (segno's only path)."""
    size = int(re.search(r'width="(\d+)"', svg)[1])  # type: ignore[index]
    scale = int(re.search(r"scale\((\d+)\)", svg)[1])  # type: ignore[index]
    picture = Image.new("L", (size, size), 255)
    x, y = 0.0, 0.0
    for move, run in re.findall(r"[Mm]([-\d. ]+)h(\d+)", re.search(r'stroke="#000" d="([^"]+)"', svg)[1]):  # type: ignore[index]
        right, down = re.findall(r"-?[\d.]+", move)
        x, y = x + float(right), y + float(down)
        top = y - 0.5
        box = (x * scale, top * scale, (x + int(run)) * scale - 1, (top + 1) * scale - 1)
        ImageDraw.Draw(picture).rectangle(box, fill=0)
        x += int(run)
    return picture


def test_the_qr_code_for_print_leads_to_the_page(scene: Scene) -> None:
    decided = scene.decided()
    answer = scene.chief.get(f"{PLACARDS}/{decided['id']}/qr")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    (code,) = zxingcpp.read_barcodes(drawn(answer.text))
    assert code.text == scene.chief.get(f"{PLACARDS}/{decided['id']}").json()["public_url"]
