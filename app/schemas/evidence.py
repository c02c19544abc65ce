"""Evidence on the wire."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.schemas.common import View, Wire

MAX_CHECKED = 500


class EvidenceStored(View):
    """A file is durable. `stored`: waits for its package; `verified`: matches its declaration; `withdrawn`: had been."""

    id: UUID
    status: Literal["stored", "verified", "withdrawn"]
    hash: str
    size: int


class CheckRequest(Wire):
    """The files a phone asks about."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_CHECKED)]


class EvidenceStanding(View):
    """Where one file stands; `unknown` is also said of everybody else's."""

    id: UUID
    status: Literal["missing", "stored", "verified", "withdrawn", "unknown"]


class WithdrawalRequest(Wire):
    """A lost file. `signature`: the phone's, over `anshao.evidence-withdrawal/1\\n<package id>\\n<evidence id>\\n<declared
    hash>\\n<at>\\n<reason>`, with `at` and `reason` as they stand here."""

    package_id: UUID
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]
    at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$")]
    signature: Annotated[str, Field(min_length=1, max_length=200)]
