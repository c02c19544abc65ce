"""The states of a proposed extension and what leads from one to the next, as data. Lapsed is no state: it is computed."""

from dataclasses import dataclass

from app.enums.hazards import ExtensionStatus

_S = ExtensionStatus


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step: from which states, to which, the permission it takes; `by_another`: not by whoever proposed it."""

    action: str
    sources: frozenset[str]
    target: str
    permission: str
    zh: str
    article: str
    by_another: bool = False


_INTERNAL = "期限由文书载明，延期须审批（总局令第16号，待核）；内部审批"

TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition(
            "grant", frozenset({_S.PROPOSED}), _S.GRANTED, "clocks:extend", "同意延期", _INTERNAL, by_another=True
        ),
        Transition(
            "refuse", frozenset({_S.PROPOSED}), _S.REFUSED, "clocks:extend", "不同意延期", _INTERNAL, by_another=True
        ),
        Transition(
            "withdraw", frozenset({_S.PROPOSED}), _S.WITHDRAWN, "hazards:propose_extension", "撤回申请", _INTERNAL
        ),
    )
}  # fmt: skip
STATES = frozenset(one.value for one in ExtensionStatus)
INITIAL = _S.PROPOSED.value
