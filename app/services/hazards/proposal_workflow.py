"""The states of what is proposed for an overdue hazard and what leads from one to the next, as data.

Taken up it is by the act it proposes, at that act's own door; withdrawn by the registry itself, when its ground is gone, and
proposed again by it where the deadline had moved away and is back on the same day.
"""

from dataclasses import dataclass

from app.enums.hazards import ProposalStatus

_S = ProposalStatus


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step; `permission` None: no door leads to it, it follows from another act."""

    action: str
    sources: frozenset[str]
    target: str
    permission: str | None
    zh: str


TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition("take_up", frozenset({_S.OPEN}), _S.TAKEN_UP, None, "已采纳办理"),
        Transition("dismiss", frozenset({_S.OPEN}), _S.DISMISSED, "hazards:govern", "不予采纳"),
        Transition("withdraw", frozenset({_S.OPEN}), _S.WITHDRAWN, None, "自动撤回"),
        Transition("propose_again", frozenset({_S.WITHDRAWN}), _S.OPEN, None, "期限恢复，重新建议"),
    )
}
STATES = frozenset(one.value for one in ProposalStatus)
INITIAL = _S.OPEN.value
