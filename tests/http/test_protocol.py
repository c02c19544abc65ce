"""What a connection may bring before the application takes it."""

import asyncio
from typing import Any

import pytest
import uvicorn

from app.http.protocol import READ_BYTES, BoundedProtocol

HEAD = b"PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: 10000000\r\n\r\n"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_body_is_read_no_faster_than_the_application_takes_it(loop: str) -> None:
    taken: list[int] = []

    async def hesitate(scope: Any, receive: Any, send: Any) -> None:
        while sum(taken) < 10_000_000:
            await asyncio.sleep(0.002)
            taken.append(len((await receive())["body"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send_whole() -> bytes:
        config = uvicorn.Config(
            hesitate, http=BoundedProtocol, lifespan="off", log_config=None, port=0, loop=loop
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  uvicorn tells it no other way
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
        writer.write(HEAD + bytes(10_000_000))
        await writer.drain()
        answer = await reader.readline()
        writer.close()
        server.should_exit = True
        await serving
        return answer

    with asyncio.Runner(loop_factory=uvicorn.Config(hesitate, loop=loop).get_loop_factory()) as runner:
        assert runner.run(send_whole()).startswith(b"HTTP/1.1 204")
    assert max(taken) < 2 * READ_BYTES
