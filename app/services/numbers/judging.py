"""Judging the numbers a package says it has used: every use stands and is kept; what is odd about it is flagged."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_date
from app.core.ids import new_id
from app.enums.numbers import NumberIssue
from app.schemas.mobile.packages import Envelope, Issue, PrintedDocument


@dataclass(frozen=True, slots=True)
class JudgedNumbers:
    """The flags, and the rows of NumberUse to write with the package."""

    issues: list[Issue] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


# The block that is named, the block that holds the number in the record's authority, and who used the number first.
_KNOWN = text(
    """
    SELECT w.place, a.document_word || w.word AS own_series,
           named.id IS NOT NULL AS is_named_known, named.authority_id AS named_authority_id,
           block.id AS block_id, block.series_word, block.device_id, block.expires_on, block.voided_at,
           used.package_id AS used_by, used.visit_id AS used_on_visit, used.printed_hash AS used_hash
      FROM jsonb_to_recordset(:wanted) AS w(place int, word text, year bigint, number bigint, block_id uuid)
      JOIN authorities a ON a.id = :authority_id
      LEFT JOIN number_blocks named ON named.id = w.block_id
      LEFT JOIN LATERAL (
           SELECT b.* FROM number_blocks b
            WHERE b.authority_id = a.id AND b.word = w.word AND b.year = w.year AND w.number BETWEEN b.first AND b.last
            ORDER BY b.id = w.block_id DESC NULLS LAST, b.id DESC LIMIT 1) block ON true
      LEFT JOIN number_uses used
        ON used.is_first AND used.authority_id = a.id AND used.year = w.year AND used.number = w.number
       AND used.series_word = COALESCE(block.series_word, a.document_word || w.word)
    """
).bindparams(bindparam("wanted", type_=JSONB))


async def judge_numbers(
    session: AsyncSession, envelope: Envelope, package_id: UUID, region_id: UUID
) -> JudgedNumbers:
    """Flags and rows of the documents that a package lists; one statement, none when it lists none.

    Two packages that use one number at the same moment: a unique key refuses the second, which is then judged again.
    """
    documents = envelope.documents
    if not documents:
        return JudgedNumbers()
    wanted = [
        {"place": place, **one.model_dump(mode="json", include={"word", "year", "number", "block_id"})}
        for place, one in enumerate(documents)
    ]
    found = await session.execute(_KNOWN, {"wanted": wanted, "authority_id": envelope.authority_id})
    known = {row.place: row for row in found}
    judged = JudgedNumbers()
    seen: set[tuple[str, int, int]] = set()
    for place, document in enumerate(documents):
        row = known[place]
        number = (row.series_word or row.own_series, document.year, document.number)
        if number in seen:
            judged.issues.append(_issue(place, NumberIssue.REPEATED))
            continue
        seen.add(number)
        issues = list(_odd(envelope, document, row))
        judged.issues.extend(_issue(place, one) for one in issues)
        judged.rows.append(_use(envelope, document, row, package_id, region_id, issues))
    return judged


def _odd(envelope: Envelope, document: PrintedDocument, known: Row[Any]) -> Iterable[NumberIssue]:
    """What a person should know about one use, in a stable order."""
    if not envelope.kind.is_enforcement:
        yield NumberIssue.ASSISTANT
    if document.printed_hash is None and document.spoiled_reason is None:
        yield NumberIssue.HASH_MISSING
    if known.block_id is None or (document.block_id is not None and not known.is_named_known):
        yield NumberIssue.BLOCK_UNKNOWN
    if known.is_named_known and known.named_authority_id != envelope.authority_id:
        yield NumberIssue.OTHER_AUTHORITY
    elif known.is_named_known and known.block_id != document.block_id:
        yield NumberIssue.OUTSIDE_BLOCK
    if known.block_id is not None and known.device_id != envelope.device_id:
        yield NumberIssue.OTHER_DEVICE
    if document.year != _used_on(envelope, document).year:
        yield NumberIssue.OTHER_YEAR
    if known.voided_at is not None:
        is_after = _used_at(envelope, document) >= known.voided_at
        yield NumberIssue.AFTER_VOID if is_after else NumberIssue.BLOCK_VOIDED
    if known.expires_on is not None and _used_on(envelope, document) > known.expires_on:
        yield NumberIssue.AFTER_EXPIRY
    if known.used_by is not None:
        if not _is_same_record(envelope, known):
            yield NumberIssue.USED_TWICE
        elif known.used_hash != document.printed_hash:
            yield NumberIssue.REPRINTED


def _is_same_record(envelope: Envelope, known: Row[Any]) -> bool:
    """The colleague's package of the same visit, or a correction, may list the same document again."""
    superseded = envelope.supersedes.id if envelope.supersedes else None
    return known.used_by == superseded or bool(envelope.visit_id == known.used_on_visit)


def _used_at(envelope: Envelope, document: PrintedDocument) -> datetime:
    """By the phone's clock; nothing else knows."""
    return document.printed_at or envelope.times.sealed_at


def _used_on(envelope: Envelope, document: PrintedDocument) -> date:
    return shanghai_date(document.printed_at) if document.printed_at else envelope.legal_date


def _use(
    envelope: Envelope,
    document: PrintedDocument,
    known: Row[Any],
    package_id: UUID,
    region_id: UUID,
    issues: list[NumberIssue],
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "package_id": package_id,
        "visit_id": envelope.visit_id,
        "block_id": known.block_id,
        "authority_id": envelope.authority_id,
        "region_id": region_id,
        "word": document.word,
        "series_word": known.series_word or known.own_series,
        "year": document.year,
        "number": document.number,
        "printed_hash": document.printed_hash,
        "printed_at": document.printed_at,
        "spoiled_reason": document.spoiled_reason,
        "evidence_id": document.evidence_id,
        "issues": [one.value for one in issues],
        "is_first": known.used_by is None,
    }


def _issue(place: int, kind: NumberIssue) -> Issue:
    return Issue(code=kind.value, at=f"documents/{place}", zh=kind.zh, en=kind.en)
