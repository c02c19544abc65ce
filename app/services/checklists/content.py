"""Reading a checklist's content: shape, the references between its parts, and its content hash. No database.

A body is kept exactly as it was written (never re-dumped from the model), so the hash of a version cannot move when the
program that reads it grows new optional fields.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
from pydantic import ValidationError

from app.content.reading import content_names, content_text, parse_yaml
from app.schemas.checklist_content import (
    Bound,
    Checklist,
    Condition,
    DateAnswer,
    EnumAnswer,
    Item,
    MomentAnswer,
    MultiNumberAnswer,
    NumberAnswer,
    NumberField,
    RatioAnswer,
    Section,
    YesNoAnswer,
)
from app.services.checklists.errors import ContentInvalidProblem

NOT_APPLICABLE = "na"
"""The answer "not applicable" of every answer type that allows it; it needs a reason."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An item and the section it stands in."""

    item: Item
    section: Section


def parse_checklist(body: Mapping[str, Any]) -> Checklist:
    """The checklist a body describes. Raises ContentInvalidProblem naming every place that is wrong."""
    try:
        checklist = Checklist.model_validate(dict(body))
    except ValidationError as error:
        raise ContentInvalidProblem(
            [{"at": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
        ) from None
    errors = [{"at": at, "message": message} for at, message in _reference_errors(checklist)]
    if errors:
        raise ContentInvalidProblem(errors)
    return checklist


def content_hash(body: Mapping[str, Any]) -> str:
    """ "sha-256:…" over the canonical JSON (RFC 8785) of a body; independent of key order and number spelling."""
    try:
        canonical = canonical_bytes(body)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise ContentInvalidProblem([{"at": "", "message": f"not canonical JSON: {error}"}]) from None
    return "sha-256:" + hashlib.sha256(canonical).hexdigest()


def canonical_bytes(body: Mapping[str, Any]) -> bytes:
    """The canonical JSON of a body: what phones download and hash themselves."""
    return rfc8785.dumps(dict(body))


def validate_body(body: Mapping[str, Any]) -> Checklist:
    """Everything that must hold before a body is stored: JSON the database can keep, canonical, valid content."""
    errors = [{"at": at, "message": message} for at, message in _json_errors(body, "")]
    if errors:
        raise ContentInvalidProblem(errors)
    content_hash(body)
    return parse_checklist(body)


def read_content_file(text: str) -> dict[str, Any]:
    """The body written in a YAML content file: JSON types only (dates and yes/no in quotes), and valid."""
    body = parse_yaml(text)
    if not isinstance(body, dict):
        raise ContentInvalidProblem([{"at": "", "message": "a content file holds one object"}])
    validate_body(body)
    return body


def shipped_bodies() -> dict[str, dict[str, Any]]:
    """The checklists inside the package, by code, each read and validated."""
    bodies = [read_content_file(content_text(f"checklists/{name}")) for name in content_names("checklists")]
    return {body["code"]: body for body in bodies}


def placed_items(checklist: Checklist) -> Iterator[Placed]:
    """Every item in reading order, with its section."""
    for section in checklist.sections:
        for item in section.items:
            yield Placed(item, section)


def unconfirmed_settings(checklist: Checklist, item: Item) -> list[str]:
    """The settings an item is measured by that are not confirmed against an official text."""
    used = dict.fromkeys(bound for bound in _bounds(item) if isinstance(bound, str))
    return [key for key in used if checklist.settings[key].to_be_confirmed]


def _json_errors(value: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            if not isinstance(key, str):
                yield f"{at}.{key}", "a key must be a text (quote yes, no and numbers)"
            yield from _json_errors(part, f"{at}.{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _json_errors(part, f"{at}.{index}")
    elif isinstance(value, str) and "\x00" in value:
        yield at, "a text cannot hold the character NUL"
    elif not (value is None or isinstance(value, str | int | float)):
        yield at, f"not a JSON value: {type(value).__name__} (put dates in quotes)"


def _reference_errors(checklist: Checklist) -> Iterator[tuple[str, str]]:
    seen: dict[str, Placed] = {}
    section_codes: set[str] = set()
    for section in checklist.sections:
        if section.code in section_codes:
            yield section.code, "the section's code is used twice"
        section_codes.add(section.code)
        yield from _condition_errors(section.code, section.visible_when, None, seen)
        for item in section.items:
            if item.code in seen:
                yield item.code, "the item's code is used twice"
            placed = Placed(item, section)
            yield from _item_errors(checklist, placed, seen)
            seen[item.code] = placed
    yield from _document_errors(checklist)


def _document_errors(checklist: Checklist) -> Iterator[tuple[str, str]]:
    for code, document in checklist.documents.items():
        if document.in_force_from is not None and document.in_force_from > checklist.in_force_from:
            yield f"documents.{code}", "the document comes into force after the checklist that cites it"


def _item_errors(
    checklist: Checklist, placed: Placed, seen: Mapping[str, Placed]
) -> Iterator[tuple[str, str]]:
    item, section = placed.item, placed.section
    for condition in _conditions(item):
        yield from _condition_errors(item.code, condition, section, seen)
    for bound in _bounds(item):
        if isinstance(bound, str) and bound not in checklist.settings:
            yield item.code, f"no such setting: {bound}"
    for reference in (*item.basis, *item.penalties):
        if reference.document not in checklist.documents:
            yield item.code, f"no such document: {reference.document}"
    yield from _answer_errors(item)
    if item.freshness is not None:
        moment = seen.get(item.freshness.before)
        if moment is None or not isinstance(moment.item.answer, MomentAnswer):
            yield item.code, f"freshness looks at an earlier moment, which {item.freshness.before} is not"


def _answer_errors(item: Item) -> Iterator[tuple[str, str]]:
    answer = item.answer
    known = _option_codes(item)
    for rule in item.facts:
        for option in rule.map or ():
            if option not in known:
                yield item.code, f"the fact {rule.key} maps an answer that cannot be given: {option}"
        if rule.take == "value" and isinstance(answer, MultiNumberAnswer):
            yield item.code, f"the fact {rule.key} cannot take several numbers"
    if isinstance(answer, EnumAnswer):
        codes = [option.code for option in answer.options]
        if len(set(codes)) != len(codes) or NOT_APPLICABLE in codes:
            yield item.code, "options are unique, and none may be called na"
        yield from (
            (item.code, f"no such option: {code}") for code in answer.compliant or () if code not in codes
        )
    for field in _number_fields(item):
        if field.range[0] > field.range[1]:
            yield item.code, "the range is upside down"


def _option_codes(item: Item) -> set[str]:
    marks = {NOT_APPLICABLE} if item.allows_not_applicable else set()
    if isinstance(item.answer, YesNoAnswer):
        return marks | {"yes", "no"}
    if isinstance(item.answer, EnumAnswer):
        return marks | {option.code for option in item.answer.options}
    return marks


def _condition_errors(
    at: str, condition: Condition | None, section: Section | None, seen: Mapping[str, Placed]
) -> Iterator[tuple[str, str]]:
    for code in condition.items() if condition else ():
        looked_at = seen.get(code)
        if looked_at is None:
            yield at, f"a condition looks only at earlier items, which {code} is not"
        elif looked_at.section.repeat is not None and looked_at.section is not section:
            yield at, f"a condition cannot look into a repeated section from outside: {code}"


def _number_fields(item: Item) -> list[NumberField]:
    if isinstance(item.answer, NumberAnswer):
        return [item.answer]
    if isinstance(item.answer, MultiNumberAnswer):
        return list(item.answer.fields.values())
    return []


def _conditions(item: Item) -> Iterator[Condition]:
    yield from (when for when in (item.visible_when, item.guidance_when) if when is not None)
    whens = [limit.when for field in _number_fields(item) for limit in field.limits]
    if isinstance(item.answer, DateAnswer):
        whens += [limit.when for limit in item.answer.limits]
    yield from (when for when in whens if when is not None)


def _bounds(item: Item) -> Iterator[Bound | None]:
    for field in _number_fields(item):
        for limit in field.limits:
            yield from (limit.at_least, limit.above, limit.at_most, limit.below)
    if isinstance(item.answer, DateAnswer):
        yield from (limit.max_age_months for limit in item.answer.limits)
    if isinstance(item.answer, RatioAnswer):
        yield item.answer.at_least
    if item.freshness is not None:
        yield item.freshness.max_minutes
