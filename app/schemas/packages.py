"""Corrections side by side, forks and conflicts, as a desk and a phone read them. Names of the inspected party are masked."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.schemas.common import View, Wire

Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class ForkVerdictRequest(Wire):
    """`chosen`: the fork takes the place of what stands; `set_aside`: it stays beside without effect."""

    decision: Literal["chosen", "set_aside"]
    reason: Reason


class ConflictVerdictRequest(Wire):
    """Which of the two contents under one id is right; `other_is_right` asks the officers for a correction."""

    decision: Literal["first_is_right", "other_is_right", "both_stay"]
    reason: Reason


class MemberDifference(View):
    """One member that differs: `at` leads to it (answers, RTO-10, value); rows of lists are named by their id."""

    change: Literal["added", "removed", "changed"]
    at: list[str]
    before: Any = None
    after: Any = None


class ForkVerdictView(View):
    """What a person decided about a fork, and why."""

    decision: str
    reason: str
    user_id: UUID
    replaced_id: UUID | None
    created_at: datetime


class ForkView(View):
    """A correction that does not rest on what stood: `fork` says why; `supersedes_id` is the base it names."""

    id: UUID
    version: int
    root_id: UUID
    visit_id: UUID
    supersedes_id: UUID | None
    supersedes_reason: str | None
    sha256: str
    kind: str
    user_id: UUID
    device_id: UUID
    is_signable: bool
    is_standing: bool
    fork: str | None
    fork_status: str | None
    received_at: datetime


class RevisionView(ForkView):
    """One package of a line: what it changes of its base, and, for one that does not stand, how it differs from what does."""

    verdict: ForkVerdictView | None
    differences: list[MemberDifference]
    from_standing: list[MemberDifference]


class RevisionLine(View):
    """A record and its corrections, oldest first; `is_cut`: there are more than are shown."""

    root_id: UUID
    standing_id: UUID | None
    packages: list[RevisionView]
    is_cut: bool


class ConflictVerdictView(View):
    """What a person decided about two contents, and why."""

    decision: str
    reason: str
    user_id: UUID
    created_at: datetime


class ConflictView(View):
    """Other bytes that came under an id already taken."""

    id: UUID
    package_id: UUID
    sha256: str
    first_sha256: str
    device_id: UUID
    user_id: UUID
    created_at: datetime
    decision: str | None


class SealedContent(View):
    """One of the contents: `document` null where the bytes are no JSON object; `is_signed`: by the phone, over these bytes."""

    sha256: str
    size: int
    received_at: datetime
    is_signed: bool
    document: dict[str, Any] | None


class ConflictDetail(ConflictView):
    """Both contents and, where both can be read, how they differ."""

    first: SealedContent
    other: SealedContent
    differences: list[MemberDifference] | None
    verdict: ConflictVerdictView | None
