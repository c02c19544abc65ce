"""Determinations on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StringConstraints

from app.schemas.common import View, Wire

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
ClauseCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+([-_.()][A-Za-z0-9]*)*$", max_length=60)]
Value = StrictBool | StrictInt | StrictFloat | Annotated[str, Field(max_length=100)]


class AnswersRequest(Wire):
    """Facts by key, as the questions of the verdict ask for them, and where they are known from.

    A device is true, false, or "effective", "ineffective", "absent", "installed" (effect unchecked: stays unknown).
    """

    answers: Annotated[dict[str, Value], Field(min_length=1, max_length=50)]
    note: Reason


class StatedFactsRequest(AnswersRequest):
    """The answers to a clause's question set. Of which unit, place or worker: `subject_id` (known of the visit) or a new name.

    A clause about the enterprise needs neither.
    """

    subject_id: Annotated[str | None, Field(max_length=200)] = None
    subject_name: Annotated[str | None, Field(pattern=r"^[^/\s\x00](?:[^/\x00]{0,58}[^/\s\x00])?$")] = None


class MappingRequest(Wire):
    """Under which clause a finding falls; `clause` null: it is a general hazard."""

    clause: ClauseCode | None
    reason: Reason


class VerificationRequest(Wire):
    """What one officer found on site. `clause`: by which it is major; unless told, the verdict's own."""

    assessment: Literal["major", "not_major"]
    clause: ClauseCode | None = None
    reason: Reason | None = None


class ConfirmationRequest(Wire):
    """The person in charge confirms. `clause` is needed where the officers found different ones."""

    clause: ClauseCode | None = None
    reason: Reason


class RejectionRequest(Wire):
    """The person in charge decides that it is not major."""

    reason: Reason


class Bilingual(View):
    """The same words in both languages."""

    zh: str
    en: str


class VerdictView(View):
    """One verdict in a list. `clause_id` null: a finding no clause covers; `source` is then its question."""

    id: UUID
    version: int
    visit_id: UUID
    package_id: UUID | None
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    kind: str
    clause_id: str | None
    subject_kind: str | None
    subject_id: str | None
    source: str | None
    missing: list[str]
    is_current: bool
    replaces_id: UUID | None
    status: str
    mapped_clause: str | None
    major_clause: str | None
    major_from: date | None
    created_at: datetime


class FactView(View):
    """One fact a condition looked at: its value (null: unknown), what was stated, where it comes from, what is wrong with it.

    `to_be_confirmed`: the value is a setting whose figure has not been checked against the official text.
    """

    key: str
    label: Bilingual
    value: Any
    stated: Any
    unit: str | None
    sources: list[str]
    problem: str | None
    problem_text: Bilingual | None
    to_be_confirmed: bool


class ConditionView(View):
    """One condition as the clause writes it, in words, and whether it holds (null: unknown)."""

    part: Literal["scope", "predicate"]
    text: str
    words: Bilingual
    holds: bool | None
    facts: list[FactView]


class PenaltyView(View):
    """A penalty article that may apply; a person decides."""

    document: str
    title: Bilingual | None
    article: str | None


class ClauseView(View):
    """A clause in our own words; the official text prevails. `to_be_confirmed`: what of it is not confirmed."""

    id: str
    article: int
    paragraph: int
    subject: str
    text: Bilingual
    scope: Bilingual | None
    caution: Bilingual | None
    to_be_confirmed: Bilingual | None
    penalties: list[PenaltyView]


class QuestionView(View):
    """What to ask on site for one fact. `type`: bool, number, int or enum; a device may also be answered by its state."""

    key: str
    text: Bilingual
    label: Bilingual
    type: str
    unit: str | None
    values: list[str]
    is_device: bool


class ExplanationView(View):
    """Why: the version of the standard and the document it follows (null: none was held), whether the clause applies and holds
    (null: unknown), and every condition."""

    ruleset: str | None
    version: str | None
    source: Bilingual | None
    trades: list[str]
    clause: ClauseView | None
    item_clauses: list[str]
    scope: bool | None
    predicate: bool | None
    conditions: list[ConditionView]
    summary: Bilingual


class VerificationView(View):
    """What one officer found."""

    user_id: UUID
    assessment: str
    clause_id: str | None
    reason: str | None
    created_at: datetime


class VerdictStepView(View):
    """One step people took."""

    action: str
    from_status: str
    to_status: str
    on_date: date
    user_id: UUID | None
    clause: str | None
    reason: str | None
    created_at: datetime


class FewestQuestions(View):
    """Keys of the fewest questions that could show an undetermined clause major, and of the fewest that could clear it.

    Empty: no answers can.
    """

    to_suspect: list[str]
    to_clear: list[str]


class ExplainedVerdict(VerdictView):
    """A verdict with its reasons and with what to ask, what settles it soonest first."""

    explanation: ExplanationView
    questions: list[QuestionView]
    fewest: FewestQuestions | None


class VerdictDetail(ExplainedVerdict):
    """A verdict with everything people did with it."""

    confirmed_by: UUID | None
    confirmed_at: datetime | None
    confirmation_reason: str | None
    verifications: list[VerificationView]
    steps: list[VerdictStepView]


class SheetView(View):
    """What one package, or one answer at the desk (`stated_by`, `note`), added to what is known."""

    id: UUID
    package_id: UUID | None
    is_superseded: bool
    legal_on: date
    trades: list[str]
    ruleset: str | None
    facts: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    for_a_person: list[str]
    judged: list[list[str]]
    stated_by: UUID | None
    note: str | None
    created_at: datetime


class QuietVerdict(View):
    """A clause that was looked at and did not match, or can no longer: computed again from the sheets."""

    clause_id: str
    subject_kind: str
    subject_id: str
    kind: str
    explanation: ExplanationView


class StandardView(View):
    """A determination standard that may be in force on the date.

    `route`: judged (the machine suspects by it), person (its conditions are not held: `topics` counts its items), refer (the
    authority in `refer_to` decides). `version`: of the rules it is judged by on that day. `applies` null: the trade is not
    known, or the matter decides (fire, gas, equipment).
    """

    code: str
    field: Bilingual
    title: Bilingual
    source: Bilingual
    route: Literal["judged", "person", "refer"]
    refer_to: Bilingual | None
    applies: bool | None
    topics: int
    version: str | None
    in_force_from: date | None
    in_force_until: date | None
    is_judged: bool
    to_be_confirmed: bool


class TopicView(View):
    """An item of a standard whose conditions are not held: a person decides. `clause` is what a finding is placed under."""

    clause: str
    text: Bilingual


class VisitDetermination(View):
    """Everything known and said of a visit. That no clause matched never means that there is no major hazard."""

    visit_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    legal_on: date
    trades: list[str]
    standards: list[StandardView]
    sheets: list[SheetView]
    verdicts: list[ExplainedVerdict]
    not_matched: list[QuietVerdict]
    for_a_person: list[str]


class ClauseWithQuestions(ClauseView):
    """A clause with its question set, the version of the standard it stands in, and the document that version follows."""

    ruleset: str
    version: str
    source: Bilingual
    questions: list[QuestionView]


class StatedFact(Wire):
    """One fact for a what-if. `subject_id` tells units, places and workers apart; those of one unit are "unit/entry"."""

    key: Annotated[str, Field(max_length=100)]
    value: Value
    subject_kind: Literal["unit", "place", "worker", "site", "enterprise"] = "unit"
    subject_id: Annotated[str, Field(min_length=1, max_length=100)] = "1"


class WhatIfRequest(Wire):
    """An enterprise's trades (empty: not known), facts, and the date whose standard judges them (today unless told)."""

    trades: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=20)]
    facts: Annotated[list[StatedFact], Field(max_length=500)]
    on: date | None = None


class WhatIfVerdict(View):
    """What the machine would say of one clause and one subject."""

    clause_id: str
    subject_kind: str
    subject_id: str
    kind: Literal["suspected_major", "undetermined", "not_matched"]
    explanation: ExplanationView
    questions: list[QuestionView]
    fewest: FewestQuestions | None


class WhatIfView(View):
    """Nothing of this is kept. `ruleset` null: no version is held for that date. `unknown_keys`: facts of no clause."""

    on: date
    ruleset: str | None
    standards: list[StandardView]
    verdicts: list[WhatIfVerdict]
    unknown_keys: list[str]


class FactCoverage(View):
    """A fact of a clause and the checklist items that state it."""

    key: str
    label: Bilingual
    items: list[str]


class ClauseCoverageView(View):
    """A clause: fed (some item states a fact of it), complete (each fact is stated by some item).

    `to_be_confirmed`: something of it is not confirmed yet; the clause itself says what.
    """

    clause_id: str
    text: Bilingual
    to_be_confirmed: bool
    is_fed: bool
    is_complete: bool
    facts: list[FactCoverage]


class CoverageView(View):
    """Which clauses the checklists in force speak of; `idle_items` state no fact of any clause."""

    on: date
    ruleset: str | None
    clauses: list[ClauseCoverageView]
    idle_items: list[str]
