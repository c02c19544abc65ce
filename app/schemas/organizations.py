"""Regions, authorities and brigades on the wire. Periods include their first and their last day; no last day: open."""

import re
from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from app.core.text import normalized
from app.schemas.common import View, Wire

Level = Literal["city", "district", "town"]
Name = Annotated[
    str,
    Field(min_length=1, max_length=200, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$"),
    AfterValidator(normalized),
]

_CODES = {"district": r"\d{6}", "town": r"\d{9}(\d{3})?"}
"""GB/T 2260 gives districts six digits; towns have nine, or the twelve of the statistical code."""


class Period(Wire):
    """From a first day to a last one."""

    valid_from: date
    valid_until: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


class Ending(Wire):
    """The last day on which it is in force."""

    valid_until: date


class RegionRequest(Period):
    """A district or town below its parent. The city itself is made when the installation is."""

    code: Annotated[str, Field(max_length=12)]
    name: Name
    name_en: Name | None = None
    level: Literal["district", "town"]
    parent_id: UUID

    @model_validator(mode="after")
    def _code_of_level(self) -> Self:
        if not re.fullmatch(_CODES[self.level], self.code, re.ASCII):
            raise ValueError("the code is not one of this level: 6 digits for a district, 9 or 12 for a town")
        return self


class RegionChange(Wire):
    """Another name; code and place never change: a region that moves is ended and a new one begins."""

    name: Name | None = None
    name_en: Name | None = None


class RegionView(View):
    """One region; `path` lists the codes from the city down."""

    id: UUID
    version: int
    code: str
    name: str
    name_en: str | None
    level: Level
    parent_id: UUID | None
    path: str
    valid_from: date
    valid_until: date | None


class RegionNode(RegionView):
    """A region with what lies below it."""

    children: list["RegionNode"]


class AuthorityRequest(Period):
    """An authority; `document_word` begins its document numbers."""

    code: Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[0-9A-Za-z-]+$")]
    name: Name
    document_word: Annotated[Name, Field(max_length=20)]
    region_id: UUID


class AuthorityChange(Wire):
    """Another name or document word."""

    name: Name | None = None
    document_word: Annotated[Name | None, Field(max_length=20)] = None


class AuthorityView(View):
    """One authority."""

    id: UUID
    version: int
    code: str
    name: str
    document_word: str
    region_id: UUID
    valid_from: date
    valid_until: date | None


class JurisdictionRequest(Period):
    """The authority covers a region and all below it."""

    region_id: UUID
    basis: Name | None = None


class JurisdictionView(View):
    """One region that an authority covers for a period."""

    id: UUID
    region_id: UUID
    basis: str | None
    valid_from: date
    valid_until: date | None


class EntrustmentRequest(Period):
    """The authority acts in the name of another, by a written basis."""

    entrusted_by: UUID
    basis: Name


class EntrustmentView(View):
    """One entrustment."""

    id: UUID
    entrusted_by: UUID
    basis: str
    valid_from: date
    valid_until: date | None


class AuthorityDetail(AuthorityView):
    """An authority with all its jurisdictions and entrustments, past ones too."""

    jurisdictions: list[JurisdictionView]
    entrustments: list[EntrustmentView]


class BrigadeRequest(Wire):
    """A brigade, or a squad of the brigade `parent_id`."""

    name: Name
    parent_id: UUID | None = None


class BrigadeChange(Wire):
    """Another name, or no longer (again) in use."""

    name: Name | None = None
    is_active: bool | None = None


class BrigadeView(View):
    """One brigade or squad."""

    id: UUID
    version: int
    authority_id: UUID
    name: str
    parent_id: UUID | None
    is_active: bool
