"""The vocabulary of cases: their states, sources, parties and stages."""

from app.enums.labels import LabelledEnum


class CaseStatus(LabelledEnum):
    """Where a case stands. Later parts of the procedure add members; nothing else changes."""

    CLUE_REGISTERED = "clue_registered", "线索登记", "Clue registered"
    FILING_PROPOSED = "filing_proposed", "立案审批中", "Filing proposed"
    FILED = "filed", "已立案", "Filed"
    NOT_FILED = "not_filed", "不予立案", "Not filed"
    WITHDRAWN = "withdrawn", "立案前撤回", "Withdrawn before filing"
    INVESTIGATING = "investigating", "调查取证", "Investigating"


class CaseSource(LabelledEnum):
    """What brought the case."""

    HAZARD = "hazard", "隐患登记（检查发现）", "A hazard of the registry"
    TRANSFER = "transfer", "移送", "Transferred by another authority"
    TIP = "tip", "举报", "A tip"
    MONITORING = "monitoring", "监测预警", "Monitoring"
    SELF_REPORT = "self_report", "自查上报", "Reported by the enterprise itself"


class PartyKind(LabelledEnum):
    """Entity and persons are separate parties, also when one act makes both liable (一案双罚)."""

    ENTITY = "entity", "单位", "Entity"
    PERSON = "person", "个人", "Person"


class Capacity(LabelledEnum):
    """In what capacity a person answers. A principal is not as such the manager directly responsible."""

    PRINCIPAL = "principal", "主要负责人", "Principal"
    OTHER_LEADER = "other_leader", "其他负责人", "Other leader"
    SAFETY_MANAGER = "safety_manager", "安全生产管理人员", "Safety manager"
    MANAGER_RESPONSIBLE = "manager_responsible", "直接负责的主管人员", "Manager directly responsible"
    OTHER_RESPONSIBLE = "other_responsible", "其他直接责任人员", "Other person directly responsible"
    INVESTOR = "investor", "个人经营的投资人", "Individual investor"
    WORKER = "worker", "从业人员", "Worker"


class IdKind(LabelledEnum):
    """What identifies a party."""

    USCC = "uscc", "统一社会信用代码", "Unified social credit code"
    SUBSTITUTE_MARK = "substitute_mark", "替代标识（无照）", "Substitute mark (unlicensed)"
    RESIDENT_ID = "resident_id", "公民身份号码", "Resident identity number"
    OTHER = "other", "其他证件", "Other document"


class Stage(LabelledEnum):
    """At which stage the article makes liable."""

    FIRST = "first", "首次发现", "First finding"
    OVERDUE = "overdue", "逾期未改或拒不执行", "Overdue or refused"
