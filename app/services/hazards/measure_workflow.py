"""The states of an on-site measure and what leads from one to the next, as data. Overdue is no state: its clocks tell."""

from dataclasses import dataclass

from app.enums.hazards import MeasureStatus

_S = MeasureStatus


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step. `by_officers`: True, only by one who ordered the measure; False, by anybody but them; None, not judged.

    `needs_visit`: a re-inspection visit is its evidence. `needs_safety`: what is major among the hazards it covers must have been
    found rectified; `needs_removal`: whatever it covers must have been. `by_kind`: only where
    the measure's kinds ask for no more than it has come to (ENOUGH).
    `starts`, `ends`: time limits; a decision also starts those of its kinds (content/law/onsite_measures.yaml).
    """

    action: str
    sources: frozenset[str]
    target: str
    permission: str
    zh: str
    article: str
    document: str | None = None
    by_officers: bool | None = None
    needs_visit: bool = False
    needs_safety: bool = False
    needs_removal: bool = False
    by_kind: bool = False
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()


_MEASURE = "安全生产法 65(1)(三)"
_REVIEW = "安全生产法 65(1)(三)；旧处罚办法 16（待核）"

TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition(
            "decide", frozenset({_S.ORDERED_ORALLY}), _S.DECIDED, "hazards:measure", "补办书面决定", _MEASURE,
            document="D06", by_officers=True, ends=("measure_in_writing",),
        ),
        Transition(
            "withdraw", frozenset({_S.ORDERED_ORALLY}), _S.WITHDRAWN, "hazards:lift", "撤销口头措施",
            f"{_MEASURE}（内部审批）", by_officers=False, ends=("measure_in_writing",),
        ),
        Transition(
            "request_lifting", frozenset({_S.DECIDED}), _S.LIFTING_REQUESTED, "hazards:measure", "申请或依职权启动解除",
            _REVIEW, starts=("recheck",),
        ),
        Transition(
            "pass_review", frozenset({_S.LIFTING_REQUESTED}), _S.REVIEWED, "hazards:measure", "复查合格", _REVIEW,
            document="D08", needs_visit=True, ends=("recheck",),
        ),
        Transition(
            "fail_review", frozenset({_S.LIFTING_REQUESTED}), _S.DECIDED, "hazards:measure", "复查不合格", _REVIEW,
            document="D08", needs_visit=True, ends=("recheck",),
        ),
        Transition(
            "lift", frozenset({_S.REVIEWED}), _S.LIFTED, "hazards:lift", "审查同意解除", f"{_MEASURE}（审查同意）",
            by_officers=False, needs_safety=True, ends=("onsite_measure",),
        ),
        Transition(
            "conclude", frozenset({_S.DECIDED, _S.REVIEWED}), _S.LIFTED, "hazards:measure", "隐患已排除，措施终止",
            f"{_MEASURE}（不涉及停产停用，依据见措施种类）", needs_removal=True, by_kind=True, ends=("onsite_measure", "recheck"),
        ),
        Transition(
            "refuse_lifting", frozenset({_S.REVIEWED}), _S.DECIDED, "hazards:lift", "不同意解除",
            f"{_MEASURE}（审查同意）", by_officers=False,
        ),
        Transition(
            "revoke", frozenset({_S.DECIDED, _S.LIFTING_REQUESTED, _S.REVIEWED}), _S.REVOKED, "hazards:lift", "撤销书面决定",
            f"{_MEASURE}（纠正错误决定，依据待核）", by_officers=False, ends=("onsite_measure", "recheck"),
        ),
    )
}  # fmt: skip
STATES = frozenset(one.value for one in MeasureStatus)
INITIAL = (_S.ORDERED_ORALLY.value, _S.DECIDED.value)
"""Urgent measures begin orally; others with their written decision."""
IN_FORCE = frozenset({_S.ORDERED_ORALLY, _S.DECIDED, _S.LIFTING_REQUESTED, _S.REVIEWED})
REVIEWS = frozenset(one.action for one in TRANSITIONS.values() if one.needs_visit)
"""The re-inspections of a measure."""
ENDS_BY = ("removal", "review", "agreement")
"""What it takes until a measure is over, by its kinds (content/law/onsite_measures.yaml): each asks for what is before it too."""
ENOUGH: dict[str, frozenset[str]] = {
    _S.DECIDED.value: frozenset({"removal"}),
    _S.REVIEWED.value: frozenset({"removal", "review"}),
}
"""Kinds that ask for no more, by the state the measure has come to."""
