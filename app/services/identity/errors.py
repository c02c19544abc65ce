"""Why a login or a token is refused. No text tells whether the login exists."""

from app.core.errors import Problem


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
