"""Why a campaign is not planned, changed or given assignments."""

from app.core.errors import ConflictProblem, InvalidProblem


class CampaignAuthorityProblem(InvalidProblem):
    """The authority covers the region on the first and on the last day."""

    code = "campaign_authority"
    zh = "专项行动的区域在其首日或末日不属于该机关的管辖范围"
    en = "The authority does not cover the campaign's region on its first and its last day"


class CampaignNameProblem(InvalidProblem):
    """A campaign is planned in the name of one's own authority, or of one that has entrusted it."""

    code = "campaign_authority_name"
    zh = "只能以本机关或委托本机关的机关名义组织专项行动"
    en = "A campaign is planned in the name of one's own authority or of one that has entrusted it"


class CampaignPeriodProblem(InvalidProblem):
    """Assignments of the campaign reach beyond the new period; `assignments` holds the first of them."""

    code = "campaign_period"
    zh = "专项行动已有 {count} 项检查任务超出新的起止日期"
    en = "{count} of the campaign's assignments reach beyond the new period"


class CampaignClosedProblem(ConflictProblem):
    """The campaign's last day has passed: its assignments stay what they are, unless its period is extended."""

    code = "campaign_closed"
    zh = "专项行动已于 {ends_on} 结束，不能增减检查任务"
    en = "The campaign ended on {ends_on}; its assignments stay as they are"


class MisfitProblem(InvalidProblem):
    """Assignments outside the campaign's region or period, or cancelled; none of the batch was added."""

    code = "assignments_misfit"
    zh = "有检查任务不在专项行动的区域或起止日期内，或已取消；本批均未加入"
    en = "Some assignments lie outside the campaign's region or period, or are cancelled; none was added"


class OtherCampaignProblem(ConflictProblem):
    """Assignments belong to another campaign; none of the batch was added."""

    code = "assignment_in_campaign"
    zh = "有检查任务已属于另一专项行动；本批均未加入"
    en = "Some assignments belong to another campaign; none was added"


class MemberVisitedProblem(ConflictProblem):
    """What has been visited stays in its campaign: its figures are not chosen by their outcome. None of the batch was removed."""

    code = "campaign_assignment_visited"
    zh = "有检查任务已实施检查，不能移出专项行动；本批均未移出"
    en = "Some assignments have been visited and stay in the campaign; none was removed"
