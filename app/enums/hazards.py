"""The vocabulary of the registry: where an extension of an order and an on-site measure stand."""

from app.enums.labels import LabelledEnum


class ExtensionStatus(LabelledEnum):
    """What became of a proposed extension."""

    PROPOSED = "proposed", "待审批", "Proposed"
    GRANTED = "granted", "同意延期", "Granted"
    REFUSED = "refused", "不同意延期", "Refused"
    WITHDRAWN = "withdrawn", "已撤回", "Withdrawn"


class MeasureStatus(LabelledEnum):
    """Where an on-site measure stands."""

    ORDERED_ORALLY = "ordered_orally", "已口头责令（待书面决定）", "Ordered orally"
    DECIDED = "decided", "已书面决定（执行中）", "Decided in writing, in force"
    LIFTING_REQUESTED = "lifting_requested", "待复查解除", "Lifting requested"
    REVIEWED = "reviewed", "复查合格（待审查同意）", "Reviewed, to be agreed to"
    LIFTED = "lifted", "已解除", "Lifted"
    WITHDRAWN = "withdrawn", "口头措施已撤销", "Oral measure withdrawn"
