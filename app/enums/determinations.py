"""The vocabulary of determinations: what the machine says, what people make of it."""

from app.enums.labels import LabelledEnum


class VerdictKind(LabelledEnum):
    """What the machine says. It suspects; only people determine."""

    SUSPECTED_MAJOR = "suspected_major", "疑似重大", "Suspected major"
    UNDETERMINED = "undetermined", "待查明", "Undetermined"
    NOT_MATCHED = "not_matched", "未命中", "Not matched"
    UNMAPPED = "unmapped", "无对应条款，须人工研判", "No clause covers it; for a person"


class VerdictStatus(LabelledEnum):
    """How far people have come: two officers verify in two sessions, then the person in charge confirms or rejects."""

    OPEN = "open", "待核查", "To be verified"
    VERIFIED_ONCE = "verified_once", "一人已核查", "Verified by one officer"
    VERIFIED = "verified", "两人已核查", "Verified by two officers"
    CONFIRMED = "confirmed", "已确认为重大", "Confirmed as major"
    REJECTED = "rejected", "确认不是重大", "Confirmed as not major"
    GENERAL = "general", "归为一般隐患", "Filed as a general hazard"


class Assessment(LabelledEnum):
    """What an officer found on site."""

    MAJOR = "major", "属重大", "Major"
    NOT_MAJOR = "not_major", "不属重大", "Not major"


class RulesetStatus(LabelledEnum):
    """Where a version of the rules stands that was written here."""

    DRAFT = "draft", "草稿", "Draft"
    PUBLISHED = "published", "已发布", "Published"
    WITHDRAWN = "withdrawn", "已放弃", "Given up"
    REVOKED = "revoked", "生效前撤销", "Revoked before it took effect"
