"""The procedure of a case as data: states, transitions, who takes them, by which article. Pure.

A later part of the procedure adds rows here and members to CaseStatus; service, routes and the generated diagram follow.
"""

from dataclasses import dataclass

from app.enums.cases import CaseStatus

_S = CaseStatus


@dataclass(frozen=True, slots=True)
class State:
    """A state; `is_final`: nothing will ever follow, also in the parts of the procedure that are still to come."""

    status: CaseStatus
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step.

    `article`: what allows it. `document`: the form it is taken by. `unlike`: whoever last took one of these steps may not take
    this one. `by_officers`: True, only an officer of the case; False, anybody but one; None, not judged.
    `starts`, `ends`: time limits (content/law/time_limits.yaml). `releases`: lets go of the hazards the case had taken.
    """

    action: str
    sources: frozenset[str]
    target: str
    permission: str
    zh: str
    en: str
    article: str
    document: str | None = None
    needs_reason: bool = False
    needs_team: bool = False
    by_officers: bool | None = None
    unlike: frozenset[str] = frozenset()
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    is_filing: bool = False
    releases: bool = False


STATES: dict[str, State] = {
    one.status.value: one
    for one in (
        State(_S.CLUE_REGISTERED),
        State(_S.FILING_PROPOSED),
        State(_S.NOT_FILED, is_final=True),
        State(_S.WITHDRAWN, is_final=True),
        State(_S.FILED),
        State(_S.INVESTIGATING),
    )
}
INITIAL = _S.CLUE_REGISTERED.value

TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition(
            "propose_filing",
            frozenset({_S.CLUE_REGISTERED}),
            _S.FILING_PROPOSED,
            "cases:open",
            "提请立案",
            "Propose filing",
            "行政处罚法 54(2)",
            document="立案审批表",
            needs_team=True,
            by_officers=True,
        ),
        Transition(
            "approve_filing",
            frozenset({_S.FILING_PROPOSED}),
            _S.FILED,
            "cases:approve",
            "批准立案",
            "Approve filing",
            "行政处罚法 54(2)",
            document="立案审批表",
            by_officers=False,
            unlike=frozenset({"propose_filing"}),
            starts=("decision",),
            ends=("filing",),
            is_filing=True,
        ),
        Transition(
            "refuse_filing",
            frozenset({_S.FILING_PROPOSED}),
            _S.NOT_FILED,
            "cases:approve",
            "不予立案",
            "Refuse filing",
            "行政处罚法 54(2)（不符合立案标准）",
            document="立案审批表",
            needs_reason=True,
            by_officers=False,
            unlike=frozenset({"propose_filing"}),
            ends=("filing",),
            releases=True,
        ),
        Transition(
            "return_to_officer",
            frozenset({_S.FILING_PROPOSED}),
            _S.CLUE_REGISTERED,
            "cases:approve",
            "退回承办人",
            "Return to the officer",
            "行政处罚法 54(2)（内部审批）",
            document="立案审批表",
            needs_reason=True,
            by_officers=False,
            unlike=frozenset({"propose_filing"}),
        ),
        Transition(
            "withdraw",
            frozenset({_S.CLUE_REGISTERED, _S.FILING_PROPOSED}),
            _S.WITHDRAWN,
            "cases:open",
            "立案前撤回",
            "Withdraw before filing",
            "行政处罚法 54(2)（内部审批）",
            needs_reason=True,
            by_officers=True,
            ends=("filing",),
            releases=True,
        ),
        Transition(
            "begin_investigation",
            frozenset({_S.FILED}),
            _S.INVESTIGATING,
            "cases:open",
            "开展调查",
            "Begin the investigation",
            "行政处罚法 42、54(1)、55",
            needs_team=True,
            by_officers=True,
        ),
    )
}
RELEASED = frozenset(one.target for one in TRANSITIONS.values() if one.releases)
"""States in which a case has let go of its hazards."""


def transition_from(status: str, action: str) -> Transition | None:
    """The transition an action takes from a state; None: not allowed there."""
    transition = TRANSITIONS[action]
    return transition if status in transition.sources else None


def actions_from(status: str) -> list[str]:
    """What may follow a state, in the order of the table."""
    return [one.action for one in TRANSITIONS.values() if status in one.sources]


def may_be_edited(status: str) -> bool:
    """Parties, allegations and officers change only in the officer's hands: what lies before the approver stands still."""
    return status == INITIAL


def team_may_change(status: str, *, is_filed: bool) -> bool:
    """From its filing on, until nothing follows any more, the person in charge may name another team (行政处罚法 42, 55)."""
    return is_filed and not STATES[status].is_final
