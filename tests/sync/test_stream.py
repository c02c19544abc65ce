"""The stream: what changes is told, what was missed is told again, and nobody who only listens costs anything."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text, update

from anshao_phone import Device
from app.core.actor import Actor, Grant
from app.core.clock import shanghai_today, utc_now
from app.core.ids import new_id
from app.enums.sync import SyncCollection
from app.jobs.relay import renew_epoch
from app.models.identity import LoginSession
from app.services.identity.tokens import issue_access_token
from app.services.runtime import Runtime
from app.services.sync import streaming, streams
from app.services.sync.errors import TooManyStreamsProblem
from app.services.sync.streaming import ChangeStream, find_submitter, open_stream
from app.services.sync.streams import Desk, Listener, desk_of
from tests.determinations.test_rulesets import Desk as Rules
from tests.factories.replica import relay
from tests.factories.world import World
from tests.support.notices import NOTICE, forget_notices
from tests.support.queries import recorded_queries
from tests.sync.test_pull import Team, registered

PATIENCE = 60


class Ear:
    """A client that holds one stream of the application open, below HTTP's transport."""

    def __init__(self, world: World, app: FastAPI, phone: Device, path: str, **headers: str) -> None:
        self._portal = world.client.portal
        self._phone, self._app = phone, app
        self._path, _, self._query = path.partition("?")
        self._headers = {"authorization": f"Bearer {phone.access_token}", **headers}
        assert self._portal is not None
        self._queue: asyncio.Queue[Any] = self._portal.call(self._make_queue)
        self._gone: asyncio.Event = self._portal.call(self._make_event)
        self._running: Future[None] = self._portal.start_task_soon(self._run)
        self._text = ""
        start = self._next()
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}

    async def _make_queue(self) -> "asyncio.Queue[Any]":
        return asyncio.Queue()

    async def _make_event(self) -> asyncio.Event:
        return asyncio.Event()

    async def _run(self) -> None:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": self._path, "raw_path": self._path.encode(), "query_string": self._query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in self._headers.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "root_path": "",
        }  # fmt: skip
        begun = False

        async def receive() -> dict[str, Any]:
            nonlocal begun
            if not begun:
                begun = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        await self._app(scope, receive, self._queue.put)
        await self._queue.put(None)

    def _next(self) -> Any:
        async def take() -> Any:
            return await asyncio.wait_for(self._queue.get(), PATIENCE)

        assert self._portal is not None
        return self._portal.call(take)

    def event(self) -> dict[str, str] | None:
        """The next event (comments and the beginning are passed over); None when the stream has ended."""
        while True:
            while "\n\n" in self._text:
                block, _, self._text = self._text.partition("\n\n")
                members = dict(
                    line.partition(":")[::2] for line in block.split("\n") if not line.startswith(":")
                )
                if "data" in members:
                    return {name: value.removeprefix(" ") for name, value in members.items()}
            message = self._next()
            if message is None or not message.get("more_body"):
                return None
            self._text += message["body"].decode()

    def body(self) -> Any:
        """The whole answer, where it is no stream."""
        return json.loads(self._next()["body"])

    def leave(self) -> None:
        """Hang up, and wait until the server has noticed."""
        assert self._portal is not None
        self._portal.call(self._hang_up)
        self._running.result(PATIENCE)

    async def _hang_up(self) -> None:
        self._gone.set()


Listen = Callable[..., Ear]


@pytest.fixture
def team(world: World) -> Team:
    return Team(world)


@pytest.fixture
def listen(world: World, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listen]:
    """Open a stream as a phone; all are hung up at the end."""
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.05)
    ears: list[Ear] = []

    def open_one(phone: Device, collection: str = "enterprises", query: str = "", **headers: str) -> Ear:
        ear = Ear(world, app, phone, f"/mobile/v1/sync/{collection}/stream{query}", **headers)
        ears.append(ear)
        return ear

    yield open_one
    for ear in ears:
        ear.leave()


def test_a_change_is_told_as_a_page_whose_id_is_the_cursor_to_go_on_with(
    team: Team, world: World, listen: Listen
) -> None:
    manager = world.person("case_officer")
    team.replica.pull("enterprises")
    ear = listen(team.phone, query=f"?cursor={team.replica.cursors['enterprises']}")
    assert (ear.status, ear.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    made = registered(manager, world, "新企业")
    relay(world)
    event = ear.event()
    assert event is not None
    data = json.loads(event["data"])
    assert [one["id"] for one in data["documents"]] == [made["id"]]
    assert event["id"] == data["checkpoint"]["cursor"]
    team.replica.take("enterprises", data["documents"], event["id"])
    assert team.replica.pull("enterprises") == []


def test_what_was_missed_is_told_by_last_event_id(team: Team, world: World, listen: Listen) -> None:
    manager = world.person("case_officer")
    team.replica.pull("enterprises")
    first = listen(team.phone, last_event_id=team.replica.cursors["enterprises"])
    registered(manager, world, "第一")
    relay(world)
    seen = first.event()
    assert seen is not None
    first.leave()
    missed = [registered(manager, world, name)["id"] for name in ("第二", "第三")]
    relay(world)
    again = listen(
        team.phone, query=f"?cursor={team.replica.cursors['enterprises']}", last_event_id=seen["id"]
    ).event()
    assert again is not None
    assert [one["id"] for one in json.loads(again["data"])["documents"]] == missed


def test_much_that_was_missed_is_told_page_by_page_and_only_one_is_read_before_the_answer_begins(
    team: Team, world: World, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "PAGE", 2)
    monkeypatch.setattr(streams, "POLL_SECONDS", 60)  # what was missed is told unasked
    team.replica.pull("enterprises")
    manager = world.person("case_officer")
    made = {str(registered(manager, world, f"第{number}企业")["id"]) for number in range(5)}
    relay(world)
    cursor = team.replica.cursors["enterprises"]

    async def begin() -> int:
        actor = await find_submitter(world.runtime, team.phone.access_token)
        stream = await open_stream(
            world.runtime, actor, team.phone.access_token, SyncCollection.ENTERPRISES, cursor
        )
        await stream.close()
        return len(stream._first)

    assert world.client.portal is not None
    assert world.client.portal.call(begin) == 1
    ear = listen(team.phone, last_event_id=cursor)
    events = [ear.event() for _ in range(3)]
    told = [json.loads(event["data"])["documents"] for event in events if event]
    assert [len(documents) for documents in told] == [2, 2, 1]
    assert {document["id"] for documents in told for document in documents} == made


def test_without_a_cursor_it_says_when_to_pull(team: Team, world: World, listen: Listen) -> None:
    manager = world.person("case_officer")
    relay(world)
    ear = listen(team.phone)
    first = ear.event()
    assert first is not None
    assert first["event"] == "RESYNC"
    registered(manager, world, "新企业")
    relay(world)
    second = ear.event()
    assert second is not None
    assert second["event"] == "RESYNC"


def test_an_imported_notice_is_told_to_who_listens_to_the_calendar(
    team: Team, world: World, listen: Listen
) -> None:
    team.replica.pull("holidays")
    relay(world)
    ear = listen(team.phone, "holidays", last_event_id=team.replica.cursors["holidays"])
    administrator = world.person("administrator")
    assert administrator.post("/api/v1/calendar/notices", json=NOTICE).status_code == 201
    relay(world)
    event = ear.event()
    world.in_database(forget_notices)
    assert event is not None
    assert (event["event"], event["id"]) == ("RESYNC", "")


def test_a_publication_of_rules_is_told_to_who_listens_to_the_law(
    team: Team, world: World, listen: Listen
) -> None:
    """At once, not when this process would have read it by itself."""
    rules = Rules(world)
    draft = rules.without_alarm()
    team.replica.pull("law")
    relay(world)
    ear = listen(team.phone, "law", last_event_id=team.replica.cursors["law"])
    try:
        published = rules.step(rules.chief, draft, "publish")
        assert published.status_code == 200, published.text
        rules.published.append(published.json())
        relay(world)
        event = ear.event()
    finally:
        rules.clear()
    assert event is not None
    assert (event["event"], event["id"]) == ("RESYNC", "")


def test_a_cursor_of_another_epoch_is_answered_with_a_resync_that_forgets_it(
    team: Team, world: World, listen: Listen
) -> None:
    team.replica.pull("enterprises")
    world.in_database(renew_epoch)
    event = listen(team.phone, last_event_id=team.replica.cursors["enterprises"]).event()
    assert event is not None
    assert (event["event"], event["id"]) == ("RESYNC", "")


def test_a_cursor_of_somebody_else_opens_nothing(team: Team, listen: Listen) -> None:
    team.replica.pull("enterprises")
    colleague = team.home.phone(team.officers[1].user_id)
    ear = listen(colleague, last_event_id=team.replica.cursors["enterprises"])
    assert (ear.status, ear.body()["code"]) == (400, "sync_cursor_invalid")


def test_a_new_grant_is_told_without_any_row_having_changed(team: Team, world: World, listen: Listen) -> None:
    other = registered(world.person("case_officer"), world, "西区企业", world.other_town)
    team.replica.pull("enterprises")
    ear = listen(team.phone, last_event_id=team.replica.cursors["enterprises"])
    given = {
        "role": "inspector",
        "region_id": str(world.other_district),
        "starts_on": shanghai_today().isoformat(),
    }
    path = f"/api/v1/users/{team.officers[0].user_id}/grants"
    assert world.person("administrator").post(path, json=given, version=1).status_code == 201
    relay(world)
    event = ear.event()
    assert event is not None
    assert [one["id"] for one in json.loads(event["data"])["documents"]] == [other["id"]]


def test_it_ends_with_the_token(team: Team, world: World, listen: Listen) -> None:
    session = world.logged_in(team.officers[0].user_id, team.phone.device_id).session_id
    minutes: Any = 0.05
    team.phone.access_token = issue_access_token(world.runtime.keys, minutes=minutes, session_id=session)
    ear = listen(team.phone)
    assert ear.event() is not None
    assert ear.event() is None


def test_whose_session_was_ended_is_told_nothing_more(team: Team, world: World, listen: Listen) -> None:
    team.replica.pull("enterprises")
    ear = listen(team.phone, last_event_id=team.replica.cursors["enterprises"])

    async def end(session: Any) -> None:
        of_phone = LoginSession.device_id == team.phone.device_id
        await session.execute(update(LoginSession).where(of_phone).values(revoked_at=utc_now()))

    world.in_database(end)
    registered(world.person("case_officer"), world, "新企业")
    relay(world)
    assert ear.event() is None


def test_a_phone_opens_so_many_streams_and_no_more_and_gets_the_place_back(
    team: Team, world: World, listen: Listen
) -> None:
    most = world.runtime.settings.sync_streams_per_device
    open_ones = [listen(team.phone) for _ in range(most)]
    refused = listen(team.phone)
    assert (refused.status, refused.headers["retry-after"]) == (429, "30")
    assert refused.body()["code"] == "too_many_streams"
    other_phone = team.home.phone(team.officers[1].user_id)
    assert listen(other_phone).status == 200
    open_ones[0].leave()
    assert listen(team.phone).status == 200


def test_the_whole_process_has_a_bound(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(runtime)
    monkeypatch.setattr(desk, "_total", 2)

    async def story() -> None:
        first, second = (desk.place_for(somebody(), Listener(frozenset())) for _ in range(2))
        async with first, second:
            with pytest.raises(TooManyStreamsProblem):
                await desk.place_for(somebody(), Listener(frozenset())).__aenter__()
        async with desk.place_for(somebody(), Listener(frozenset())):
            pass

    asyncio.run(story())


def somebody() -> Actor:
    grant = Grant("inspector", frozenset({"inspections:submit"}), frozenset())
    return Actor(kind="user", grants=(grant,), user_id=new_id(), device_id=new_id())


def test_a_thousand_idle_streams_hold_no_connection_and_ask_one_question_between_them(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.2)
    relay(world)
    most = runtime.settings.sync_streams
    assert most == 1000

    async def story() -> tuple[int, int, int]:
        token = issue_access_token(runtime.keys, minutes=5, session_id=new_id())
        opened: list[ChangeStream] = []
        try:
            with recorded_queries(runtime.database) as statements:
                for _ in range(most):
                    opened.append(
                        await open_stream(runtime, somebody(), token, SyncCollection.ENTERPRISES, None)
                    )
                readers = [one.events() for one in opened]
                for reader in readers:
                    await anext(reader)
                    await anext(reader)
                waiting = [asyncio.ensure_future(anext(reader)) for reader in readers]
                statements.clear()
                await asyncio.sleep(1)
                polls, held = len(statements), runtime.database.engine.pool.checkedout()  # type: ignore[attr-defined]
            for task in waiting:
                task.cancel()
            done = await asyncio.gather(*waiting, return_exceptions=True)
        finally:
            for one in opened:
                await one.close()
        assert len(done) == most
        return polls, held, len(desk_of(runtime)._listeners)

    assert world.client.portal is not None
    polls, held, left = world.client.portal.call(story)
    assert polls <= 6
    assert held <= 1  # the one question
    assert left == 0


def watches() -> int:
    """Tasks of this loop that watch the feed."""
    return sum("_keep_watching" in repr(task.get_coro()) for task in asyncio.all_tasks() if not task.done())


def connections_out(runtime: Runtime) -> int:
    """Connections of the pool that somebody holds."""
    out: int = runtime.database.engine.pool.checkedout()  # type: ignore[attr-defined]
    return out


@pytest.fixture
def slow_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch is nearly always in the middle of its question."""
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(streams, "_WHERE", text("SELECT last_position FROM change_feed, pg_sleep(1)"))


async def asking(runtime: Runtime) -> None:
    """The watch has a connection and waits for its answer."""
    async with asyncio.timeout(20):
        while connections_out(runtime) != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("slow_watch")
def test_the_last_stream_that_is_closed_leaves_no_task_and_no_connection_behind(
    world: World, runtime: Runtime
) -> None:
    async def story() -> list[tuple[int, int]]:
        token = issue_access_token(runtime.keys, minutes=5, session_id=new_id())
        seen = []
        opened = [
            await open_stream(runtime, somebody(), token, SyncCollection.ENTERPRISES, None) for _ in range(3)
        ]
        await asking(runtime)
        for one in opened:
            seen.append((watches(), connections_out(runtime)))
            await one.close()
        return [*seen, (watches(), connections_out(runtime))]

    assert world.client.portal is not None
    assert world.client.portal.call(story) == [(1, 1), (1, 1), (1, 1), (0, 0)]


@pytest.mark.usefixtures("slow_watch")
def test_clients_that_hang_up_leave_no_task_and_no_connection_behind(
    world: World, app: FastAPI, runtime: Runtime
) -> None:
    team = Team(world)

    async def left() -> tuple[int, int]:
        return watches(), connections_out(runtime)

    assert world.client.portal is not None
    ears = [Ear(world, app, team.phone, "/mobile/v1/sync/enterprises/stream") for _ in range(2)]
    for ear in ears:
        assert ear.event() == {"event": "RESYNC", "data": "RESYNC"}
    for ear in ears:
        ear.leave()
    assert world.client.portal.call(left) == (0, 0)


@pytest.mark.usefixtures("slow_watch")
def test_the_end_of_the_process_ends_the_watch_whatever_became_of_the_streams(
    world: World, runtime: Runtime
) -> None:
    async def story() -> tuple[int, int]:
        token = issue_access_token(runtime.keys, minutes=5, session_id=new_id())
        stream = await open_stream(runtime, somebody(), token, SyncCollection.ENTERPRISES, None)
        await asking(runtime)
        await streams.close_desk(runtime)
        left = watches(), connections_out(runtime)
        await stream.close()
        return left

    assert world.client.portal is not None
    assert world.client.portal.call(story) == (0, 0)


def test_of_two_streams_opened_at_once_the_slower_does_not_skip_what_the_watch_has_still_to_look_at(
    runtime: Runtime,
) -> None:
    """Both ask where the feed is; the one answered later must not move the place from which the watch looks on."""
    desk = Desk(runtime)

    async def open_both() -> int:
        answers, late = iter((5, 9)), asyncio.Event()

        async def where() -> int:
            position = next(answers)
            if position == 9:
                await late.wait()
            return position

        desk._where = where  # type: ignore[method-assign]
        first, second = asyncio.create_task(desk.watch()), asyncio.create_task(desk.watch())
        await first
        late.set()
        await second
        assert desk._watch is not None
        desk._watch.cancel()
        return desk._position

    assert asyncio.run(open_both()) == 5


def test_only_what_may_concern_a_stream_wakes_it() -> None:
    own, before, elsewhere, me = (new_id() for _ in range(4))
    listener = Listener(frozenset({"enterprise", "assignment", "user"}), me, frozenset({own}))

    class Moved:
        def __init__(
            self,
            kind: str,
            region_id: UUID | None,
            previous: UUID | None = None,
            user_id: UUID | None = None,
        ) -> None:
            self.kind, self.region_id, self.previous_region_id = kind, region_id, previous
            self.user_id = user_id

    wakes = {
        "own": Moved("enterprise", own),
        "left": Moved("enterprise", before, own),
        "elsewhere": Moved("enterprise", elsewhere),
        "other kind": Moved("hazard", own),
        "everywhere": Moved("enterprise", None),
        "assignment": Moved("assignment", elsewhere),
        "my grants": Moved("user", elsewhere, None, me),
        "his grants": Moved("user", elsewhere, None, new_id()),
    }
    assert {name for name, moved in wakes.items() if listener.concerns(moved)} == {
        "own", "left", "everywhere", "assignment", "my grants",
    }  # fmt: skip
