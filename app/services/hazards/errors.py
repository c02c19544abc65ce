"""Why a hazard cannot take a step."""

from app.core.errors import ConflictProblem, InvalidProblem


class HazardStateProblem(ConflictProblem):
    """The hazard's state does not allow the action, or another change came first."""

    code = "hazard_state"
    zh = "隐患当前状态为“{state}”，不能执行此操作"
    en = "The hazard is {state}; this is not possible now"


class HazardChoiceProblem(InvalidProblem):
    """A re-inspection is assigned for open, ordered hazards of its own site; nothing else is re-inspected."""

    code = "hazards_not_reinspectable"
    zh = "复查任务须列明该场所已责令整改且未销号的隐患"
    en = "A re-inspection names hazards of its site that are ordered and not closed"


class ReinspectionProblem(InvalidProblem):
    """A re-inspection is a visit of that kind to the hazard's own site, on or after the order, by two certified officers."""

    code = "reinspection_visit"
    zh = "复查须为责令整改当日或之后、由两名以上持证执法人员对该场所实施的复查"
    en = "A re-inspection is a visit to the hazard's site, on or after the order, by two certified officers at least"
