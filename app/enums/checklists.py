"""The vocabulary of checklists: how an item is looked at, what an answer means, what is wrong with an answer."""

from app.enums.labels import LabelledEnum


class TemplateStatus(LabelledEnum):
    """Where a template version stands. A withdrawn version still reads and accepts old packages."""

    DRAFT = "draft", "草稿", "Draft"
    PUBLISHED = "published", "已发布", "Published"
    WITHDRAWN = "withdrawn", "已停用", "Withdrawn"


class Method(LabelledEnum):
    """How an officer finds the answer."""

    DOCUMENTS = "documents", "查资料", "Read the records"
    SITE = "site", "查现场", "Look on site"
    INTERVIEW = "interview", "询问", "Ask people"
    MEASURE = "measure", "实测", "Measure"
    SIMULATE = "simulate", "模拟测试", "Simulate and test"
    SYSTEM = "system", "系统调取", "Read from a system"


class Severity(LabelledEnum):
    """What a non-compliant answer is by default. Only a clause of a determination standard makes a hazard major."""

    GENERAL = "general", "一般隐患", "General"
    MAJOR_IF = "major_if", "满足条款条件时疑似重大", "Suspected major when the clause's conditions hold"
    MAJOR = "major", "疑似重大", "Suspected major"


class Handling(LabelledEnum):
    """What an item may lead to besides rectification."""

    ENFORCE = "enforce", "可依法处理", "May be enforced"
    NO_PENALTY = "no_penalty", "不得单独处罚", "Never penalised on its own"
    REFER_FIRE = "refer_fire", "抄告或移送消防救援机构", "Referred to the fire authority"


class Subject(LabelledEnum):
    """What a fact is about."""

    ENTERPRISE = "enterprise", "企业", "Enterprise"
    SITE = "site", "场所", "Site"
    UNIT = "unit", "风险单元", "Risk unit"
    PLACE = "place", "部位", "Place"
    WORKER = "worker", "作业人员", "Worker"


class Outcome(LabelledEnum):
    """What one answer means against the item's own limits. It is never a determination of a major hazard."""

    COMPLIANT = "compliant", "符合", "Compliant"
    NON_COMPLIANT = "non_compliant", "不符合", "Not compliant"
    NOT_APPLICABLE = "not_applicable", "不适用", "Not applicable"
    UNDETERMINED = "undetermined", "须人工判断", "For a person to judge"
    RECORDED = "recorded", "仅记录", "Recorded only"


class LookupResult(LabelledEnum):
    """What looking a certificate up in its register showed."""

    VALID = "valid", "查询一致且有效", "Found, matches and valid"
    EXPIRED = "expired", "已过期或未复审", "Expired or not renewed"
    MISMATCH = "mismatch", "与本人或作业项目不符", "Does not match the person or the work"
    NOT_FOUND = "not_found", "查无此证", "Not in the register"
    NOT_CHECKED = "not_checked", "未能查询", "Could not be looked up"


class AnswerIssueCode(LabelledEnum):
    """What is wrong with an answer. An issue never refuses a record signed on site; it stands beside it."""

    MALFORMED_ANSWERS = "malformed_answers", "答案结构无法识别", "The answers are not an object by question"
    UNKNOWN_QUESTION = "unknown_question", "检查表中没有该问题", "The checklist has no such question"
    WRONG_TYPE = "wrong_type", "答案类型不符", "The answer is of the wrong type"
    OUT_OF_RANGE = "out_of_range", "数值超出可能范围", "The value lies outside what is possible"
    UNKNOWN_OPTION = "unknown_option", "选项不存在", "No such option"
    UNANSWERED = "unanswered", "应答项未作答", "A visible question has no answer"
    NOT_APPLICABLE_REFUSED = (
        "not_applicable_refused",
        "该项不得选择不适用",
        "This question cannot be not applicable",
    )
    REASON_MISSING = "reason_missing", "选择不适用但未说明理由", "Not applicable without a reason"
    HIDDEN_ANSWERED = "hidden_answered", "不应出现的问题却有答案", "A hidden question was answered"
    MISSING_EVIDENCE = "missing_evidence", "缺少规定的证据", "Required evidence is missing"
    TOO_FEW_ENTRIES = "too_few_entries", "逐点记录的条数不足", "Too few entries were recorded"
    TOO_MANY_ENTRIES = "too_many_entries", "逐点记录的条数过多", "Too many entries were recorded"
    MEASURED_AT_MISSING = "measured_at_missing", "未记录检测时间", "The time of measurement is missing"
    STALE_MEASUREMENT = "stale_measurement", "检测已超过有效时限", "The measurement is too old"
    MEASURED_AFTER_START = "measured_after_start", "检测晚于作业开始", "Measured after the work had begun"
    CONTRADICTORY_FACTS = "contradictory_facts", "答案相互矛盾", "Answers contradict one another"
