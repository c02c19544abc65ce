"""Why the intake refuses, and why a decision about what is set aside cannot be carried out."""

from app.core.errors import ConflictProblem, Problem


class IntakeRefusedProblem(Problem):
    """Unknown key, or a proof that is not its signature: one answer for all."""

    status = 401
    code = "intake_refused"
    retry = "manual"
    zh = "无法识别终端，未接收"
    en = "The phone was not recognised; nothing was taken"


class OrdinaryDoorProblem(Problem):
    """The phone is in use: what it holds goes the ordinary way, where it is accepted and receipted."""

    status = 409
    code = "intake_not_needed"
    retry = "auth"
    zh = "终端在用，请通过正常接口（/mobile/v1/packages、/mobile/v1/evidence）提交"
    en = "The phone is in use; hand this in the ordinary way (/mobile/v1/packages, /mobile/v1/evidence)"


class PackageRequiredProblem(Problem):
    """A file belongs to a package."""

    status = 422
    code = "intake_package_required"
    zh = "请指明文件所属的检查包（package_id）"
    en = "Name the package the file belongs to (package_id)"


class IntakeQuotaProblem(Problem):
    """Too much of this phone waits for a person; nothing is dropped, the phone keeps it."""

    status = 429
    code = "intake_quota"
    retry = "after"
    zh = "该终端等待人工处理的内容过多，请联系管理员后重试"
    en = "Too much of this phone waits for a person; ask your administrator, then try again"


class OwnRecordProblem(Problem):
    """Nobody decides about a record that he made or stands for."""

    status = 403
    code = "own_record"
    zh = "不能处理本人提交或本人署名的内容"
    en = "Nobody decides about a record of one's own"


class DecidedProblem(ConflictProblem):
    """A decision has been made about this already."""

    code = "already_decided"
    zh = "该项已处理"
    en = "This has been decided already"


class NotReleasableProblem(ConflictProblem):
    """What would make of it a record is still not there; it waits on. `reason` is the stable word for what is missing."""

    code = "not_releasable"
    zh = "仍无法作为正常提交处理（{reason}），继续等待"
    en = "It still cannot be processed as an ordinary record ({reason}); it goes on waiting"
