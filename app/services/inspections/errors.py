"""Why a package, a signature or an assignment is refused or set aside."""

from app.core.errors import ConflictProblem, InvalidProblem, NotFoundProblem, Problem


class OtherBytesProblem(ConflictProblem):
    """Other bytes came under a package id already taken; both are kept."""

    code = "package_conflict"
    zh = "该编号下已有内容不同的检查包；两份均已保存，等待人工处理"
    en = "Another package is kept under this id; both are stored and a person decides"


class QuarantinedProblem(InvalidProblem):
    """The bytes are kept, but cannot be understood; a person decides."""

    code = "package_quarantined"
    retry = "manual"
    zh = "检查包已保存，但无法处理（{reason}），等待人工处理"
    en = "The package is stored but cannot be processed ({reason}); a person decides"


class RejectedProblem(InvalidProblem):
    """A person has looked at what was set aside and rejected it; the bytes are kept for ever."""

    code = "package_rejected"
    retry = "manual"
    zh = "检查包经人工审核不予接收：{reason}"
    en = "A person has rejected the package: {reason}"


class TooManyRowsProblem(Problem):
    """More answers or files than one package may hold; nothing is kept, the phone still has it."""

    status = 413
    code = "package_too_many_rows"
    retry = "manual"
    zh = "检查包的“{member}”超过上限（{limit} 项），未保存"
    en = "The package holds more than {limit} of {member}; it is not stored"


class PushRowProblem(InvalidProblem):
    """A pushed row holds no package that could be kept; the phone still has it."""

    code = "push_row_unreadable"
    retry = "manual"
    zh = "该行无法作为检查包接收（“{member}”缺失或不合格式），未保存"
    en = "The row cannot be taken as a package ({member} is missing or malformed); nothing of it is stored"


class SetAsideQuotaProblem(Problem):
    """Too much of this phone, or of its officer's phones, waits for a person already; nothing is dropped, the phone keeps it."""

    status = 429
    code = "set_aside_quota"
    retry = "after"
    zh = "该终端或该人员等待人工处理的检查包过多，请联系管理员后重试"
    en = "Too many packages of this phone or person wait to be looked at; ask your administrator, then try again"


class PackageSignatureProblem(InvalidProblem):
    """The signature over the package's hash is not the device's."""

    code = "wrong_package_signature"
    retry = "manual"
    zh = "检查包的设备签名不正确"
    en = "The device's signature over the package does not verify"


class NoReceiptProblem(NotFoundProblem):
    """Not every declared file is stored yet."""

    code = "receipt_pending"
    retry = "after"
    zh = "回执尚未生成：仍有 {missing} 个证据文件未收到"
    en = "No receipt yet: {missing} declared files have not arrived"


class TeamProblem(InvalidProblem):
    """Two certified officers at least (行政处罚法 42)."""

    code = "team_not_qualified"
    zh = "检查组须由两名以上持有效执法证的执法人员组成"
    en = "A team needs at least two officers whose certificates are valid in the period"


class AssignmentStateProblem(ConflictProblem):
    """The assignment has been visited or cancelled."""

    code = "assignment_closed"
    zh = "任务当前状态为“{state}”，不能执行此操作"
    en = "The assignment is {state}; this is not possible any more"


class AuthorityProblem(InvalidProblem):
    """The authority's jurisdiction on that day does not include the site."""

    code = "outside_jurisdiction"
    zh = "该场所不在执法机关的管辖范围内"
    en = "The site lies outside the authority's jurisdiction"


class AssigningAuthorityProblem(InvalidProblem):
    """An inspection is assigned in the name of one's own authority, or of one that has entrusted it."""

    code = "assignment_authority"
    zh = "只能以本机关或委托本机关的机关名义安排检查"
    en = "An inspection is assigned in the name of one's own authority or of one that has entrusted it"


class TemplateProblem(InvalidProblem):
    """A checklist version is not published."""

    code = "template_not_published"
    zh = "检查表版本不存在或未发布"
    en = "A checklist version is unknown or not published"


class ForkDecidedProblem(ConflictProblem):
    """The package is no fork, or somebody has decided about it."""

    code = "fork_decided"
    zh = "该检查包不是待定的并存更正，或已作出决定"
    en = "The package is no open fork, or it has been decided about"


class StandingChangedProblem(ConflictProblem):
    """A correction of the standing package came at this very moment."""

    code = "standing_changed"
    zh = "现行检查包刚刚变更，请重新核对后再决定"
    en = "What stands has changed this very moment; look again, then decide"


class ConflictDecidedProblem(ConflictProblem):
    """Somebody has decided about these bytes."""

    code = "conflict_decided"
    zh = "该冲突已作出决定"
    en = "This conflict has been decided about"
