"""Why a hazard cannot take a step."""

from app.core.errors import ConflictProblem, ForbiddenProblem, InvalidProblem


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


class ExtensionStateProblem(ConflictProblem):
    """The proposal is settled, or another step came first."""

    code = "extension_state"
    zh = "延期申请当前状态为“{state}”，不能执行此操作"
    en = "The proposed extension is {state}; this is not possible now"


class ExtensionClockProblem(ConflictProblem):
    """No ordered period runs, or it is not the one that was to be extended."""

    code = "no_period_to_extend"
    zh = "没有正在计时的整改期限可以延长"
    en = "No ordered period runs that could be extended"


class ExtensionPendingProblem(ConflictProblem):
    """One proposal at a time: a hazard has one deadline."""

    code = "extension_pending"
    zh = "该整改期限已有待审批的延期"
    en = "An extension of this period is proposed already"


class ExtensionLateProblem(InvalidProblem):
    """What is overdue is not made timely afterwards."""

    code = "extension_too_late"
    zh = "整改期限已于 {due_on} 届满，不能再提出延期"
    en = "The period ended on {due_on}; an extension can no longer be proposed"


class ExtensionPersonProblem(ForbiddenProblem):
    """Who proposed an extension does not settle it."""

    code = "extension_same_person"
    zh = "提出延期的人不得审批该延期"
    en = "Who proposed an extension does not decide on it"
