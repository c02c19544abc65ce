"""What people do with a verdict: states and transitions as data, and what each step asks for. Pure.

The machine only suspects. Two officers verify on site, each in a session of his own; the person in charge, who is neither of
them, confirms or rejects; the hazard is major from that day. See docs/determination.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step: from which states to which, the permission it takes, and the kinds of verdict (None: all).

    `article` allows it; None: it follows from the rule that the machine only suspects and people determine.
    """

    action: str
    sources: frozenset[str]
    target: str
    permission: str
    kinds: frozenset[str] | None = None
    article: str | None = None


_UNMAPPED = frozenset({"unmapped"})
TWO_OFFICERS = "行政处罚法（2021）42"
VERIFY, CONFIRM = "determinations:verify", "determinations:confirm"

TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition("map_to_clause", frozenset({"open", "general"}), "open", VERIFY, _UNMAPPED),
        Transition("file_as_general", frozenset({"open"}), "general", VERIFY, _UNMAPPED),
        Transition("verify_first", frozenset({"open"}), "verified_once", VERIFY, None, TWO_OFFICERS),
        Transition("verify_second", frozenset({"verified_once"}), "verified", VERIFY, None, TWO_OFFICERS),
        Transition("confirm", frozenset({"verified"}), "confirmed", CONFIRM),
        Transition("reject", frozenset({"verified"}), "rejected", CONFIRM),
    )
}
STATES = frozenset({"open", "verified_once", "verified", "confirmed", "rejected", "general"})


@dataclass(frozen=True, slots=True)
class Verified:
    """What one officer said: his session, major or not, and by which clause."""

    user_id: UUID
    session_id: UUID
    assessment: str
    clause_id: str | None


def find_transition(action: str, status: str, kind: str) -> Transition | None:
    """The transition of that name from this state, for this kind of verdict; None: not allowed."""
    transition = TRANSITIONS[action]
    fits = status in transition.sources and (transition.kinds is None or kind in transition.kinds)
    return transition if fits else None


def differs_from_machine(kind: str, said_clause: str | None, assessment: str, clause: str | None) -> bool:
    """True when the officer says otherwise than the machine, or it could say nothing; then he gives his reason."""
    if kind == "suspected_major":
        return assessment != "major" or clause != said_clause
    return not (kind == "not_matched" and assessment == "not_major")


def find_repeated(earlier: Sequence[Verified], user_id: UUID, session_id: UUID) -> str | None:
    """ "session" or "officer" when this session or this officer has verified before; two of each are wanted."""
    if any(one.session_id == session_id for one in earlier):
        return "session"
    return "officer" if any(one.user_id == user_id for one in earlier) else None


def clauses_found(verifications: Sequence[Verified]) -> tuple[str, ...]:
    """The clauses by which an officer found it major, each once; empty: nobody did."""
    named = [one.clause_id for one in verifications if one.assessment == "major" and one.clause_id]
    return tuple(dict.fromkeys(named))
