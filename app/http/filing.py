"""One file of a form, taken in with the same guarantees at every desk: streamed, hashed, durable before its row, once per key."""

import hashlib
from collections.abc import Awaitable, Callable

import orjson
from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import Problem
from app.http.forms import StreamedForm
from app.http.idempotency import begin_once, store_answer
from app.services.evidence.service import forget_unused_bytes, hold_bytes, keep_bytes
from app.services.runtime import Runtime
from app.storage.store import Kept

Register = Callable[[AsyncSession, StreamedForm, Kept], Awaitable[BaseModel]]
"""Judges the form and writes the file's row in the given unit of work; gives what is answered."""


async def file_once(
    request: Request, runtime: Runtime, actor: Actor, key: str, register: Register
) -> Response:
    """Store the form's file and answer 201 with what `register` gives, or the stored answer; what is refused leaves no bytes."""
    form = StreamedForm(request, runtime.settings.max_body_bytes)
    kept = await keep_bytes(runtime, form.pieces(), None)
    try:
        async with runtime.database.write() as session:
            begun = await begin_once(session, runtime.keys, actor, key, _meaning(request, form, kept))
            await hold_bytes(session, runtime, kept)
            view = await register(session, form, kept)
            answer = Response(view.model_dump_json(), 201, media_type="application/json")
            await store_answer(session, begun, answer)
    except Problem:
        if kept.is_new:
            await forget_unused_bytes(runtime, kept.sha256)
        raise
    return answer


def _meaning(request: Request, form: StreamedForm, kept: Kept) -> bytes:
    """What the same key must come with again; boundaries between the parts may differ."""
    said = [request.url.path, sorted(form.fields.items()), form.file_name, form.file_type, kept.sha256]
    return hashlib.sha256(orjson.dumps(said)).digest()
