"""How a pull travels: compressed where the client accepts it, as pages or as lines that can be broken off."""

import gzip
import json
import zlib
from typing import Any

import pytest
import zstandard
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.core.clock import utc_now
from app.enums.sync import SyncCollection
from app.models.identity import LoginSession
from app.routers.mobile.sync import in_lines
from app.services.sync.service import pull
from app.services.sync.streaming import find_submitter
from tests.factories.world import World
from tests.sync.test_pull import Team, registered


@pytest.fixture
def team(world: World) -> Team:
    made, manager = Team(world), world.person("case_officer")
    for number in range(7):
        registered(manager, world, f"第{number}企业")
    return made


def raw(team: Team, encoding: str, **options: Any) -> tuple[Any, bytes]:
    """The answer and its body as it travelled."""
    headers = {"Accept-Encoding": encoding, **options.pop("headers", {})}
    client: TestClient = team.world.client
    headers["Authorization"] = f"Bearer {team.phone.access_token}"
    with client.stream("GET", "/mobile/v1/sync/enterprises/pull", headers=headers, **options) as answer:
        return answer, b"".join(answer.iter_raw())


def test_a_page_is_compressed_as_the_client_accepts(team: Team) -> None:
    plain, body = raw(team, "identity")
    assert "content-encoding" not in plain.headers
    zipped, small = raw(team, "gzip")
    assert (zipped.headers["content-encoding"], len(small) < len(body)) == ("gzip", True)
    modern, smaller = raw(team, "gzip, zstd")
    assert modern.headers["content-encoding"] == "zstd"
    documents = json.loads(body)["documents"]
    assert json.loads(gzip.decompress(small))["documents"] == documents
    assert json.loads(zstandard.ZstdDecompressor().decompress(smaller))["documents"] == documents
    assert "Accept-Encoding" in zipped.headers["vary"]


def test_what_does_not_belong_to_the_synchronisation_is_not_compressed(team: Team) -> None:
    answer = team.phone.request("GET", "/templates", headers={"Accept-Encoding": "gzip, zstd"})
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers


def lines_of(text: str) -> list[dict[str, Any]]:
    """The whole lines."""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_lines_bring_everything_in_one_answer_with_a_checkpoint_after_each_page(team: Team) -> None:
    answer, body = raw(team, "identity", headers={"Accept": "application/x-ndjson"}, params={"limit": 3})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = lines_of(body.decode())
    assert [("checkpoint" in line) for line in lines] == [False] * 3 + [True] + [False] * 3 + [True] + [
        False
    ] * 2 + [True]
    assert [line["has_more"] for line in lines if "checkpoint" in line] == [True, True, False]
    assert len({line["id"] for line in lines if "id" in line}) == 8


def test_lines_that_broke_off_go_on_from_the_last_checkpoint_that_arrived(team: Team) -> None:
    _, body = raw(team, "gzip", headers={"Accept": "application/x-ndjson"}, params={"limit": 3})
    whole = lines_of(zlib.decompressobj(31).decompress(body).decode())
    torn = ""
    for end in range(len(body)):  # the line breaks as soon as the first checkpoint is readable
        torn = zlib.decompressobj(31).decompress(body[:end]).decode("utf-8", "ignore")
        if '"checkpoint"' in torn and torn.endswith("\n"):
            break
    arrived = lines_of(torn)
    assert 0 < len(arrived) < len(whole)
    cursor = arrived[-1]["checkpoint"]["cursor"]
    _, rest = raw(
        team, "identity", headers={"Accept": "application/x-ndjson"}, params={"limit": 3, "cursor": cursor}
    )
    together = {line["id"] for line in arrived + lines_of(rest.decode()) if "id" in line}
    assert together == {line["id"] for line in whole if "id" in line}


def test_no_connection_is_held_between_two_pages_of_lines(team: Team) -> None:
    runtime = team.world.runtime
    held: list[int] = []

    async def read() -> None:
        actor = await find_submitter(runtime, team.phone.access_token)
        first = await pull(runtime, actor, SyncCollection.ENTERPRISES, None, 3)
        async for _ in in_lines(runtime, team.phone.access_token, SyncCollection.ENTERPRISES, first, 3):
            held.append(runtime.database.engine.pool.checkedout())  # type: ignore[attr-defined]

    team.world.client.portal.call(read)  # type: ignore[union-attr]
    assert held == [0, 0, 0]


def test_lines_end_without_a_last_checkpoint_when_the_phone_is_refused_meanwhile(team: Team) -> None:
    runtime = team.world.runtime
    pages: list[list[dict[str, Any]]] = []

    async def read() -> None:
        actor = await find_submitter(runtime, team.phone.access_token)
        first = await pull(runtime, actor, SyncCollection.ENTERPRISES, None, 3)
        async for page in in_lines(runtime, team.phone.access_token, SyncCollection.ENTERPRISES, first, 3):
            pages.append(lines_of(page.decode()))
            async with runtime.database.write() as session:
                of_phone = LoginSession.device_id == team.phone.device_id
                await session.execute(update(LoginSession).where(of_phone).values(revoked_at=utc_now()))

    team.world.client.portal.call(read)  # type: ignore[union-attr]
    assert [page[-1]["has_more"] for page in pages] == [True]
