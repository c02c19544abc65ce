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
    """The id names another file: one that is stored, or one that another phone declared first, be it here or not."""

    code = "evidence_conflict"
    retry = "manual"
    zh = "该编号属于另一文件"
    en = "This id is another file's"


class RejectedPackageProblem(InvalidProblem):
    """A person has rejected the package: nothing more of it is stored. Why, its sender is told where he asks for its receipt."""

    code = "package_rejected"
    retry = "manual"
    zh = "检查包经人工审核不予接收，不再收存其文件"
    en = "A person has rejected the package; no more of its files are taken"


class UnclaimedQuotaProblem(Problem):
    """Too many files wait for their packages, or with packages that wait themselves, mostly for a person.

    What a processed package declares never meets it.
    """

    status = 429
    code = "unclaimed_quota"
    retry = "after"
    zh = "等待检查包（或随检查包等待人工处理）的文件过多；请先提交其他检查包，必要时联系管理员"
    en = "Too many files wait for their packages, or with packages that wait for a person; send what is sound first"


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


class UploadLengthProblem(Problem):
    """An upload says at the start how many bytes the file has: one at least, and not more than the server takes."""

    code = "upload_length"
    zh = "请在创建上传时给出文件长度（1 至 {limit} 字节）"
    en = "Announce the length of the file when creating the upload: 1 to {limit} bytes"


class UploadTooLargeProblem(Problem):
    """The announced file is larger than the server takes."""

    status = 413
    code = "upload_too_large"
    zh = "文件超过上传上限（{limit} 字节）"
    en = "The file is larger than an upload may be ({limit} bytes)"


class InconsistentLengthProblem(Problem):
    """Two announcements of the same upload's length differ."""

    code = "inconsistent_upload_length"
    zh = "上传长度前后不一致"
    en = "The announced lengths of this upload differ"


class UploadTooLongProblem(Problem):
    """More bytes than the upload has room for."""

    status = 413
    code = "upload_too_long"
    zh = "内容超出该上传的长度（剩余 {limit} 字节）"
    en = "More bytes than the upload has left ({limit})"


class OffsetProblem(Problem):
    """The bytes do not begin where the upload stands; ask for its offset and go on there."""

    status = 409
    code = "upload_offset"
    retry = "now"
    zh = "上传位置不符，请从 {offset} 字节处继续"
    en = "The upload stands at {offset}; go on there"


class UploadBusyProblem(Problem):
    """Another request appends to this upload at this moment."""

    status = 423
    code = "upload_busy"
    retry = "after"
    zh = "该上传正由另一请求写入，请稍后重试"
    en = "Another request appends to this upload right now"


class UploadSupersededProblem(Problem):
    """A later request has taken the upload over, or it was ended; ask for its offset."""

    status = 409
    code = "upload_superseded"
    retry = "now"
    zh = "该上传已由更新的请求接管或已结束，请重新查询上传位置"
    en = "A later request took this upload over, or it was ended; ask for its offset"


class UploadLostProblem(Problem):
    """Bytes that had come are not there any more, so the upload has ended; begin a new one."""

    status = 503
    code = "upload_lost"
    retry = "now"
    zh = "已接收的部分内容已丢失，请重新开始上传"
    en = "Bytes of this upload that had come are lost; begin it anew"


class UploadExpiredProblem(Problem):
    """The upload was left alone for too long; begin a new one."""

    status = 410
    code = "upload_expired"
    zh = "该上传已过期，请重新开始"
    en = "This upload has expired; begin a new one"


class UploadQuotaProblem(Problem):
    """Too many uploads, or too many bytes, are under way from this phone or of this person."""

    status = 429
    code = "upload_quota"
    retry = "after"
    zh = "未完成的上传过多，请先完成或取消已有上传"
    en = "Too much is under way already; finish or end some uploads first"


class ChecksumProblem(Problem):
    """The bytes of this request were damaged on the way; none of them counts."""

    status = 460
    code = "checksum_mismatch"
    retry = "now"
    zh = "本次发送的内容与校验值不符，请重新发送"
    en = "The bytes of this request do not match their checksum; send them again"


class ProvenancePendingProblem(Problem):
    """The file is here, and its provenance has not been judged yet: that follows its examination, within minutes."""

    status = 404
    code = "provenance_pending"
    retry = "after"
    zh = "该文件的来源尚未完成分析，请稍后再查"
    en = "The provenance of this file has not been judged yet; ask again later"


class ProvenanceChangedProblem(ConflictProblem):
    """Something was judged or held otherwise at this very moment."""

    code = "provenance_changed"
    zh = "来源分析或审查意见刚有变化，请刷新后重试"
    en = "What was judged, or held of it, has just changed; reload and try again"


class OwnEvidenceProblem(Problem):
    """Nobody reviews what he sent himself, or what belongs to a record of which he is an officer."""

    status = 403
    code = "own_evidence"
    zh = "不能审查本人上传或本人署名记录的证据"
    en = "You cannot review evidence that you sent yourself, or of a record of your own"
