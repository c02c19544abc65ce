"""Answering pushed rows: each row's own document, stamped with what became of it."""

import json
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import Request, Response

from app.core.errors import Problem
from app.http.problems import BUSY, BUSY_SECONDS, language_of, problem_members, problem_of
from app.services.inspections.sealing import package_hash
from app.services.inspections.service import Submitted

_REFUSED: dict[str, Any] = {
    "status": "rejected", "reason": None, "issues": [], "signable": False, "missing_evidence": [], "receipt": False,
}  # fmt: skip


def stamped_answer(
    request: Request, rows: Sequence[Any], results: Sequence[Submitted | Exception]
) -> Response:
    """The documents of the rows with their stamps, but for those that bear them already."""
    language = language_of(request)
    answered = []
    for row, result in zip(rows, results, strict=True):
        document = _document_of(row)
        stamps = _stamps(document, result, language)
        if any(document.get(name, document) != stamp for name, stamp in stamps.items()):
            answered.append({"id": None, **document, **stamps})
    return Response(_encoded(answered), media_type="application/json")


def _document_of(row: Any) -> dict[str, Any]:
    document = row.get("newDocumentState") if isinstance(row, dict) else None
    return document if isinstance(document, dict) else {}


def _stamps(document: dict[str, Any], result: Submitted | Exception, language: str) -> dict[str, Any]:
    """What the server says of a row. Nothing is ever deleted here, whatever the phone did with its copy."""
    if isinstance(result, Submitted):
        stamps = {**result.answer.model_dump(mode="json", exclude={"id"}), "problem": None}
    else:
        problem = result if isinstance(result, Problem) else problem_of(result)
        members = problem_members(problem, language)
        if problem.status in BUSY:
            members.setdefault("seconds", BUSY_SECONDS)
        stamps = {**_REFUSED, "hash": _hash_of(document), "problem": members}
    return {**stamps, "_deleted": False}


def _hash_of(document: dict[str, Any]) -> str | None:
    try:
        return package_hash(document["sealed"].encode())
    except (KeyError, AttributeError, UnicodeEncodeError):
        return None


def _encoded(documents: list[dict[str, Any]]) -> bytes:
    try:
        return orjson.dumps(documents)
    except TypeError:  # half a surrogate pair goes back as the escape it came as
        return json.dumps(documents).encode()
