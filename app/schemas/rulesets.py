"""Versions of the rules on the wire: their content as the law's own files have it, their test cases, what became of both."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StringConstraints

from app.enums.determinations import RulesetStatus
from app.schemas.common import View, Wire
from app.schemas.determinations import Bilingual, ClauseCode, Reason


def _readable(text: str) -> str:
    """A text without control characters, line breaks and tabs aside: PostgreSQL takes no JSON apart that has a NUL."""
    if found := _CONTROL.search(text):
        raise ValueError(f"a control character at {found.start()} (U+{ord(found.group()):04X})")
    return text


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
Readable = AfterValidator(_readable)
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Readable]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
VersionName = Annotated[
    str,
    Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,29}$", description="2023 ships, B2026-11 is written here"),
]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.()-]{1,100}$")]
Condition = Annotated[
    str, Field(min_length=1, max_length=2000, description="and, or, not, comparisons, names"), Readable
]
Figure = Annotated[StrictInt, Field(ge=-(10**9), le=10**9)] | Annotated[StrictFloat, Field(ge=-1e9, le=1e9)]
FactValue = StrictBool | Figure | Annotated[str, Field(max_length=100), Readable]
ExpectedKind = Literal["suspected_major", "undetermined", "not_matched"]


class Words(Wire):
    """The same words in both languages."""

    zh: Text
    en: Text


class FactContent(Wire):
    """What an expression's name stands for. `device`: true only when it works (Article 14); `reference`: it decides nothing."""

    type: Literal["bool", "number", "int", "enum"]
    zh: Text
    en: Text
    unit: Annotated[str, Field(max_length=20), Readable] | None = None
    values: dict[Annotated[str, Field(min_length=1, max_length=100), Readable], Text] = Field(
        default_factory=dict
    )
    device: bool = False
    reference: bool = False


class ScopeContent(Wire):
    """When the clause is for the subject at all."""

    when: Condition
    zh: Text
    en: Text


class PenaltyContent(Wire):
    """A penalty article that may apply, of a document of the head."""

    document: Code
    article: Annotated[str, Field(max_length=40), Readable] | None = None


class ClauseContent(Wire):
    """One clause in our own words. `to_be_confirmed`: what of it is not confirmed against the official text."""

    id: ClauseCode
    paragraph: Annotated[int, Field(ge=1, le=1000)]
    trades: Literal["any"] | Annotated[list[Word], Field(min_length=1, max_length=50)]
    subject: Literal["unit", "place", "worker", "site", "enterprise"]
    text: Words
    scope: ScopeContent | None = None
    major_when: Condition
    facts: dict[Word, FactContent]
    penalties: list[PenaltyContent] = Field(default_factory=list)
    caution: Words | None = None
    to_be_confirmed: Words | None = None


class ArticleContent(Wire):
    """An article; `shared_facts` are known to all its clauses."""

    article: Annotated[int, Field(ge=1, le=1000)]
    title: Words
    shared_facts: dict[Word, FactContent] = Field(default_factory=dict)
    clauses: Annotated[list[ClauseContent], Field(max_length=200)]


class SettingContent(Wire):
    """A value that expressions name, with the passage it comes from."""

    value: Figure
    unit: Annotated[str, Field(max_length=20), Readable]
    label: Words
    source: Text
    to_be_confirmed: bool


class HeadContent(Wire):
    """Of which standard this is which version, the document it follows, and from when until when it holds (until null: open)."""

    id: Code
    version: VersionName
    title: Words
    source: Words
    in_force_from: date
    in_force_until: date | None = None
    trades: dict[Word, Words]
    field_trade: Word | None = None
    settings: dict[Word, SettingContent] = Field(default_factory=dict)
    documents: dict[Code, Words] = Field(default_factory=dict)


class QuestionContent(Wire):
    """What to ask on site for one fact."""

    key: Key
    zh: Text
    en: Text


class RulesetContent(Wire):
    """A whole version: every key of every clause has its question."""

    head: HeadContent
    articles: Annotated[list[ArticleContent], Field(max_length=200)]
    questions: dict[ClauseCode, list[QuestionContent]]


class CaseContent(Wire):
    """One test case: of an enterprise whose trade makes the clause apply, these facts by their names, and what must come out.

    What is not stated is unknown.
    """

    clause: ClauseCode
    facts: Annotated[dict[Word, FactValue], Field(max_length=50)]
    expected: ExpectedKind
    note: Annotated[str, Field(max_length=500), Readable] | None = None


class RulesetStartRequest(Wire):
    """Start a draft from the newest version of a standard: under which name, from which day, following which document."""

    ruleset: Code
    version: VersionName
    in_force_from: date
    source: Words


_EXAMPLE: Any = {
    "content": {
        "head": {
            "id": "MEM10",
            "version": "B2027",
            "title": {
                "zh": "工贸企业重大事故隐患判定标准",
                "en": "Determination standard, industry and trade",
            },
            "source": {"zh": "应急管理部令第10号（修订）", "en": "Order 10, amended"},
            "in_force_from": "2027-01-01",
            "trades": {"machinery": {"zh": "机械", "en": "Machinery"}},
            "settings": {},
            "documents": {"AQF": {"zh": "安全生产法（2021）", "en": "Work Safety Law (2021)"}},
        },
        "articles": [
            {
                "article": 7,
                "title": {"zh": "机械", "en": "Machinery"},
                "shared_facts": {},
                "clauses": [
                    {
                        "id": "MEM10-7-5",
                        "paragraph": 5,
                        "trades": ["machinery"],
                        "subject": "unit",
                        "text": {
                            "zh": "燃气燃烧装置没有压力监测报警",
                            "en": "A gas burner has no pressure alarm",
                        },
                        "scope": {"when": "gas_fuel", "zh": "燃气装置", "en": "Gas burners"},
                        "major_when": "gas_fuel and not pressure_alarm",
                        "facts": {
                            "gas_fuel": {"type": "bool", "zh": "使用燃气", "en": "Burns gas"},
                            "pressure_alarm": {
                                "type": "bool",
                                "device": True,
                                "zh": "压力报警",
                                "en": "Alarm",
                            },
                        },
                        "penalties": [{"document": "AQF", "article": "99(2)"}],
                    }
                ],
            }
        ],
        "questions": {
            "MEM10-7-5": [
                {"key": "MEM10-7-5.gas_fuel", "zh": "是否使用燃气？", "en": "Does it burn gas?"},
                {"key": "MEM10-7-5.pressure_alarm", "zh": "压力报警是否有效？", "en": "Does the alarm work?"},
            ]
        },
    },
    "cases": [
        {
            "clause": "MEM10-7-5",
            "facts": {"gas_fuel": True, "pressure_alarm": False},
            "expected": "suspected_major",
        },
        {
            "clause": "MEM10-7-5",
            "facts": {"gas_fuel": True, "pressure_alarm": True},
            "expected": "not_matched",
        },
        {"clause": "MEM10-7-5", "facts": {"gas_fuel": True}, "expected": "undetermined"},
    ],
}


class RulesetDraftRequest(Wire):
    """The whole content of a draft and its test cases. `base`: move it onto the newest version, where another came first."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    content: RulesetContent
    cases: Annotated[list[CaseContent], Field(max_length=3000)]
    base: VersionName | None = None


class RulesetReasonRequest(Wire):
    """Why a draft is given up, or a version must not come into force."""

    reason: Annotated[Reason, Readable]


class RulesetVersionView(View):
    """One version made here, without its content. `version` is the row's (ETag), `name` the standard's, `base` what it follows."""

    id: UUID
    version: int
    ruleset: str
    name: str
    base: str
    status: RulesetStatus
    in_force_from: date
    source: Bilingual
    content_hash: str
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    published_by: UUID | None


class RulesetStepView(View):
    """One step people took."""

    action: str
    from_status: str | None
    to_status: str
    on_date: date
    user_id: UUID | None
    reason: str | None
    content_hash: str
    created_at: datetime


class ClauseChange(View):
    """A clause that is not as it was in the version before. `questions`: only what is asked for its facts."""

    clause: str
    change: Literal["new", "changed", "questions", "removed"]


class RulesetVersionDetail(RulesetVersionView):
    """One version with its content, its cases, its history, and what differs from the version before: clauses, and members of
    the head (trades, settings, documents ..., `article_titles`, `clause_order`)."""

    content: dict[str, Any]
    cases: list[dict[str, Any]]
    changes: list[ClauseChange]
    head_changes: list[str]
    steps: list[RulesetStepView]


class CaseOutcome(View):
    """What came out of one case (`number` counts from 1): the verdict, and the keys it asks for."""

    number: int
    clause: str
    expected: ExpectedKind
    said: ExpectedKind
    passes: bool
    missing: list[str]


class ClauseLacking(View):
    """A new or changed clause, and the verdicts that it can come to but no case tries."""

    clause: str
    kinds: list[ExpectedKind]


class TrialView(View):
    """All cases as the machine judges them, and what is still lacking. `is_complete`: nothing fails, nothing lacks.

    `differs`: from the version before, in whatever judges or is shown; name, day and source alone are no new version.

    `alike`: clauses with other conditions of which every case was decided the same before; add one that was not, or a case whose
    note says why there is none.
    """

    is_complete: bool
    differs: bool
    cases: list[CaseOutcome]
    lacking: list[ClauseLacking]
    alike: list[str]
    changes: list[ClauseChange]


class EditionView(View):
    """A version the answering process judges by. `id` null: shipped with the program. Its days follow from the versions after it.

    `unconfirmed_clauses` and `unconfirmed_settings` bear the mark "to be confirmed". A revoked one is never in force.
    """

    id: UUID | None
    ruleset: str
    version: str
    title: Bilingual
    source: Bilingual
    in_force_from: date
    in_force_until: date | None
    is_revoked: bool
    published_at: datetime | None
    published_by: UUID | None
    content_hash: str | None
    clauses: int
    unconfirmed_clauses: list[str]
    unconfirmed_settings: list[str]
