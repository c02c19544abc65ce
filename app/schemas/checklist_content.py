"""The shape of a checklist's content: what a content file holds, a published version freezes and a phone downloads.

What must hold between the parts (references, unique codes, order) is checked in services/checklists/content.py; wire shapes
of the endpoints are in schemas/checklists.py.
"""

import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, model_validator

from app.enums.checklists import Handling, Method, Outcome, Severity, Subject

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*$", max_length=60)]
Number = StrictInt | StrictFloat
Bound = Number | Code
"""A number, or the key of one of the checklist's settings."""


class Content(BaseModel):
    """Frozen, and refusing what it does not know: a misspelt key must not pass in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BilingualText(Content):
    """Chinese first, English beside it."""

    zh: Annotated[str, Field(min_length=1, max_length=1000)]
    en: Annotated[str, Field(min_length=1, max_length=1000)]


class Condition(Content):
    """A test of an earlier answer, or `all_of`/`any_of` of such tests. Exactly one test per condition.

    `one_of` compares a yes/no/na or enum answer; `at_least` and `below` a number; `outcome` what the answer meant.
    """

    item: Code | None = None
    one_of: tuple[str, ...] | None = None
    at_least: Number | None = None
    below: Number | None = None
    outcome: tuple[Outcome, ...] | None = None
    all_of: "tuple[Condition, ...] | None" = None
    any_of: "tuple[Condition, ...] | None" = None

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = [self.one_of, self.at_least, self.below, self.outcome]
        joins = [self.all_of, self.any_of]
        given = sum(test is not None for test in (*tests, *joins))
        if given != 1 or (self.item is None) != any(join is not None for join in joins):
            raise ValueError("a condition is one test of one item, or one all_of/any_of")
        return self

    def items(self) -> list[str]:
        """The codes of every item this condition looks at."""
        if self.item is not None:
            return [self.item]
        return [code for part in (self.all_of or self.any_of or ()) for code in part.items()]


class Limit(Content):
    """What complies, when `when` holds (always without one). Bounds combine; the first limit whose `when` holds applies."""

    when: Condition | None = None
    at_least: Bound | None = None
    above: Bound | None = None
    at_most: Bound | None = None
    below: Bound | None = None


class NumberField(Content):
    """One number: its unit, the range in which an entry is possible at all, and the limits that comply.

    Without limits the number is only recorded; with limits of which none applies it is for a person to judge.
    """

    unit: str
    range: tuple[Number, Number]
    whole: bool = False
    limits: tuple[Limit, ...] = ()


class NamedNumberField(NumberField):
    """One of several numbers."""

    label: BilingualText


class DateLimit(Content):
    """What complies: not older than so many months at the check, or not yet expired at the check."""

    when: Condition | None = None
    max_age_months: Bound | None = None
    not_expired: bool = False


class EnumOption(BilingualText):
    """One choice."""

    code: Code


class YesNoAnswer(Content):
    """yes, no or na; `compliant` None only records."""

    type: Literal["yes_no_na"]
    compliant: Literal["yes", "no"] | None


class NumberAnswer(NumberField):
    """One number with its unit."""

    type: Literal["number"]


class MultiNumberAnswer(Content):
    """Several numbers, all of them given."""

    type: Literal["multi_number"]
    fields: Annotated[dict[Code, NamedNumberField], Field(min_length=1)]


class DateAnswer(Content):
    """A date, YYYY-MM-DD; `past` ones cannot lie after the day of the check."""

    type: Literal["date"]
    past: bool
    limits: tuple[DateLimit, ...] = ()


class MomentAnswer(Content):
    """A moment with its offset (RFC 3339): the beginning of a job, a sampling time."""

    type: Literal["moment"]


class EnumAnswer(Content):
    """One of the options; those in `compliant` comply, None only records."""

    type: Literal["enum"]
    options: Annotated[tuple[EnumOption, ...], Field(min_length=2)]
    compliant: tuple[Code, ...] | None = None


class TextAnswer(Content):
    """Free text; only recorded."""

    type: Literal["text"]
    max_length: Annotated[int, Field(ge=1, le=4000)] = 500


class LookupAnswer(Content):
    """A certificate number and what its register said: {number, result, valid_until?}."""

    type: Literal["lookup"]
    register_name: BilingualText


class RatioAnswer(Content):
    """A count out of a total: {count, total}, whole numbers; `at_least` is the compliant share (0..1)."""

    type: Literal["ratio"]
    count: BilingualText
    total: BilingualText
    at_least: Bound | None = None


Answer = Annotated[
    YesNoAnswer
    | NumberAnswer
    | MultiNumberAnswer
    | DateAnswer
    | MomentAnswer
    | EnumAnswer
    | TextAnswer
    | LookupAnswer
    | RatioAnswer,
    Field(discriminator="type"),
]


class EvidenceRule(Content):
    """How many photographs, when: on any answer, on any but N/A, or only on a non-compliant one."""

    when: Literal["answered", "applicable", "non_compliant"]
    photos: Annotated[int, Field(ge=1, le=20)]


class Freshness(Content):
    """The answer carries `measured_at`, at most so many minutes before the moment given by `before`."""

    before: Code
    max_minutes: Bound


class Reference(Content):
    """An article of one of the checklist's documents."""

    document: Code
    article: str | None = None
    to_be_confirmed: bool = False


class ClauseReference(Content):
    """A clause of a determination standard that this item may point to, and under which condition."""

    clause: Code
    note: BilingualText | None = None


class FactRule(Content):
    """How the answer becomes a fact of determination. What is not mapped gives no fact: unknown stays unknown.

    `map` translates yes/no/na or an option; `take` passes the value on, or whether it complied.
    """

    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$", max_length=120)]
    map: dict[str, StrictBool | Number | str] | None = None
    take: Literal["value", "compliant"] | None = None
    supplementary: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.map is None) == (self.take is None):
            raise ValueError("a fact is either mapped or taken")
        return self


class Item(Content):
    """One question. `supplementary` ones were added to tell a clause's conditions apart; they are not in the source list.

    `guidance_when`: where it holds, the cited standard is guidance only, and a finding is never penalised on its own.
    """

    code: Code
    question: BilingualText
    note: BilingualText | None = None
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]
    answer: Answer
    allows_not_applicable: bool = True
    visible_when: Condition | None = None
    evidence: tuple[EvidenceRule, ...] = ()
    recommends_video: bool = False
    freshness: Freshness | None = None
    basis: tuple[Reference, ...] = ()
    severity: Severity = Severity.GENERAL
    handling: Handling = Handling.ENFORCE
    guidance_when: Condition | None = None
    clauses: tuple[ClauseReference, ...] = ()
    penalties: tuple[Reference, ...] = ()
    subject: Subject | None = None
    facts: tuple[FactRule, ...] = ()
    supplementary: bool = False


class Repetition(Content):
    """A section filled in once per entry (an isolation point, a welder); the entry is a subject of its own."""

    entry: BilingualText
    min_entries: Annotated[int, Field(ge=0)] = 1
    max_entries: Annotated[int, Field(ge=1, le=200)] = 50


class Section(Content):
    """A group of items, shown together; with `repeat`, once per entry."""

    code: Code
    title: BilingualText
    visible_when: Condition | None = None
    repeat: Repetition | None = None
    subject: Subject | None = None
    items: Annotated[tuple[Item, ...], Field(min_length=1)]


class Document(BilingualText):
    """A law, rule or standard that is cited; `in_force_from` where it is known."""

    in_force_from: datetime.date | None = None
    to_be_confirmed: bool = False


class Setting(Content):
    """A named value of this checklist. Not confirmed against the official text: shown with its mark wherever it is used."""

    value: Number
    unit: str
    label: BilingualText
    source: str
    to_be_confirmed: bool


class Checklist(Content):
    """One checklist."""

    format: Literal[1]
    code: Code
    title: BilingualText
    subject: Subject
    unit_kinds: tuple[Code, ...] = ()
    in_force_from: datetime.date
    law_as_of: datetime.date
    documents: Annotated[dict[Code, Document], Field(min_length=1)]
    settings: dict[Code, Setting] = {}
    sections: Annotated[tuple[Section, ...], Field(min_length=1)]
