"""Cursor paging on the wire: opaque, signed, bound to the caller and to the filter it was made for."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Query, Request
from pydantic import BaseModel

from app.core.errors import Problem
from app.core.paging import DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest
from app.http.sessions import CurrentActor, runtime_of

T = TypeVar("T")
Wire = TypeVar("Wire", bound=BaseModel)


class CursorProblem(Problem):
    """The cursor is damaged, or belongs to another caller or another filter."""

    status = 400
    code = "invalid_cursor"
    retry = "manual"
    zh = "分页游标无效，请从第一页重新查询"
    en = "The cursor is not valid here; start again from the first page"


class PageOf(BaseModel, Generic[Wire]):
    """One page; ask the next one with `cursor=next_cursor` and the same filters; null means the end."""

    items: list[Wire]
    next_cursor: str | None


class Paging:
    """The paging part of one request."""

    def __init__(self, request: Request, actor_label: str, limit: int, cursor: str | None) -> None:
        self._keys = runtime_of(request).keys
        filters = sorted(
            (k, v) for k, v in request.query_params.multi_items() if k not in ("cursor", "limit")
        )
        bound = orjson.dumps([request.url.path, actor_label, filters])
        self._binding = hashlib.sha256(bound).digest()
        self.request = PageRequest(limit, self._decode(cursor) if cursor else None)

    def page(self, page: Page[T], to_wire: Callable[[T], Wire]) -> PageOf[Wire]:
        """A page as it travels."""
        next_cursor = self._encode(page.next_key) if page.next_key is not None else None
        return PageOf(items=[to_wire(item) for item in page.items], next_cursor=next_cursor)

    def _encode(self, key: tuple[Any, ...]) -> str:
        payload = orjson.dumps([_tagged(value) for value in key])
        signature = self._keys.derive("cursor", self._binding + payload)[:16]
        return base64.urlsafe_b64encode(signature + payload).rstrip(b"=").decode()

    def _decode(self, cursor: str) -> tuple[Any, ...]:
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError as error:
            raise CursorProblem from error
        signature, payload = raw[:16], raw[16:]
        if signature != self._keys.derive("cursor", self._binding + payload)[:16]:
            raise CursorProblem
        return tuple(_untagged(value) for value in orjson.loads(payload))


_READERS: Mapping[str, Callable[[str], Any]] = {
    "uuid": UUID,
    "at": datetime.fromisoformat,
    "on": date.fromisoformat,
}


def _tagged(value: Any) -> Any:
    if isinstance(value, UUID):
        return {"uuid": str(value)}
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, date):
        return {"on": value.isoformat()}
    return value


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        ((tag, inner),) = value.items()
        return _READERS[tag](inner)
    return value


async def paging(
    request: Request,
    actor: CurrentActor,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Paging:
    """The dependency behind PagingOf."""
    return Paging(request, actor.label, limit, cursor)


PagingOf = Annotated[Paging, Depends(paging)]
