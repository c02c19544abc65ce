"""Number blocks and used numbers on the wire."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.enums.numbers import DocumentWord
from app.schemas.common import View, Wire

MAX_COUNT = 100


class BlockRequest(Wire):
    """`count` numbers for documents of that word. No authority: the officer's own; no year: this one."""

    word: DocumentWord
    count: Annotated[int, Field(ge=1, le=MAX_COUNT)]
    year: Annotated[int | None, Field(ge=2000, le=9999)] = None
    authority_id: UUID | None = None


class VoidRequest(Wire):
    """Why a block is voided."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class BlockView(View):
    """Numbers `first` to `last` (both included) of `series_word`〔`year`〕, for one phone.

    The phone stops using it after `expires_on` (Shanghai) and once it is voided; what was used all the same stands.
    """

    id: UUID
    version: int
    status: str
    authority_id: UUID
    device_id: UUID
    user_id: UUID
    word: str
    series_word: str
    year: int
    first: int
    last: int
    expires_on: date
    created_at: datetime
    voided_at: datetime | None
    void_reason: str | None
    used: int


class OwnBlock(BlockView):
    """The same for its phone; `used_numbers` are those that arrived packages name, for a phone that has lost its memory."""

    used_numbers: list[int]


class NumberRange(View):
    """From `first` to `last`, both included."""

    first: int
    last: int


class NumberUseView(View):
    """A use of a number, as its package tells it; `text` is the number as it is printed.

    `package_id` is null where the reader may not read the package. `is_first`: nobody had used the number before.
    """

    id: UUID
    text: str
    word: str
    year: int
    number: int
    block_id: UUID | None
    authority_id: UUID
    package_id: UUID | None
    visit_id: UUID | None
    printed_hash: str | None
    printed_at: datetime | None
    spoiled_reason: str | None
    evidence_id: UUID | None
    issues: list[str]
    is_first: bool
    created_at: datetime


class BlockDetail(BlockView):
    """A block with every use of its numbers and the ranges nobody has used."""

    uses: list[NumberUseView]
    unused: list[NumberRange]
