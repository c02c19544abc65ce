"""Why a case cannot be opened, changed or moved on."""

from app.core.errors import ConflictProblem, ForbiddenProblem, InvalidProblem


class CaseStateProblem(ConflictProblem):
    """The case's state does not allow this."""

    code = "case_state"
    zh = "案件当前状态为“{status}”，不能执行此操作"
    en = "The case is {status}; this is not possible now"


class HazardTakenProblem(ConflictProblem):
    """Another open case pursues the hazard by the same article and stage (行政处罚法 29)."""

    code = "hazard_in_case"
    zh = "隐患已由案件 {cases} 按同一条款办理"
    en = "Case {cases} already pursues a hazard by the same article"


class MergedClaimsProblem(ConflictProblem):
    """Hazards that two cases pursue by one article and stage are not made one (行政处罚法 29)."""

    code = "merge_two_cases"
    zh = "两条隐患已由案件 {cases} 按同一条款分别办理，不能合并；须先撤销其中一案或调整其涉案事实"
    en = "Cases {cases} pursue the two hazards by the same article: one of them must let go before they are merged"


class HazardsTogetherProblem(InvalidProblem):
    """The hazards of one case belong to one enterprise, one authority and one region."""

    code = "hazards_not_together"
    zh = "同一案件的隐患须属于同一企业、同一机关和同一区域"
    en = "The hazards of one case belong to one enterprise, one authority and one region"


class CaseTeamProblem(InvalidProblem):
    """Two certified officers at least (行政处罚法 42)."""

    code = "case_team_not_qualified"
    zh = "案件须由两名以上当日持有效执法证的本机关执法人员承办"
    en = "A case needs at least two officers of the authority whose certificates are valid on the day"


class NotCaseOfficerProblem(ForbiddenProblem):
    """Only an officer of the case may do this."""

    code = "not_case_officer"
    zh = "只有本案承办人可以执行此操作"
    en = "Only an officer of this case may do this"


class SamePersonProblem(ForbiddenProblem):
    """Who proposed a step, or handles the case, does not approve it."""

    code = "same_person"
    zh = "提请人和承办人不得审批本案"
    en = "Who proposes or handles a case does not approve it"


class ReasonMissingProblem(InvalidProblem):
    """This step needs a reason."""

    code = "reason_required"
    zh = "请说明理由"
    en = "Give the reason"


class StepDateProblem(InvalidProblem):
    """A legal date lies between the step before it and today."""

    code = "step_date"
    zh = "日期须在 {earliest} 至 {latest} 之间"
    en = "The date must lie between {earliest} and {latest}"


class FactsDateProblem(InvalidProblem):
    """Facts lie in the past."""

    code = "facts_date"
    zh = "违法事实日期不得晚于 {latest}"
    en = "The date of the facts cannot be later than {latest}"


class PartyProblem(InvalidProblem):
    """An allegation names a party or a hazard that the case does not have, or a label is used twice."""

    code = "unknown_reference"
    zh = "指控所指的当事人或隐患不在本案中，或标签重复：{reference}"
    en = "An allegation names a party or hazard the case does not have, or a label is used twice: {reference}"


class PersonNumberProblem(InvalidProblem):
    """The resident identity number fails its check (GB 11643-1999)."""

    code = "wrong_resident_id"
    zh = "公民身份号码不正确（当事人 {label}）"
    en = "The resident identity number is not valid (party {label})"


class UnknownArticleProblem(InvalidProblem):
    """The catalogue has no such liability article or document."""

    code = "unknown_article"
    zh = "法律库中没有 {article}"
    en = "There is no {article} in the catalogue of law"


class ArticleNotInForceProblem(InvalidProblem):
    """The article was not in force on the date of the facts; the successor is named where known."""

    code = "article_not_in_force"
    zh = "{article} 在 {facts_on} 未施行（施行期 {in_force_from} 至 {in_force_until}）；现行规定：{successor}"
    en = "{article} was not in force on {facts_on} ({in_force_from} to {in_force_until}); successor: {successor}"


class NotLiableProblem(InvalidProblem):
    """At this stage the article does not reach such a party (安全生产法 97、99、101、102: no individual at first)."""

    code = "party_not_liable"
    zh = "{article} 在“{stage}”阶段不处罚该类当事人（{party}）"
    en = "{article} does not reach such a party ({party}) at the stage {stage}"
