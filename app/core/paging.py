"""Keyset paging, as plain values: what a list is asked for and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many rows (1..200), after which key (the sort values of the last row seen, None at the start)."""

    limit: int = DEFAULT_LIMIT
    after: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page and the key to ask the next one with; `next_key` None means the end."""

    items: Sequence[T]
    next_key: tuple[Any, ...] | None

    @classmethod
    def cut(cls, rows: Sequence[T], request: PageRequest, key: Any) -> "Page[T]":
        """Make a page of `limit + 1` fetched rows; `key(row)` gives the sort values of a row."""
        if len(rows) <= request.limit:
            return cls(rows, None)
        kept = rows[: request.limit]
        return cls(kept, tuple(key(kept[-1])))
