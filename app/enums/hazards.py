"""The vocabulary of the registry: where an extension of an order stands."""

from app.enums.labels import LabelledEnum


class ExtensionStatus(LabelledEnum):
    """What became of a proposed extension."""

    PROPOSED = "proposed", "待审批", "Proposed"
    GRANTED = "granted", "同意延期", "Granted"
    REFUSED = "refused", "不同意延期", "Refused"
    WITHDRAWN = "withdrawn", "已撤回", "Withdrawn"
