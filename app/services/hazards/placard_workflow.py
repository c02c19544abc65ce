"""The states of a placard (warning or supervised listing) and what leads from one to the next, as data. Overdue is its clock's."""

from dataclasses import dataclass

from app.enums.hazards import PlacardStatus

_S = PlacardStatus


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step. `by_decider`: whoever the kind names; `needs_conditions`: what the kind asks of the hazard must hold;
    `needs_acceptance`: a re-inspection found the hazard rectified."""

    action: str
    sources: frozenset[str]
    target: str
    permission: str
    zh: str
    article: str
    by_decider: bool = False
    needs_conditions: bool = False
    needs_acceptance: bool = False


_BASIS = "安全生产法 41(3)；总局令第16号（待核）"
_INTERNAL = f"{_BASIS}；内部审批"

TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition(
            "decide", frozenset({_S.PROPOSED}), _S.IN_FORCE, "hazards:govern", "决定挂牌", _BASIS,
            by_decider=True, needs_conditions=True,
        ),
        Transition(
            "refuse", frozenset({_S.PROPOSED}), _S.REFUSED, "hazards:govern", "不予挂牌", _INTERNAL, by_decider=True
        ),
        Transition(
            "remove", frozenset({_S.IN_FORCE}), _S.REMOVED, "hazards:govern", "验收合格摘牌", _BASIS,
            by_decider=True, needs_acceptance=True,
        ),
        Transition(
            "withdraw", frozenset({_S.IN_FORCE}), _S.WITHDRAWN, "hazards:govern", "撤销挂牌", _INTERNAL, by_decider=True
        ),
    )
}  # fmt: skip
STATES = frozenset(one.value for one in PlacardStatus)
INITIAL = _S.PROPOSED.value
STANDING = frozenset({_S.PROPOSED, _S.IN_FORCE})
"""A hazard has one of each kind at a time."""
ACCEPTED = frozenset({"reinspected", "closed"})
"""States of a hazard that officers found rectified."""
ANSWERED = ACCEPTED | {"rectified"}
"""States of a hazard of which the enterprise has reported, or officers have found, what its placard's period was for."""
