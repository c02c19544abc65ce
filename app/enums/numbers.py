"""The documents that officers print on site, by the word (文书字) of their number series."""

from app.enums.labels import LabelledEnum


class DocumentWord(LabelledEnum):
    """What a phone may reserve numbers for; documents that are decided at a desk take their numbers there."""

    RECORD = "检记", "现场检查记录", "Record of an on-site inspection"
    MEASURE = "现决", "现场处理措施决定书", "Decision on on-site measures"
    ORDER = "责改", "责令限期整改指令书", "Rectification order"
    REINSPECTION = "复查", "整改复查意见书", "Opinion of a re-inspection"
    SEIZURE = "查扣", "查封扣押决定书", "Decision to seal or seize"
    QUESTIONING = "询", "询问通知书", "Notice of questioning"
    SAMPLING = "抽", "抽样取证凭证", "Voucher of samples taken"
    PRESERVATION = "先保通", "先行登记保存证据通知书", "Notice of evidence registered and preserved"
    ON_THE_SPOT = "当罚", "当场处罚决定书", "Penalty decided on the spot"
    SERVICE = "回", "文书送达回执", "Receipt of service"


class NumberIssue(LabelledEnum):
    """What is odd about a number that a package says it has used. The use stands all the same."""

    BLOCK_UNKNOWN = (
        "number_block_unknown",
        "文书号不属于任何已预留号段",
        "No reserved block holds this number",
    )
    OUTSIDE_BLOCK = (
        "number_outside_block", "文书号不在所称号段内", "The number lies outside the block that is named",
    )  # fmt: skip
    OTHER_DEVICE = (
        "number_of_other_device",
        "该号段预留给其他终端",
        "The block was reserved for another phone",
    )
    OTHER_AUTHORITY = (
        "number_of_other_authority", "所称号段属于其他机关", "The block that is named is another authority's",
    )  # fmt: skip
    OTHER_YEAR = "number_other_year", "文书号年度与检查日期不一致", "The number's year is not the record's"
    USED_TWICE = (
        "number_used_twice",
        "该文书号已被另一记录使用",
        "Another record has used this number already",
    )
    REPRINTED = (
        "number_reprinted", "同一文书号先后印制了不同内容", "Different contents were printed under this number",
    )  # fmt: skip
    REPEATED = "number_repeated", "本包内同一文书号重复列出", "The package lists this number twice"
    AFTER_VOID = "number_used_after_void", "号段作废后仍使用该号", "Used after the block had been voided"
    BLOCK_VOIDED = (
        "number_block_voided", "号段已作废；终端时间显示系作废前使用", "The block is void; used before that, by the phone's clock",
    )  # fmt: skip
    AFTER_EXPIRY = "number_used_after_expiry", "号段到期后仍使用该号", "Used after the block had expired"
    HASH_MISSING = "printed_hash_missing", "未记录印制文书的哈希", "The hash of what was printed is missing"
    ASSISTANT = (
        "number_used_by_assistant", "专职安全员不得出具执法文书", "An assistant may not hand out an enforcement document",
    )  # fmt: skip
