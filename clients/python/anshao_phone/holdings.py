"""What the phone holds to work offline: documents pulled by collection, in a file of their own: starting over spares the outbox."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from anshao_phone.answers import Answer, NoNetwork, Step
from anshao_phone.device import Device
from anshao_phone.uploads import Ask

_SCHEMA = """
CREATE TABLE IF NOT EXISTS checkpoints (
    collection TEXT PRIMARY KEY, cursor TEXT, round INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS owner (user_id TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, id TEXT NOT NULL, round INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (collection, id)
) STRICT;
"""

BEGIN_ANEW = frozenset({"resync_required", "sync_cursor_invalid", "address_too_long"})
"""What a cursor that is good for nothing any more is answered with."""


class PullRefused(Exception):
    """The service does not give this collection; the message is its code."""


class Holdings:
    """Documents by collection, with the cursor to go on from. A page and its cursor are taken together or not at all."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def belong_to(self, user_id: UUID) -> None:
        """What is held is this user's from now on; what was another's is gone. The outbox is not touched."""
        found = self._database.execute("SELECT user_id FROM owner").fetchone()
        if found == (str(user_id),):
            return
        with self._transaction():
            if found is not None:
                self._database.execute("DELETE FROM documents")
                self._database.execute("DELETE FROM checkpoints")
                self._database.execute("DELETE FROM owner")
            self._database.execute("INSERT INTO owner VALUES (?)", (str(user_id),))

    def documents(self, collection: str) -> list[dict[str, Any]]:
        """Everything held of a collection, in order of id."""
        rows = self._database.execute(
            "SELECT body FROM documents WHERE collection = ? ORDER BY id", (collection,)
        )
        return [json.loads(row[0]) for row in rows]

    def find(self, collection: str, identifier: str) -> dict[str, Any] | None:
        """One document."""
        found = self._database.execute(
            "SELECT body FROM documents WHERE collection = ? AND id = ?", (collection, identifier)
        ).fetchone()
        return json.loads(found[0]) if found else None

    def position(self, collection: str) -> tuple[str | None, int]:
        """The cursor to go on from (None: from the beginning), and how often it was begun."""
        found = self._database.execute(
            "SELECT cursor, round FROM checkpoints WHERE collection = ?", (collection,)
        ).fetchone()
        return (found[0], int(found[1])) if found else (None, 0)

    def begin_anew(self, collection: str) -> None:
        """Pull everything again; what is held stays usable until the new whole is there."""
        _, number = self.position(collection)
        self._database.execute(
            "INSERT OR REPLACE INTO checkpoints VALUES (?, NULL, ?)", (collection, number + 1)
        )

    def take(
        self, collection: str, documents: Sequence[dict[str, Any]], cursor: str, *, has_more: bool
    ) -> None:
        """Take a page; with the last page of a new beginning goes what was held before and did not come again."""
        _, number = self.position(collection)
        with self._transaction():
            for document in documents:
                place = (collection, str(document["id"]))
                if document["_deleted"]:
                    self._database.execute("DELETE FROM documents WHERE collection = ? AND id = ?", place)
                else:
                    row = (*place, number, json.dumps(document, ensure_ascii=False))
                    self._database.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", row)
            if not has_more:
                stale = (collection, number)
                self._database.execute("DELETE FROM documents WHERE collection = ? AND round < ?", stale)
            self._database.execute(
                "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)", (collection, cursor, number)
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def pull(ask: Ask, device: Device, holdings: Holdings, collection: str) -> int:
    """Take what has changed; gives how many documents came. Raises PullRefused, NoNetwork, and what `ask` raises.

    Each page is kept with its cursor before the next is asked for, so a pull that breaks off goes on where it was. A cursor that
    is good for nothing any more makes it begin anew, once.
    """
    taken, may_begin_anew = 0, True
    while True:
        cursor, _ = holdings.position(collection)
        params = {"cursor": cursor} if cursor else {}
        answer = ask(
            lambda params=params: device.request("GET", f"/sync/{collection}/pull", params=params),  # type: ignore[misc]
            at_once=1,
        )
        if answer.code in BEGIN_ANEW and may_begin_anew:
            holdings.begin_anew(collection)
            may_begin_anew = False
            continue
        if answer.step is not Step.DONE:
            raise PullRefused(answer.code)
        documents, cursor, has_more = _read(answer)
        holdings.take(collection, documents, cursor, has_more=has_more)
        taken += len(documents)
        if not has_more:
            return taken


def _read(answer: Answer) -> tuple[list[dict[str, Any]], str, bool]:
    try:
        page = answer.document
        return list(page["documents"]), str(page["checkpoint"]["cursor"]), bool(page["has_more"])
    except (KeyError, TypeError) as error:
        raise NoNetwork("a page that is none is not the service's") from error
