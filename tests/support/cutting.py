"""A bad network: passes bytes on between a client and a server, and cuts connections after a given number of them."""

import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class CuttingProxy:
    """After so many bytes from clients, over however many connections, the one that sends is cut (reset, both ways); then after
    so many further ones, and so on. When all cuts are done everything passes."""

    def __init__(self, server_port: int, cuts: list[int], bytes_per_second: float | None = None) -> None:
        self._server_port = server_port
        self._cuts = list(cuts)
        self._lock = threading.Lock()
        self._bytes_per_second = bytes_per_second
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.passed = 0
        self.cut = 0

    @contextmanager
    def running(self) -> Iterator["CuttingProxy"]:
        """Accept until the block ends."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server, suppress(OSError):
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    content = ready.recv(32768)
                    if not content:
                        return
                    if ready is server:
                        client.sendall(content)
                        continue
                    content, is_last = self._let_through(content)
                    server.sendall(content)
                    if self._bytes_per_second is not None:
                        time.sleep(len(content) / self._bytes_per_second)
                    if is_last:
                        _reset(client)
                        _reset(server)
                        return

    def _let_through(self, content: bytes) -> tuple[bytes, bool]:
        """What of it passes, and whether the connection ends with it."""
        with self._lock:
            if self._cuts:
                content = content[: self._cuts[0]]
                self._cuts[0] -= len(content)
            self.passed += len(content)
            is_last = bool(self._cuts) and self._cuts[0] == 0
            if is_last:
                del self._cuts[0]
                self.cut += 1
            return content, is_last


def _reset(connection: socket.socket) -> None:
    """Close so that the other side hears of it the hard way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
