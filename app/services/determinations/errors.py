"""Why a verdict cannot take a step, and why an answer or a clause is not accepted."""

from typing import Any

from app.core.errors import ConflictProblem, ForbiddenProblem, InvalidProblem


class VerdictStateProblem(ConflictProblem):
    """The verdict's state does not allow the action."""

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


class RulesetInvalidProblem(InvalidProblem):
    """A draft's content or cases cannot be used; `errors` names for each the clause, the part, what is wrong, and the names."""

    code = "ruleset_invalid"
    zh = "规则内容有误（{count} 处）"
    en = "The rules are not valid ({count} errors)"

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(count=len(errors), errors=errors[:100])


class RulesetUnknownProblem(InvalidProblem):
    """New versions are made of standards whose rules are held; the others have none to start from."""

    code = "ruleset_not_held"
    zh = "未收录判定标准“{ruleset}”的规则，不能新建版本（已收录：{held}）"
    en = "No rules of {ruleset} are held, so there is nothing to make a new version of (held: {held})"


class RulesetStateProblem(ConflictProblem):
    """The version's state does not allow the step: what is published never changes."""

    code = "ruleset_state"
    zh = "当前状态（{state}）下不能执行此操作；已发布的规则不可更改，请新建版本"
    en = (
        "This is not possible while the version is {state}; published rules never change, start a new version"
    )


class RulesetNameTakenProblem(ConflictProblem):
    """A version of this name exists: verdicts name it, so no other may ever be called so."""

    code = "ruleset_version_taken"
    zh = "版本号“{name}”已被使用"
    en = "There is a version {name} already"


class RulesetEditorProblem(ForbiddenProblem):
    """Who wrote the rules does not put them into force, nor take them back: a second person does."""

    code = "ruleset_editor"
    zh = "起草或修改过该版本的人员不能发布或撤销，须由第二人办理"
    en = "Who has edited this version can neither publish nor revoke it; a second person does"


class RulesetBaseProblem(ConflictProblem):
    """Another version has become the newest since; the draft must be compared with that one."""

    code = "ruleset_base_outdated"
    zh = "最新版本已是“{newest}”，而草稿依据“{base}”；请核对差异并以最新版本为依据后再办理"
    en = "The newest version is {newest} now, the draft follows {base}; check the differences and move it onto the newest"


class RulesetDateProblem(InvalidProblem):
    """Rules take effect some days after they are published, and after the version before them."""

    code = "ruleset_too_soon"
    zh = "生效日期不得早于 {earliest}（发布后至少满 {days} 日，且晚于上一版本的生效日）"
    en = "It cannot take effect before {earliest} ({days} full days after publication at least, and after the version before)"


class RulesetCasesProblem(InvalidProblem):
    """Cases are lacking or fail; `lacking`: clauses with the verdicts no case tries, `alike`: those whose change none shows."""

    code = "ruleset_cases"
    zh = "测试案例不足或未通过：缺少案例的条款 {clauses}；未通过的案例 {numbers}；条件已改而没有案例体现变化的条款 {alike}"
    en = (
        "Test cases are lacking or fail: clauses lacking cases: {clauses}; failing cases: {numbers}; "
        "clauses decided otherwise that no case shows: {alike}"
    )


class RulesetInForceProblem(ConflictProblem):
    """It has taken effect, or is about to: what was judged by it stands, and a new version replaces it."""

    code = "ruleset_in_force"
    zh = "该版本已生效或即将生效，不能撤销；请发布新版本"
    en = "It is in force, or about to be, and cannot be revoked; publish a new version"


class RulesetFollowedProblem(ConflictProblem):
    """A later version builds on it; that one is revoked first."""

    code = "ruleset_followed"
    zh = "版本“{newest}”以该版本为依据，须先撤销该版本之后的版本"
    en = "Version {newest} follows this one; revoke that one first"


class RulesetUnchangedProblem(InvalidProblem):
    """What judges exactly as the version before is no new version: its name, day and source alone change nothing."""

    code = "ruleset_unchanged"
    zh = "草稿与上一版本“{base}”的内容完全相同，没有可以发布的更改；请修改后再发布，或者撤回该草稿"
    en = "Nothing in the draft differs from version {base}, so there is nothing to publish; change it, or give it up"
