"""The one error shape: every refusal is a Problem with a stable code, a Chinese and an English text (RFC 9457).

Areas declare their own in services/<area>/errors.py. http/problems.py turns them into application/problem+json.
"""

from typing import Any, ClassVar, Literal

Retry = Literal["never", "now", "after", "auth", "manual"]


class Problem(Exception):
    """A refusal a person can understand and a program can act on.

    `zh` and `en` are format strings over the keyword arguments, which also travel as extension members
    (so they hold only JSON values, never personal data). `retry` tells a phone's queue what to do.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    retry: ClassVar[Retry] = "never"
    zh: ClassVar[str] = "请求有误"
    en: ClassVar[str] = "The request is not valid"

    def __init__(self, *, headers: dict[str, str] | None = None, **params: Any) -> None:
        self.params = params
        self.headers = headers or {}
        super().__init__(self.text("en"))

    def text(self, language: str) -> str:
        """The sentence in "zh" or "en"."""
        template = self.zh if language == "zh" else self.en
        return template.format(**self.params)


class NotFoundProblem(Problem):
    """The object does not exist, or lies in a region the actor does not see: both answer alike."""

    status = 404
    code = "not_found"
    zh = "未找到"
    en = "Not found"


class ForbiddenProblem(Problem):
    """The actor sees the object but lacks the action."""

    status = 403
    code = "forbidden"
    zh = "没有执行此操作的权限"
    en = "You are not allowed to do this"


class ConflictProblem(Problem):
    """Another change came first, or the object's state does not allow this."""

    status = 409
    code = "conflict"
    retry = "manual"
    zh = "数据已被更改，请刷新后重试"
    en = "The object was changed in the meantime; reload and try again"


class InvalidProblem(Problem):
    """The request is readable but its content cannot be accepted."""

    status = 422
    code = "invalid"
    zh = "内容不符合要求"
    en = "The content cannot be accepted"
