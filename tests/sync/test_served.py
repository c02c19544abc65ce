"""The stream over real sockets: the worker's relay, a client without a proxy, and a server that is told to stop meanwhile."""

import json
from contextlib import closing
from pathlib import Path

import httpx

from app.jobs.relay import keep_epoch
from tests.factories.field import Field
from tests.support.postgres import cloned_database
from tests.support.served import Target
from tests.sync.test_pull import registered


def test_an_open_stream_tells_what_the_worker_positions_and_does_not_hold_up_the_server_that_stops(
    tmp_path: Path, database_cluster: str
) -> None:
    with cloned_database(database_cluster) as address:
        target = Target(tmp_path, address)
        target.in_database(keep_epoch)  # or the worker's first start would begin a new epoch at some moment
        with closing(target.client), target.serving("--with-worker") as served:
            world = target.world()
            field = Field(world)
            phone = field.phone(world.person("inspector", region=world.town).user_id)
            manager = world.person("case_officer")
            cursor = phone.request("GET", "/sync/enterprises/pull").json()["checkpoint"]["cursor"]
            headers = {"Authorization": f"Bearer {phone.access_token}", "Last-Event-ID": cursor}
            path = f"{served.address}/mobile/v1/sync/enterprises/stream"
            with httpx.stream("GET", path, headers=headers, timeout=60) as answer:
                assert answer.status_code == 200
                made = registered(manager, world, "新企业")
                lines = answer.iter_lines()
                data = next(line for line in lines if line.startswith("data:"))
                told = [one["id"] for one in json.loads(data.removeprefix("data:"))["documents"]]
                assert made["id"] in told
                assert served.stop() == 0
            assert "graceful shutdown exceeded" not in served.log.read_text()
