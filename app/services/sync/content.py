"""What is the same for everybody: the law that officers refer to, and the working calendar.

It changes with the program, the law also when a version of the rules is published, the calendar when a notice is imported; never
row by row: a cursor carries the content's hash, and another hash means pulling anew.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from app.core.actor import Actor
from app.core.wording import Wording
from app.enums.sync import SyncCollection
from app.services.cases.content import documents as law_documents
from app.services.cases.content import penalties
from app.services.clocks.notices import YearInForce, list_years
from app.services.determinations.content import rulesets
from app.services.determinations.describing import describe_clauses
from app.services.determinations.holding import read_published
from app.services.runtime import Runtime
from app.services.sync.cursors import open_cursor, seal_cursor
from app.services.sync.errors import ResyncProblem

FORMAT = "content-1"
CONTENT: Mapping[SyncCollection, frozenset[str]] = {
    SyncCollection.LAW: frozenset({"ruleset"}),
    SyncCollection.HOLIDAYS: frozenset({"calendar_notice"}),
}
"""The collections, each with the kinds of objects whose change may make it another one."""

Document = dict[str, Any]


async def pull_content(
    runtime: Runtime, actor: Actor, name: SyncCollection, cursor: str | None, limit: int
) -> tuple[list[Document], str, bool]:
    """A page of the documents, the cursor after it, and whether more follows. Each asks one statement."""
    keys = runtime.keys
    digest, documents = await content_of(runtime, name)
    told = 0
    if cursor:
        version, known, told = open_cursor(keys, actor, name, cursor)
        if (version, known) != (FORMAT, digest):
            raise ResyncProblem
    page = documents[told : told + limit]
    told += len(page)
    return page, seal_cursor(keys, actor, name, [FORMAT, digest, told]), told < len(documents)


async def content_of(runtime: Runtime, name: SyncCollection) -> tuple[str, list[Document]]:
    """The hash of a collection, and its documents in their order.

    The law is as published by now: whoever a publication has woken does not find what this process read up to a minute ago.
    """
    if name is SyncCollection.LAW:
        await read_published(runtime.database)
        return _law_as_held(tuple((one.name, one.in_force_until) for one in rulesets()))
    async with runtime.database.read() as session:
        years = await list_years(session)
    return _hashed([_year(one) for one in reversed(years)])


@lru_cache(maxsize=4)
def _law_as_held(_held: tuple[Any, ...]) -> tuple[str, list[Document]]:
    return _hashed(_law())


def _hashed(found: list[Document]) -> tuple[str, list[Document]]:
    documents = [{**one, "_deleted": False} for one in found]
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


def _year(year: YearInForce) -> Document:
    """A year: days off that are no ordinary weekends' matter, weekend days on which people work, and the notice that says so."""
    return {
        "id": str(year.year),
        "year": year.year,
        "holidays": year.holidays,
        "make_up_workdays": year.make_up_workdays,
        "title": year.title,
        "document_number": year.document_number,
        "issued_on": year.issued_on,
        "source": year.source,
        "to_be_confirmed": year.to_be_confirmed,
    }
