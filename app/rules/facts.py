"""Facts: what was seen about which subject, by which key, and what a key may hold.

A fact that is missing, of the wrong type or contradicted is unknown, with a named problem; it is never false.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from app.rules.expression import Value


class FactType(StrEnum):
    """What a key holds."""

    BOOL = "bool"
    NUMBER = "number"
    INT = "int"
    ENUM = "enum"


class FactProblem(StrEnum):
    """Why a fact that was stated is unknown all the same."""

    WRONG_TYPE = "wrong_type"
    UNLISTED_VALUE = "unlisted_value"
    CONTRADICTORY = "contradictory"
    EFFECT_NOT_CHECKED = "effect_not_checked"


DEVICE_STATES: Mapping[str, bool | None] = {
    "effective": True,
    "ineffective": False,
    "absent": False,
    "installed": None,
}
"""Article 14: an installed but ineffective device counts as missing; installed, effect unchecked, is unknown."""


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class FactDefinition:
    """A key: its type, its labels, its listed values. `is_device`: Article 14 applies. `is_reference`: decides nothing."""

    key: str
    type: FactType
    label: Text
    unit: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    is_device: bool = False
    is_reference: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What a fact is about. What is known of an outer subject (`parent`) also holds for the inner one."""

    kind: str
    id: str
    parent: "Subject | None" = None

    def chain(self) -> "list[Subject]":
        """The subject itself, then its parents outwards."""
        return [self, *(self.parent.chain() if self.parent else ())]


class Fact(NamedTuple):
    """One statement; `source` says where it comes from (a question, a register, a person)."""

    subject: Subject
    key: str
    value: object
    source: str


class Known(NamedTuple):
    """What is known of a key for a subject: value None is unknown; `problem` says why when something was stated."""

    value: Value | None = None
    stated: object = None
    sources: tuple[str, ...] = ()
    problem: FactProblem | None = None


MISSING = Known()


class FactSheet:
    """All facts of one determination, indexed by key and subject. The nearest subject that states a key decides it."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._stated: dict[str, dict[Subject, list[Fact]]] = {}
        for fact in facts:
            self._stated.setdefault(fact.key, {}).setdefault(fact.subject, []).append(fact)

    def subjects(self, keys: Iterable[str]) -> list[Subject]:
        """The subjects of which at least one of the keys is stated, in order of appearance."""
        found: dict[Subject, None] = {}
        for key in keys:
            found.update(dict.fromkeys(self._stated.get(key, ())))
        return list(found)

    def know(self, definition: FactDefinition, subject: Subject) -> Known:
        """What is known of a key for a subject or, failing that, for the nearest outer one."""
        stated = self._stated.get(definition.key)
        if stated is None:
            return MISSING
        for owner in subject.chain():
            if owner in stated:
                return _agreed(definition, stated[owner])
        return MISSING


def _agreed(definition: FactDefinition, facts: list[Fact]) -> Known:
    known = [read_value(definition, fact.value) for fact in facts]
    sources = tuple(fact.source for fact in facts)
    first_value, first_problem = known[0]
    if any(value != first_value for value, _ in known[1:]):
        stated = [fact.value for fact in facts]
        return Known(None, stated, sources, FactProblem.CONTRADICTORY)
    return Known(first_value, facts[0].value, sources, first_problem)


def read_value(definition: FactDefinition, stated: object) -> tuple[Value | None, FactProblem | None]:
    """A stated value as the key's type, or unknown with the reason."""
    if definition.is_device and isinstance(stated, str) and stated in DEVICE_STATES:
        effective = DEVICE_STATES[stated]
        return effective, FactProblem.EFFECT_NOT_CHECKED if effective is None else None
    match definition.type:
        case FactType.BOOL if isinstance(stated, bool):
            return stated, None
        case FactType.INT if isinstance(stated, int) and not isinstance(stated, bool):
            return stated, None
        case FactType.NUMBER if isinstance(stated, int | float) and not isinstance(stated, bool):
            return (stated, None) if math.isfinite(stated) else (None, FactProblem.WRONG_TYPE)
        case FactType.ENUM if isinstance(stated, str):
            listed = any(stated == value for value, _ in definition.values)
            return (stated, None) if listed else (None, FactProblem.UNLISTED_VALUE)
    return None, FactProblem.WRONG_TYPE
