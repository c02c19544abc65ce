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
    """Third-party clients use the partner API, phones the mobile API, browsers the console API, enterprises their own."""

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
    """The key is no ES256 or Ed25519 public key, is enrolled for somebody else, or its proof does not verify."""

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


class PasswordChangeRequiredProblem(Problem):
    """The password was made by an administrator: nothing works until its owner sets another."""

    status = 403
    code = "password_change_required"
    retry = "manual"
    zh = "请先修改初始口令（/api/v1/session/password）"
    en = "Change the initial password first (/api/v1/session/password)"


class SamePasswordProblem(InvalidProblem):
    """The new password is the present one."""

    code = "same_password"
    retry = "manual"
    zh = "新口令不得与当前口令相同"
    en = "The new password is the present one"


class LoginTakenProblem(ConflictProblem):
    """Logins are given once, also to accounts closed since."""

    code = "login_taken"
    zh = "登录名已被使用"
    en = "The login is taken"


class OwnAccountProblem(ConflictProblem):
    """Nobody grants himself a role, resets his own password as an administrator, or closes his own account."""

    code = "own_account"
    zh = "不能对本人账号执行此操作"
    en = "This is not done to one's own account"


class BeyondRegionProblem(Problem):
    """The user holds roles in regions that the administrator does not manage."""

    status = 403
    code = "user_beyond_region"
    zh = "该用户在您管理的区域之外还有角色，须由上级管理员处理"
    en = "The user holds roles beyond your regions; an administrator above must do this"


class PlacementProblem(InvalidProblem):
    """The authority lies elsewhere than the user, the brigade is not one in use of it, or region or authority has ended."""

    code = "user_placement"
    zh = "机关须为该用户所在区域的在用机关，大队或中队须属于该机关且在用"
    en = "The authority must be one in force of the user's region, and the brigade one in use of that authority"


class AccountStateProblem(ConflictProblem):
    """The account is closed already, or open already."""

    code = "account_state"
    zh = "账号状态不允许此操作"
    en = "The state of the account does not allow this"


class GrantPeriodProblem(InvalidProblem):
    """A grant begins today at the earliest, is never lengthened, and ends yesterday at the earliest."""

    code = "grant_period"
    zh = "授权不得早于今日生效，不得延长，终止日不得早于昨日"
    en = "A grant begins today or later, is not lengthened, and ends yesterday or later"


class RolesExcludeProblem(ConflictProblem):
    """A safety assistant has no enforcement power: nobody is assistant and officer at the same time."""

    code = "roles_exclude"
    zh = "专职安全员与执法岗位不得同时授予同一人"
    en = "Nobody is a safety assistant and an officer at the same time"


class GrantOverlapProblem(ConflictProblem):
    """The user holds this role in this region for some of these days."""

    code = "grant_overlap"
    zh = "该用户在此期间已有相同授权"
    en = "The user holds this role there for some of these days"


class CertificateNumberProblem(ConflictProblem):
    """Certificate numbers are unique."""

    code = "certificate_number_taken"
    zh = "执法证号已被登记"
    en = "The certificate number is registered"


class RevocationProblem(InvalidProblem):
    """A certificate is revoked once, on a day of its validity that has come."""

    code = "certificate_revocation"
    zh = "吊销日期须在有效期内且不晚于今日，且证件未被吊销"
    en = "A certificate is revoked once, within its validity and not in the future"


class ScopeProblem(InvalidProblem):
    """A third-party client can be given what CLIENT_SCOPES lists, and nothing else."""

    code = "client_scope"
    zh = "不能授予第三方应用：{scopes}"
    en = "A third-party client cannot have: {scopes}"


class ClientNameProblem(ConflictProblem):
    """Client names are unique."""

    code = "client_name_taken"
    zh = "应用名称已被使用"
    en = "The client's name is taken"


class OAuthProblem(Problem):
    """A refusal of the token endpoint. It leaves there as RFC 6749, 5.2 wants it; `code` is the RFC's error."""

    retry = "manual"


class InvalidTokenRequestProblem(OAuthProblem):
    """A parameter is missing or repeated, the body is no form, or the credentials come twice."""

    code = "invalid_request"
    zh = "令牌请求不符合 RFC 6749"
    en = "The token request is not one of RFC 6749"


class InvalidClientProblem(OAuthProblem):
    """Unknown client, wrong secret, or a client that was stopped: one answer for all."""

    status = 401
    code = "invalid_client"
    zh = "应用标识或密钥不正确"
    en = "The client or its secret is not valid"


class UnsupportedGrantProblem(OAuthProblem):
    """Only client credentials are given here."""

    code = "unsupported_grant_type"
    zh = "仅支持 client_credentials"
    en = "Only client_credentials is supported"


class InvalidScopeProblem(OAuthProblem):
    """A scope is asked that the client does not have."""

    code = "invalid_scope"
    zh = "请求的权限范围超出应用的授权"
    en = "The client does not have the scope"
