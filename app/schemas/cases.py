"""Cases on the wire. Persons are masked in every answer but the one that unmasks them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.enums.cases import Capacity, IdKind, PartyKind, Stage
from app.schemas.clocks import ClockView
from app.schemas.common import View, Wire

ENTITY = "entity"
"""The label of the party that every case has: the enterprise itself."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Unmasked = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^*]+$")
]
"""A value in full: the masked one of an answer cannot come back and replace what is stored."""
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,30}$")]
Officers = Annotated[list[UUID], Field(min_length=2, max_length=10)]
"""The team; the first leads it, and answers for the case's clocks."""


class PersonRequest(Wire):
    """A person who answers beside the entity. In a revision an `id_number` not given stays as it is; null removes it."""

    label: Label
    capacity: Capacity
    name: Unmasked
    id_kind: Literal[IdKind.RESIDENT_ID, IdKind.OTHER] | None = None
    id_number: Unmasked | None = None
    address: Unmasked | None = None
    post: Line | None = None


class CitationRequest(Wire):
    """The article violated: of a document of the catalogue by its code, or of another one by its title, to be confirmed."""

    document: Annotated[str, Field(max_length=30)] | None = None
    title: Line | None = None
    article: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class AllegationRequest(Wire):
    """What one party is said to have done. `facts_on` is the finding's date, and `hazard_ids` all of the case, unless told."""

    party: Label = ENTITY
    violated: CitationRequest
    penalty_code: Annotated[str, Field(min_length=1, max_length=40)]
    stage: Stage = Stage.FIRST
    facts_on: date | None = None
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
    hazard_ids: Annotated[list[UUID], Field(min_length=1, max_length=50)] | None = None


Persons = Annotated[list[PersonRequest], Field(max_length=20)]
Allegations = Annotated[list[AllegationRequest], Field(min_length=1, max_length=20)]


class OpenCaseRequest(Wire):
    """A case from hazards of one enterprise. The enterprise becomes the party `entity`; the first of the officers leads."""

    hazard_ids: Annotated[list[UUID], Field(min_length=1, max_length=50)]
    cause: Line
    officer_ids: Officers
    persons: Persons = Field(default_factory=list)
    allegations: Allegations


class ReviseCaseRequest(Wire):
    """What changes before the filing is proposed; a list that is given replaces the whole list."""

    cause: Line | None = None
    officer_ids: Officers | None = None
    persons: Persons | None = None
    allegations: Allegations | None = None


class ChangeTeamRequest(Wire):
    """Who handles a filed case from now on, and why; the whole team, the first of whom leads."""

    officer_ids: Officers
    reason: Note


class CaseStepRequest(Wire):
    """One step of the procedure. `on_date` is its legal date: today unless told, never before the step before it."""

    note: Note | None = None
    on_date: date | None = None


class UnmaskRequest(Wire):
    """Why the full data are needed; the reason is kept in the audit log."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=200)]


class CaseView(View):
    """One case in a list; `is_overdue` and the clocks are computed on the day of asking."""

    id: UUID
    version: int
    number: str
    filing_number: str | None
    status: str
    source: str
    cause: str
    authority_id: UUID
    region_id: UUID
    enterprise_id: UUID
    enterprise_name: str
    found_on: date
    filed_on: date | None
    created_at: datetime
    is_overdue: bool
    clocks: list[ClockView]


class PartyView(View):
    """A party as it was at the opening; persons masked."""

    id: UUID
    label: str
    kind: PartyKind
    enterprise_id: UUID | None
    capacity: Capacity | None
    name: str
    id_kind: str | None
    id_number: str | None
    address: str | None
    post: str | None


class AllegationView(View):
    """An allegation with both articles in the version of the facts. `to_be_confirmed`: a lawyer must look at a citation."""

    id: UUID
    party_id: UUID
    position: int
    facts_on: date
    text: str
    violated_document: str | None
    violated_version: str | None
    violated_title: str
    violated_article: str
    penalty_code: str
    penalty_document: str
    penalty_version: str
    penalty_article: str
    stage: Stage
    to_be_confirmed: bool
    hazard_ids: list[UUID]


class CaseHazardView(View):
    """A hazard and its site as they were at the opening."""

    hazard_id: UUID
    number: str
    level: str
    description: str
    found_on: date
    site_id: UUID
    site_name: str
    site_address: str | None


class CameBackView(View):
    """A fact of the case that whoever decides weighs: a hazard that came back (反弹回潮), with the closed one it is the return of.

    It speaks against leniency; how much it weighs is for the authority's benchmark of discretion and is said nowhere here.
    `to_be_confirmed`: no national rule makes it a ground for a higher fine.
    """

    kind: Literal["came_back"] = "came_back"
    zh: str
    en: str
    hazard_id: UUID
    number: str
    earlier_id: UUID
    earlier_number: str
    ground: Literal["item", "clause"]
    closed_on: date
    found_on: date
    days: int
    to_be_confirmed: bool = True


class AggravatedView(View):
    """The same of a hazard that a re-inspection found worse than it was, with that visit and its photographs."""

    kind: Literal["aggravated"] = "aggravated"
    zh: str
    en: str
    hazard_id: UUID
    number: str
    found_on: date
    reinspected_on: date
    visit_id: UUID | None
    photographs: list[UUID]
    to_be_confirmed: bool = True


CircumstanceView = Annotated[CameBackView | AggravatedView, Field(discriminator="kind")]
"""What speaks against leniency."""


class CaseOfficerView(View):
    """An officer of the case; the leading one (主办) answers for its clocks."""

    user_id: UUID
    name: str
    certificate_number: str
    is_leading: bool


class CaseStepView(View):
    """One step."""

    action: str
    from_status: str | None
    to_status: str
    on_date: date
    user_id: UUID | None
    note: str | None
    detail: dict[str, Any] | None
    created_at: datetime


class CaseDetail(CaseView):
    """A case with everything written of it; `actions`: what its state allows next, whoever may.

    `circumstances`: what aggravates, as facts with their links; never an amount. Filed, the case keeps them as they were on that
    day, with their hash; `circumstances_since` are those that have come since then.
    """

    parties: list[PartyView]
    allegations: list[AllegationView]
    hazards: list[CaseHazardView]
    circumstances: list[CircumstanceView]
    circumstances_kept_on: date | None
    circumstances_sha256: str | None
    circumstances_since: list[CircumstanceView]
    officers: list[CaseOfficerView]
    steps: list[CaseStepView]
    actions: list[str]


class CaseCount(View):
    """How many cases of a state, and how many of these are overdue."""

    status: str
    count: int
    overdue: int


class LiabilityView(View):
    """Whom an article reaches at one stage; amounts in fen."""

    stage: Stage
    order_zh: str | None
    order_en: str | None
    reaches_entity: bool
    entity_fen: tuple[int, int] | None
    persons: list[Capacity]
    person_fen: tuple[int, int] | None
    is_discretionary: bool
    suspends: bool
    formula_zh: str | None
    formula_en: str | None


class PenaltyView(View):
    """A liability article that may be cited for facts of the date asked for."""

    code: str
    document: str
    version: str
    article: str
    title_zh: str
    title_en: str
    to_be_confirmed: bool
    stages: list[LiabilityView]
