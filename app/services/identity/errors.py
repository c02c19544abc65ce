"""Why a login or a token is refused. No text tells whether the login exists."""

from app.core.errors import ConflictProblem, InvalidProblem, Problem


class UnauthenticatedProblem(Problem):
    """No valid access token came with the request."""

    status = 401
    code = "unauthenticated"
    retry = "auth"
    zh = "请先登录"
    en = "Log in first"


class CredentialsProblem(Problem):
    """Wrong login or password (the same answer for both)."""

    status = 401
    code = "wrong_credentials"
    retry = "manual"
    zh = "用户名或密码不正确"
    en = "The login or the password is wrong"


class TooManyAttemptsProblem(Problem):
    """The brake against guessing."""

    status = 429
    code = "too_many_attempts"
    retry = "after"
    zh = "尝试次数过多，请在 {seconds} 秒后重试"
    en = "Too many attempts; try again in {seconds} seconds"


class DeviceRequiredProblem(Problem):
    """Records and files of the field come from enrolled phones only."""

    status = 403
    code = "device_required"
    zh = "请使用已登记的执法终端"
    en = "Use an enrolled phone"


class WrongAudienceProblem(Problem):
    """Third-party clients use the partner API, phones the mobile API, browsers the console API."""

    status = 403
    code = "wrong_audience"
    zh = "此访问凭证不能用于该接口"
    en = "This token is not for this API"


class RefreshRefused(Problem):
    """The refresh token is unknown, expired, or its session has ended."""

    status = 401
    code = "refresh_refused"
    retry = "auth"
    zh = "登录已失效，请重新登录"
    en = "The session has ended; log in again"


class EnrollmentProblem(Problem):
    """The one-time code is unknown, used or expired: one answer for all."""

    status = 403
    code = "enrollment_refused"
    retry = "manual"
    zh = "登记码无效或已过期"
    en = "The enrolment code is not valid any more"


class DeviceKeyProblem(InvalidProblem):
    """The key is no ES256 or Ed25519 public key, is enrolled already, or its proof does not verify."""

    code = "device_key_refused"
    retry = "manual"
    zh = "终端公钥不可用，或其签名证明不正确"
    en = "The device key cannot be used, or its proof does not verify"


class DevicePendingProblem(Problem):
    """The phone waits for a person to compare its key's fingerprint."""

    status = 403
    code = "device_pending"
    retry = "after"
    zh = "终端等待管理员核对指纹"
    en = "The phone waits for its fingerprint to be confirmed"


class DeviceRevokedProblem(Problem):
    """The phone is revoked; what it still holds goes to the intake."""

    status = 403
    code = "device_revoked"
    retry = "manual"
    zh = "终端已停用；未提交的内容请通过收件口（/mobile/v1/intake）提交"
    en = "The phone is revoked; hand what it holds to the intake (/mobile/v1/intake)"


class FingerprintProblem(ConflictProblem):
    """The fingerprint read from the phone is not the one of the enrolled key."""

    code = "fingerprint_mismatch"
    zh = "指纹不一致"
    en = "The fingerprints differ"
