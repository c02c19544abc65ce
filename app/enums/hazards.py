"""The vocabulary of the registry: levels, states and sources; where an extension, an on-site measure and an export stand."""

from app.enums.labels import LabelledEnum


class HazardSource(LabelledEnum):
    """What brought a hazard into the registry."""

    INSPECTION = "inspection", "执法检查", "Found on a visit"
    PATROL = "patrol", "巡查吹哨", "Whistled by a safety assistant"
    SELF_REPORT = "self_report", "企业自查上报", "Reported by the enterprise itself"
    TIP = "tip", "举报", "A tip"
    TRANSFER = "transfer", "移送", "Sent by another authority"


class ExtensionStatus(LabelledEnum):
    """What became of a proposed extension."""

    PROPOSED = "proposed", "待审批", "Proposed"
    GRANTED = "granted", "同意延期", "Granted"
    REFUSED = "refused", "不同意延期", "Refused"
    WITHDRAWN = "withdrawn", "已撤回", "Withdrawn"


class ReinspectionOutcome(LabelledEnum):
    """What a re-inspection found of one hazard: put right, as it was, or worse than it was."""

    RESOLVED = "resolved", "已整改", "Resolved"
    UNCHANGED = "unchanged", "未整改", "Unchanged"
    AGGRAVATED = "aggravated", "加重", "Aggravated"


class MeasureStatus(LabelledEnum):
    """Where an on-site measure stands."""

    ORDERED_ORALLY = "ordered_orally", "已口头责令（待书面决定）", "Ordered orally"
    DECIDED = "decided", "已书面决定（执行中）", "Decided in writing, in force"
    LIFTING_REQUESTED = "lifting_requested", "待复查解除", "Lifting requested"
    REVIEWED = "reviewed", "复查合格（待审查同意）", "Reviewed, to be agreed to"
    LIFTED = "lifted", "已解除", "Lifted"
    WITHDRAWN = "withdrawn", "口头措施已撤销", "Oral measure withdrawn"
    REVOKED = "revoked", "书面决定已撤销", "Decision revoked"


class HazardLevel(LabelledEnum):
    """General, or major by a clause."""

    GENERAL = "general", "一般隐患", "General"
    MAJOR = "major", "重大隐患", "Major"


class HazardStatus(LabelledEnum):
    """The states of services/hazards/workflow.py."""

    FOUND = "found", "已发现", "Found"
    ORDERED = "ordered", "已责令整改", "Ordered"
    RECTIFIED = "rectified", "已报整改", "Reported as rectified"
    REINSPECTED = "reinspected", "复查合格", "Re-inspected"
    CLOSED = "closed", "已销号", "Closed"


class ExportStatus(LabelledEnum):
    """How far an export is. Only a finished one has a file."""

    WAITING = "waiting", "等待中", "Waiting"
    RUNNING = "running", "导出中", "Running"
    DONE = "done", "已完成", "Done"
    FAILED = "failed", "失败", "Failed"
    EXPIRED = "expired", "已过期", "Expired"


class DuplicateStatus(LabelledEnum):
    """What became of a proposed merging."""

    PROPOSED = "proposed", "疑似重复", "May be one"
    MERGED = "merged", "已合并", "Merged"
    DISMISSED = "dismissed", "不是重复", "Two hazards"


class ProposalStatus(LabelledEnum):
    """What became of a proposal for an overdue hazard."""

    OPEN = "open", "待处理", "Open"
    TAKEN_UP = "taken_up", "已采纳办理", "Taken up"
    DISMISSED = "dismissed", "不予采纳", "Dismissed"
    WITHDRAWN = "withdrawn", "已自动撤回", "Withdrawn by the registry"


class ProposalEnd(LabelledEnum):
    """Why the registry itself takes a proposal back."""

    FOUND_RECTIFIED = "found_rectified", "复查合格", "A re-inspection found it rectified"
    HAZARD_CLOSED = "hazard_closed", "隐患已销号", "The hazard was closed"
    HAZARD_MERGED = "hazard_merged", "隐患已合并", "The hazard was merged into another"
    DEADLINE_MOVED = "deadline_moved", "整改期限已变更", "The deadline was moved"


class PlacardStatus(LabelledEnum):
    """Where a placard stands."""

    PROPOSED = "proposed", "待决定", "Proposed"
    IN_FORCE = "in_force", "挂牌中", "In force"
    REFUSED = "refused", "不予挂牌", "Refused"
    REMOVED = "removed", "已验收摘牌", "Removed after acceptance"
    WITHDRAWN = "withdrawn", "已撤销", "Withdrawn"
