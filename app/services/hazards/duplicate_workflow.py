"""The states of a proposed merging and what leads from one to the next, as data."""

from dataclasses import dataclass

from app.enums.hazards import DuplicateStatus

_S = DuplicateStatus


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step: from which states, to which, and the permission it takes. A reason is always given."""

    action: str
    sources: frozenset[str]
    target: str
    permission: str
    zh: str


TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition("merge", frozenset({_S.PROPOSED}), _S.MERGED, "hazards:merge", "合并"),
        Transition("dismiss", frozenset({_S.PROPOSED}), _S.DISMISSED, "hazards:merge", "不是重复"),
        Transition("undo", frozenset({_S.MERGED}), _S.PROPOSED, "hazards:merge", "撤销合并"),
    )
}
STATES = frozenset(one.value for one in DuplicateStatus)
INITIAL = _S.PROPOSED.value
