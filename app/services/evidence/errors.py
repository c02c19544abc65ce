"""Why a file is refused or set aside."""

from app.core.errors import ConflictProblem, InvalidProblem, Problem


class DigestRequiredProblem(InvalidProblem):
    """A file comes with its own hash, so that damage on the way shows."""

    code = "repr_digest_required"
    zh = "请携带 Repr-Digest（sha-256）和 Anshao-Package"
    en = "Send Repr-Digest (sha-256, RFC 9530) and Anshao-Package"


class WrongBytesProblem(InvalidProblem):
    """The bytes are not the ones that were announced or declared; nothing was claimed."""

    code = "wrong_evidence"
    retry = "now"
    zh = "文件内容与申报的摘要或大小不一致"
    en = "The bytes do not match the declared hash or size"


class UndeclaredProblem(ConflictProblem):
    """The package is here and does not declare this file."""

    code = "evidence_undeclared"
    retry = "manual"
    zh = "检查包未申报该证据文件"
    en = "The package does not declare this file"


class OtherFileProblem(ConflictProblem):
    """Another file is stored under this id."""

    code = "evidence_conflict"
    retry = "manual"
    zh = "该编号下已保存内容不同的文件"
    en = "Another file is stored under this id"


class UnclaimedQuotaProblem(Problem):
    """Too many files wait for their packages."""

    status = 429
    code = "unclaimed_quota"
    retry = "after"
    zh = "等待检查包的文件过多，请先提交检查包"
    en = "Too many files wait for their packages; send the packages first"


class OriginalGoneProblem(Problem):
    """The same bytes lay there and were swept away at this very moment: sending them again stores them anew."""

    status = 503
    code = "evidence_send_again"
    retry = "now"
    zh = "请重新发送该文件"
    en = "Send this file again"


class AlreadyStoredProblem(ConflictProblem):
    """What is stored is not lost."""

    code = "evidence_already_stored"
    zh = "该文件已收存，不能申报遗失"
    en = "This file is stored already and cannot be withdrawn as lost"


class WithdrawalSignatureProblem(InvalidProblem):
    """A withdrawal counts only when the phone that declared the file signs it."""

    code = "wrong_withdrawal_signature"
    zh = "遗失声明的签名无效"
    en = "The signature of the withdrawal is not valid"


class ContextRequiredProblem(InvalidProblem):
    """A file from a desk belongs to something."""

    code = "evidence_context_required"
    zh = "请指明文件所属的检查包或隐患（同一区域）"
    en = "Name the package or the hazard (of one region) that the file belongs to"
