"""Why a whistle cannot take a step."""

from app.core.errors import ConflictProblem, InvalidProblem


class WhistleStateProblem(ConflictProblem):
    """The whistle's state does not allow the action, or a correction has replaced it."""

    code = "whistle_state"
    zh = "吹哨当前状态为“{state}”，不能执行此操作"
    en = "The whistle is {state}; this is not possible now"


class HandlingVisitProblem(InvalidProblem):
    """A whistle is handled by an enforcement visit to its own site, or without one."""

    code = "handling_visit"
    zh = "处置吹哨的检查须为对同一场所的执法检查"
    en = "The visit that handles a whistle is an enforcement visit to the same site"
