"""Why a verdict cannot take a step, and why an answer or a clause is not accepted."""

from app.core.errors import ConflictProblem, ForbiddenProblem, InvalidProblem


class VerdictStateProblem(ConflictProblem):
    """The verdict's state does not allow the action, or another change came first."""

    code = "verdict_state"
    zh = "判定当前状态为“{status}”（类别“{kind}”），不能执行此操作"
    en = "The verdict is {status} ({kind}); this is not possible now"


class VerdictOutdatedProblem(ConflictProblem):
    """New facts have made another verdict of it; that one is to be looked at."""

    code = "verdict_outdated"
    zh = "已有新的事实，该判定已被替代，请查看最新判定"
    en = "New facts have replaced this verdict; look at the current one"


class OfficerNotCertifiedProblem(ForbiddenProblem):
    """Only an officer whose certificate is valid today verifies."""

    code = "officer_not_certified"
    zh = "核查人今日没有有效执法证"
    en = "The verifying officer holds no enforcement certificate valid today"


class SameOfficerProblem(ConflictProblem):
    """Two officers verify; one of them cannot do it twice."""

    code = "verification_same_officer"
    zh = "须由两名执法人员分别核查，您已核查过"
    en = "Two different officers verify; you have done so already"


class SameSessionProblem(ConflictProblem):
    """Two officers verify in two login sessions."""

    code = "verification_same_session"
    zh = "两名执法人员须各自登录核查，该会话已核查过"
    en = "The two officers verify in sessions of their own; this session has done so already"


class ReasonRequiredProblem(InvalidProblem):
    """What differs from the machine, or what it could not say, needs a reason."""

    code = "reason_required"
    zh = "核查意见与系统判定不一致，须说明理由"
    en = "This differs from what the machine says; a reason is needed"


class ClauseRequiredProblem(InvalidProblem):
    """Major only by a clause: it must be named, among those the officers found."""

    code = "clause_required"
    zh = "认定重大须指明条款，且须为核查人员认定的条款"
    en = "Major only by a clause: name one that the officers found"


class ClauseUnknownProblem(InvalidProblem):
    """The clause belongs to no standard that is in force on the date of the facts."""

    code = "clause_not_in_force"
    zh = "条款“{clause}”不属于事实发生日有效的判定标准（有效标准：{standards}）"
    en = "{clause} is of no standard in force on the date of the facts (in force: {standards})"


class MappingRequiredProblem(ConflictProblem):
    """A finding that no clause covers is first mapped to a clause, then verified."""

    code = "mapping_required"
    zh = "该发现尚未对应条款，请先对应条款或归为一般隐患"
    en = "Map this finding to a clause, or file it as general, first"


class VerifierConfirmsProblem(ForbiddenProblem):
    """Who verified cannot confirm or reject."""

    code = "verifier_cannot_decide"
    zh = "核查人员不能同时作为负责人确认"
    en = "Who verified cannot also decide"


class NobodyFoundMajorProblem(ConflictProblem):
    """Neither officer found it major on site: there is nothing to confirm."""

    code = "nobody_found_major"
    zh = "两名核查人员均认为不属重大，不能确认为重大"
    en = "Neither officer found it major; it cannot be confirmed"


class AnswerRefusedProblem(InvalidProblem):
    """An answer to a question that is not open, or of the wrong type."""

    code = "answer_refused"
    zh = "“{key}”不是待查明的事实，或答案类型、选项不符"
    en = "{key} is not open, or the answer is not of its type"


class SubjectUnknownProblem(InvalidProblem):
    """Facts are of a unit, place or worker: one the visit knows, or one that is named."""

    code = "subject_unknown"
    zh = "请指明事实所属的单元、部位或人员（本次检查已有的编号，或新名称）"
    en = "Say of which unit, place or worker: an id this visit knows, or a new name"
