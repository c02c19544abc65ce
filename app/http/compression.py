"""Compressed answers, where phones pull: gzip, or zstd where the client accepts it. Everything else leaves as it is.

Compressing is a matter of these addresses only. An answer that mixes a secret with what an attacker chose can be guessed from
its length (BREACH): here nothing of the request comes back, no token stands in the answer, and no browser sends a credential
by itself.
"""

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type

LINES = "application/x-ndjson"
PREFIX = "/mobile/v1/sync/"

add_compress_type(
    LINES, streaming=True
)  # each page leaves whole, so that what breaks off goes on from the last one


class CompressedSync:
    """Compresses the answers of the synchronisation."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressed = CompressMiddleware(app, brotli=False, gzip_level=6, zstd_level=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_sync = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (self._compressed if is_sync else self._app)(scope, receive, send)
