"""What people do with a version of the rules: states and transitions as data. Pure.

An editor drafts it with its test cases; a second person, who has not edited it, publishes it, or revokes it before its day.
What is published is never written again: that it is revoked is a step of its own.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from app.core.clock import SHANGHAI

EDIT, PUBLISH = "rules:edit", "rules:publish"
INITIAL = "draft"

LEAD = timedelta(days=3)
"""Full days between publication and its day: every process has read it, phones have fetched it, people were told."""
REVOCABLE_UNTIL = timedelta(hours=1)
"""Before its day begins: every process has read the revocation by then (holding.py reads once a minute)."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step. `by_second_person`: not by anybody who edited the version."""

    action: str
    sources: frozenset[str]
    target: str
    permission: str
    by_second_person: bool = False


_DRAFT = frozenset({"draft"})
TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition("change", _DRAFT, "draft", EDIT),
        Transition("withdraw", _DRAFT, "withdrawn", EDIT),
        Transition("publish", _DRAFT, "published", PUBLISH, by_second_person=True),
        Transition("revoke", frozenset({"published"}), "revoked", PUBLISH, by_second_person=True),
    )
}
STATES = frozenset({"draft", "published", "withdrawn", "revoked"})


def is_allowed(action: str, status: str) -> bool:
    """Whether the step leads on from this state."""
    return status in TRANSITIONS[action].sources


def is_second_person(user_id: UUID | None, editors: Collection[UUID | None]) -> bool:
    """Whether somebody has had no hand in what he is to answer for; only a person can."""
    return user_id is not None and user_id not in editors


def earliest_day(today: date) -> date:
    """The first day on which what is published today, be it at its last minute, can take effect."""
    return today + LEAD + timedelta(days=1)


def is_revocable(in_force_from: date, now: datetime) -> bool:
    """Whether a published version can still be kept from taking effect."""
    begins = datetime(in_force_from.year, in_force_from.month, in_force_from.day, tzinfo=SHANGHAI)
    return now + REVOCABLE_UNTIL <= begins
