"""What is the same for everybody: the law that officers refer to, and the working calendar.

It changes with the program, the law also when a version of the rules is published; never row by row: a cursor carries the
content's hash, and another hash means pulling anew.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from app.core.actor import Actor
from app.core.wording import Wording
from app.enums.sync import SyncCollection
from app.services.cases.content import documents as law_documents
from app.services.cases.content import penalties
from app.services.determinations.content import rulesets
from app.services.determinations.describing import describe_clauses
from app.services.hazards.calendar import year_notices
from app.services.identity.keys import KeyRing
from app.services.sync.cursors import open_cursor, seal_cursor
from app.services.sync.errors import ResyncProblem

FORMAT = "content-1"

Document = dict[str, Any]


def pull_content(
    keys: KeyRing, actor: Actor, name: SyncCollection, cursor: str | None, limit: int
) -> tuple[list[Document], str, bool]:
    """A page of the shipped documents, the cursor after it, and whether more follows."""
    digest, documents = shipped(name)
    told = 0
    if cursor:
        version, known, told = open_cursor(keys, actor, name, cursor)
        if (version, known) != (FORMAT, digest):
            raise ResyncProblem
    page = documents[told : told + limit]
    told += len(page)
    return page, seal_cursor(keys, actor, name, [FORMAT, digest, told]), told < len(documents)


def shipped(name: SyncCollection) -> tuple[str, list[Document]]:
    """The documents of a collection in their order, and their hash."""
    return _shipped(name, tuple((one.name, one.in_force_until) for one in rulesets()))


@lru_cache(maxsize=4)
def _shipped(name: SyncCollection, _held: tuple[Any, ...]) -> tuple[str, list[Document]]:
    documents = [{**one, "_deleted": False} for one in CONTENT[name]()]
    return hashlib.sha256(orjson.dumps(documents)).hexdigest()[:32], documents


def _law() -> list[Document]:
    """Laws by version, the clauses of the determination standards with their questions, the articles on liability."""
    laws = [
        {
            "id": f"law:{one.code}:{one.version}",
            "kind": "law",
            "code": one.code,
            "version": one.version,
            "title": _both(one.title),
            "in_force_from": one.in_force_from,
            "in_force_until": one.in_force_until,
            "successor": one.successor,
            "to_be_confirmed": one.to_be_confirmed,
        }
        for one in law_documents()
    ]
    clauses = [
        {
            **clause.model_dump(mode="json"),
            "id": f"clause:{clause.id}:{ruleset.version}",
            "kind": "clause",
            "code": clause.id,
            "in_force_from": ruleset.in_force_from,
            "in_force_until": ruleset.in_force_until,
        }
        for ruleset in rulesets()
        for clause in describe_clauses(ruleset)
    ]
    articles = [
        {
            "id": f"article:{one.code}",
            "kind": "article",
            "code": one.code,
            "law": f"law:{one.document.code}:{one.document.version}",
            "article": one.article,
            "title": _both(one.title),
            "successor": one.successor,
            "to_be_confirmed": one.to_be_confirmed,
        }
        for one in penalties().values()
    ]
    return [*laws, *clauses, *articles]


def _both(wording: Wording) -> Document:
    return {"zh": wording.zh, "en": wording.en}


def _holidays() -> list[Document]:
    """The notices by year: days off that are no ordinary weekends' matter, and weekend days on which people work."""
    return [
        {
            "id": str(notice.year),
            "year": notice.year,
            "holidays": sorted(notice.holidays),
            "make_up_workdays": sorted(notice.make_up_workdays),
        }
        for notice in year_notices()
    ]


CONTENT: Mapping[SyncCollection, Callable[[], list[Document]]] = {
    SyncCollection.LAW: _law,
    SyncCollection.HOLIDAYS: _holidays,
}
