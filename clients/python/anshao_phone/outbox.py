"""The outbox: what the phone holds until a receipt covers it. SQLite in WAL mode with synchronous=FULL, and a folder of files.

A file is durable before its row, a row before anything is sent, a receipt before anything is deleted. Whatever moment the phone
dies at, the next start finds either the state before or the one after.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from anshao_phone.keys import sync_folder
from anshao_phone.protocol import SealedPackage, new_id
from anshao_phone.receipts import Expected, Link, Receipt

PIECE_BYTES = 256 * 1024
FOREVER_READABLE = 1
"""The version of the schema, in the file itself (user_version)."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS packages (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    sealed BLOB NOT NULL,
    sha256 TEXT NOT NULL,
    signature TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'aside', 'receipted', 'released')),
    problem TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY,
    package_id TEXT REFERENCES packages (id),
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    question TEXT,
    source TEXT NOT NULL,
    captured_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('captured', 'waiting', 'sent', 'aside', 'withdrawn', 'released')),
    problem TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    upload TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS files_of_package ON files (package_id);
CREATE TABLE IF NOT EXISTS receipts (
    number INTEGER PRIMARY KEY,
    package_id TEXT NOT NULL UNIQUE REFERENCES packages (id),
    previous TEXT,
    sha256 TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS links (number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS number_blocks (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pinned_keys (kid TEXT PRIMARY KEY, x TEXT NOT NULL) STRICT;
"""
_FILE = (
    "id, package_id, sha256, size, media_type, question, source, captured_at, state, problem, tries, upload"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file on the phone. `tries`: how often its sending has begun; `upload`: where a resumable upload of it goes on."""

    id: UUID
    package_id: UUID | None
    sha256: str
    size: int
    media_type: str
    question: str | None
    source: str
    captured_at: str
    state: str
    problem: dict[str, Any] | None
    tries: int
    upload: str | None

    def declaration(self) -> dict[str, Any]:
        """Its row in the manifest."""
        return {
            "id": str(self.id),
            "hash": self.sha256,
            "size": self.size,
            "media_type": self.media_type,
            "captured_at": self.captured_at,
            "source": self.source,
            "question": self.question,
        }


@dataclass(frozen=True, slots=True)
class Item:
    """A sealed package on the phone, with its signature; `problem` is the service's refusal that set it aside."""

    id: UUID
    sealed: bytes
    sha256: str
    signature: str
    state: str
    problem: dict[str, Any] | None


class Outbox:
    """One phone's. Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._files = folder / "files"
        self._files.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)
        sync_folder(folder)
        self._database = sqlite3.connect(folder / "outbox.db", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA foreign_keys = ON")
        self._database.executescript(_SCHEMA)
        self._database.execute(f"PRAGMA user_version = {FOREVER_READABLE}")
        sync_folder(folder)
        self._clear_left_overs()

    def close(self) -> None:
        """Close the database; what was committed is there."""
        self._database.close()

    # Facts: who the phone is, its tokens.

    def fact(self, name: str) -> str | None:
        """What was kept under the name."""
        row = self._one("SELECT value FROM facts WHERE name = ?", name)
        return str(row[0]) if row else None

    def keep_facts(self, **facts: str) -> None:
        """Keep all of them, or none."""
        with self._transaction():
            for name, value in facts.items():
                self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def forget_fact(self, name: str) -> None:
        """Keep it no longer."""
        self._database.execute("DELETE FROM facts WHERE name = ?", (name,))

    def number_blocks(self) -> list[dict[str, Any]]:
        """The blocks of numbers held, as the service gave them, oldest first."""
        rows = self._database.execute("SELECT body FROM number_blocks ORDER BY id")
        return [json.loads(row[0]) for row in rows]

    def keep_number_block(self, block: dict[str, Any], answers: str) -> None:
        """Keep a block, and that the request kept as this fact is answered by it."""
        with self._transaction():
            row = (str(block["id"]), json.dumps(block, ensure_ascii=False))
            self._database.execute("INSERT OR REPLACE INTO number_blocks VALUES (?, ?)", row)
            self.forget_fact(answers)

    def pinned_keys(self) -> dict[str, str]:
        """x by kid of the keys that may sign receipts."""
        return dict(self._database.execute("SELECT kid, x FROM pinned_keys").fetchall())

    def pin_keys(self, keys: dict[str, str]) -> None:
        """Add keys; none is ever forgotten or replaced."""
        with self._transaction():
            self._database.executemany("INSERT OR IGNORE INTO pinned_keys VALUES (?, ?)", list(keys.items()))

    # Capturing and sealing.

    def capture(
        self, content: bytes | Path, media_type: str, question: str | None, source: str, at: datetime
    ) -> File:
        """Take a file in, durably; a Path is copied."""
        identifier = new_id()
        path = self.path(identifier)
        staged = path.with_suffix(".new")
        digest, size = hashlib.sha256(), 0
        with staged.open("wb") as target:
            for piece in _pieces(content):
                digest.update(piece)
                size += target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        staged.replace(path)
        sync_folder(self._files)
        made = File(
            identifier, None, "sha-256:" + digest.hexdigest(), size, media_type, question, source, at.isoformat(),
            "captured", None, 0, None,
        )  # fmt: skip
        values = (str(identifier), None, made.sha256, size, media_type, question, source, made.captured_at)
        self._database.execute(
            f"INSERT INTO files ({_FILE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'captured', NULL, 0, NULL)", values
        )
        return made

    def add(self, package: SealedPackage, signature: str, files: Sequence[File]) -> None:
        """Put a sealed package in with its files; each file goes into one package."""
        with self._transaction():
            self._database.execute(
                "INSERT INTO packages (id, sealed, sha256, signature, state) VALUES (?, ?, ?, ?, 'waiting')",
                (str(package.id), package.sealed, package.hash, signature),
            )
            for file in files:
                taken = self._database.execute(
                    "UPDATE files SET package_id = ?, state = 'waiting' WHERE id = ? AND state = 'captured'",
                    (str(package.id), str(file.id)),
                )
                if taken.rowcount != 1:
                    raise ValueError(f"file {file.id} is not there, or in another package")

    # Looking.

    def items(self, *states: str) -> list[Item]:
        """The packages in these states, oldest first."""
        marks = ", ".join("?" * len(states))
        rows = self._database.execute(
            f"SELECT id, sealed, sha256, signature, state, problem FROM packages WHERE state IN ({marks}) "
            "ORDER BY place",
            states,
        )
        return [_item(row) for row in rows]

    def item(self, package_id: UUID) -> Item:
        """One package; raises KeyError."""
        found = self.find(package_id)
        if found is None:
            raise KeyError(package_id)
        return found

    def find(self, package_id: UUID) -> Item | None:
        """One package, if this outbox holds it."""
        row = self._one(
            "SELECT id, sealed, sha256, signature, state, problem FROM packages WHERE id = ?", str(package_id)
        )
        return _item(row) if row else None

    def files(self, package_id: UUID) -> list[File]:
        """A package's files."""
        rows = self._database.execute(
            f"SELECT {_FILE} FROM files WHERE package_id = ? ORDER BY id", (str(package_id),)
        )
        return [_file(row) for row in rows]

    def captured(self) -> list[File]:
        """Files that are in no package yet."""
        rows = self._database.execute(f"SELECT {_FILE} FROM files WHERE state = 'captured' ORDER BY id")
        return [_file(row) for row in rows]

    def path(self, file_id: UUID) -> Path:
        """Where a file lies."""
        return self._files / str(file_id)

    def is_intact(self, file: File) -> bool:
        """True when the file on the phone is still the one that was declared."""
        try:
            with self.path(file.id).open("rb") as content:
                return "sha-256:" + hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
        except FileNotFoundError:
            return False

    def expected(self, package_id: UUID, device_id: UUID) -> Expected:
        """What a receipt of the package has to cover."""
        files = {
            str(file.id): (file.sha256, file.size, file.state != "withdrawn")
            for file in self.files(package_id)
        }
        return Expected(package_id, self.item(package_id).sha256, device_id, files)

    def count_unfinished(self) -> int:
        """Packages that are neither released nor set aside."""
        row = self._one("SELECT count(*) FROM packages WHERE state IN ('waiting', 'sent', 'receipted')")
        assert row is not None
        return int(row[0])

    def statement(self, at: datetime) -> dict[str, Any]:
        """What is sealed and still to be sent, for a supervisor: files of packages that were sent count as well."""
        packages = self._one(
            "SELECT count(*), coalesce(sum(length(sealed)), 0) FROM packages WHERE state = 'waiting'"
        )
        files = self._one(
            "SELECT count(*), coalesce(sum(size), 0), min(captured_at) FROM files WHERE state IN ('waiting', 'aside')"
        )
        assert packages is not None
        assert files is not None
        return {
            "packages": packages[0],
            "files": files[0],
            "bytes": packages[1] + files[1],
            "oldest_at": files[2],
            "stated_at": at.isoformat(),
        }

    # Moving on.

    def mark_package(self, package_id: UUID, state: str, problem: dict[str, Any] | None = None) -> None:
        """The package's state from now on."""
        self._database.execute(
            "UPDATE packages SET state = ?, problem = ? WHERE id = ?",
            (state, json.dumps(problem) if problem else None, str(package_id)),
        )

    def mark_file(self, file_id: UUID, state: str, problem: dict[str, Any] | None = None) -> None:
        """The file's state from now on; where its upload went on is forgotten."""
        self._database.execute(
            "UPDATE files SET state = ?, problem = ?, upload = NULL WHERE id = ?",
            (state, json.dumps(problem) if problem else None, str(file_id)),
        )

    def note_try(self, file_id: UUID) -> None:
        """Its sending begins: from now on it may have arrived without the phone knowing."""
        self._database.execute("UPDATE files SET tries = tries + 1 WHERE id = ?", (str(file_id),))

    def note_upload(self, file_id: UUID, address: str | None) -> None:
        """Where its resumable upload goes on; None: nowhere."""
        self._database.execute("UPDATE files SET upload = ? WHERE id = ?", (address, str(file_id)))

    # Receipts and the end.

    def keep_receipt(self, receipt: Receipt) -> bool:
        """Keep a checked receipt; False when another one of its number is held: the chain is broken."""
        with self._transaction():
            self._database.execute(
                "INSERT OR IGNORE INTO receipts VALUES (?, ?, ?, ?, ?)",
                (receipt.number, str(receipt.package_id), receipt.previous, receipt.sha256, receipt.body),
            )
            row = self._one("SELECT sha256 FROM receipts WHERE number = ?", receipt.number)
            if row is None or row[0] != receipt.sha256:
                return False
            self._database.execute(
                "UPDATE packages SET state = 'receipted', problem = NULL WHERE id = ? AND state <> 'released'",
                (str(receipt.package_id),),
            )
            return True

    def receipt(self, package_id: UUID) -> bytes | None:
        """A package's receipt, byte for byte."""
        row = self._one("SELECT body FROM receipts WHERE package_id = ?", str(package_id))
        return bytes(row[0]) if row else None

    def kept_receipt(self, package_id: UUID) -> Receipt:
        """The same, read; raises KeyError."""
        row = self._one(
            "SELECT number, previous, sha256, body FROM receipts WHERE package_id = ?", str(package_id)
        )
        if row is None:
            raise KeyError(package_id)
        number, previous, sha256, body = row
        return Receipt(package_id, number, previous, sha256, body, json.loads(body))

    def keep_link(self, link: Link) -> None:
        """Keep a checked receipt of a package that this outbox does not hold: the chain goes on from it."""
        self._database.execute(
            "INSERT OR IGNORE INTO links VALUES (?, ?, ?)", (link.number, link.sha256, link.body)
        )

    def unsettled(self) -> list[tuple[int, str | None, UUID]]:
        """(number, previous, package id) of the receipts whose packages have not been released, in order."""
        rows = self._database.execute(
            "SELECT r.number, r.previous, r.package_id FROM receipts r JOIN packages p ON p.id = r.package_id "
            "WHERE p.state = 'receipted' ORDER BY r.number"
        )
        return [(row[0], row[1], UUID(row[2])) for row in rows]

    def link_before(self, number: int) -> tuple[str | None, bool] | None:
        """The hash that the receipt of this number has to name, and whether the chain is whole up to there; None: a gap.

        It is whole where it begins, at a released package, and at a receipt of a package that this outbox does not hold.
        """
        if number == 1:
            return None, True
        row = self._one(
            "SELECT r.sha256, p.state = 'released' FROM receipts r JOIN packages p ON p.id = r.package_id "
            "WHERE r.number = ?1 UNION ALL SELECT sha256, 1 FROM links WHERE number = ?1 LIMIT 1",
            number - 1,
        )
        return (str(row[0]), bool(row[1])) if row else None

    def release(self, package_id: UUID) -> None:
        """Let the files go that a receipted package's receipt covers as verified. Rows and receipt stay; bytes go last."""
        with self._transaction():
            done = self._database.execute(
                "UPDATE packages SET state = 'released' WHERE id = ? AND state = 'receipted'",
                (str(package_id),),
            )
            if done.rowcount != 1:
                raise ValueError("a package without a receipt is never released")
            self._database.execute(
                "UPDATE files SET state = 'released' WHERE package_id = ? AND state <> 'withdrawn'",
                (str(package_id),),
            )
        for file in self.files(package_id):
            if file.state == "released":
                self.path(file.id).unlink(missing_ok=True)

    def _clear_left_overs(self) -> None:
        """What a death in the middle left: files that were not whole, or whose package was released already."""
        for path in self._files.iterdir():
            row = self._one("SELECT state FROM files WHERE id = ?", path.name)
            if row is None or row[0] == "released":
                path.unlink(missing_ok=True)

    def _one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._database.execute(statement, values).fetchone()
        return found

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def _pieces(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as source:
        while piece := source.read(PIECE_BYTES):
            yield piece


def _item(row: Sequence[Any]) -> Item:
    identifier, sealed, sha256, signature, state, problem = row
    return Item(UUID(identifier), sealed, sha256, signature, state, _read(problem))


def _file(row: Sequence[Any]) -> File:
    (
        identifier,
        package_id,
        sha256,
        size,
        kind,
        question,
        source,
        captured_at,
        state,
        problem,
        tries,
        upload,
    ) = row
    package = UUID(package_id) if package_id else None
    return File(
        UUID(identifier), package, sha256, size, kind, question, source, captured_at, state, _read(problem), tries,
        upload,
    )  # fmt: skip


def _read(problem: str | None) -> dict[str, Any] | None:
    return json.loads(problem) if problem else None
