"""Errors on the wire: application/problem+json (RFC 9457) in the reader's language, the other one beside it."""

from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.params import Form as FormParameter
from fastapi.responses import Response
from psycopg import DataError, OperationalError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from structlog import get_logger

from app.core.errors import ConflictProblem, InvalidProblem, NotFoundProblem, Problem
from app.services.audit.service import request_id
from app.storage.store import StorageUnavailable

log = get_logger()

BUSY = (429, 503)
BUSY_SECONDS = 5
"""What such an answer asks to wait unless its problem says otherwise."""


class MethodNotAllowedProblem(Problem):
    """The address exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    zh = "不支持此请求方法"
    en = "This method is not supported here"


class TooLargeProblem(Problem):
    """The body or the headers exceed the limit."""

    status = 413
    code = "too_large"
    zh = "请求内容超过上限（{limit} 字节）"
    en = "The request exceeds the limit of {limit} bytes"


class HeadersTooLargeProblem(Problem):
    """The request line or the headers exceed the limit."""

    status = 431
    code = "headers_too_large"
    zh = "请求头超过上限（{limit} 字节）"
    en = "The request's headers exceed the limit of {limit} bytes"


class AddressTooLongProblem(Problem):
    """The request's address exceeds the limit."""

    status = 414
    code = "address_too_long"
    zh = "请求地址超过上限（{limit} 字节）"
    en = "The request's address exceeds the limit of {limit} bytes"


class MediaTypeProblem(Problem):
    """The body is of another media type than the route reads."""

    status = 415
    code = "unsupported_media_type"
    zh = "不支持此内容类型，请使用 {expected}"
    en = "This media type is not supported here; send {expected}"


class RefusedProblem(Problem):
    """A refusal of the framework that has no code of its own; the status says which."""

    code = "refused"
    zh = "请求被拒绝"
    en = "The request is refused"


class InternalProblem(Problem):
    """A defect of ours; the request id finds it in the log."""

    status = 500
    code = "internal_error"
    retry = "after"
    zh = "系统内部错误，请稍后重试"
    en = "Something went wrong on our side; try again later"


class UnavailableProblem(Problem):
    """The database or the storage is busy or away; the phone keeps its queue and comes back."""

    status = 503
    code = "unavailable"
    retry = "after"
    zh = "服务暂不可用，请稍后重试"
    en = "The service is not available now; try again later"


class UnreadableProblem(Problem):
    """The body is no JSON, or not of the expected media type."""

    status = 400
    code = "bad_request"
    zh = "请求无法解析"
    en = "The request cannot be read"


def problem_response(
    problem: Problem, language: str, *, status: int | None = None, **members: Any
) -> Response:
    """The response to a problem; `members` are further extension members, `status` stands for the problem's own."""
    answered = status or problem.status
    body = {
        **problem_members(problem, language),
        "status": answered,
        "request_id": request_id.get(),
        **members,
    }
    headers = {"Content-Language": language, "Vary": "Accept-Language", **problem.headers}
    if answered in BUSY:
        headers.setdefault("Retry-After", str(problem.params.get("seconds", BUSY_SECONDS)))
    content = orjson.dumps(body, default=str)
    return Response(content, answered, headers, media_type="application/problem+json")


def problem_members(problem: Problem, language: str) -> dict[str, Any]:
    """A problem as an RFC 9457 document: the same for the same problem, whatever request met it."""
    return {
        "type": f"urn:anshao:problem:{problem.code}",
        "title": problem.text(language),
        "status": problem.status,
        "code": problem.code,
        "retry": problem.retry,
        "zh": problem.text("zh"),
        "en": problem.text("en"),
        **problem.params,
    }


def language_of(request: Request) -> str:
    """ "zh" unless English is asked for with more weight than Chinese."""
    weights = {"zh": 0.0, "en": 0.0}
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag, _, parameters = part.strip().partition(";")
        weight = parameters.strip().removeprefix("q=") or "1"
        prefix = tag.split("-")[0]
        if prefix in weights:
            try:
                weights[prefix] = max(weights[prefix], float(weight))
            except ValueError:
                continue
    return "en" if weights["en"] > weights["zh"] else "zh"


async def _on_problem(request: Request, error: Problem) -> Response:
    return problem_response(error, language_of(request))


_FRAMEWORK: dict[int, type[Problem]] = {
    400: UnreadableProblem,
    404: NotFoundProblem,
    405: MethodNotAllowedProblem,
}


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    problem = _FRAMEWORK.get(error.status_code, RefusedProblem)(headers=headers)
    return problem_response(problem, language_of(request), status=error.status_code)


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    errors = [
        {"at": "/".join(str(step) for step in e["loc"]), "kind": e["type"], "message": e["msg"]}
        for e in error.errors()
    ]
    language = language_of(request)
    if any(e["at"].split("/", 1)[0] == "body" for e in errors):
        expected = _expected_media_type(request)
        if expected is not None:
            return problem_response(MediaTypeProblem(expected=expected), language)
    if any(e["kind"] == "json_invalid" for e in errors):
        return problem_response(UnreadableProblem(), language, errors=errors)
    return problem_response(InvalidProblem(), language, errors=errors)


def _expected_media_type(request: Request) -> str | None:
    """The media type the route reads when the request declares another one; None when they agree or nothing was sent."""
    sent = request.headers.get("content-type", "").split(";")[0].strip().lower()
    field = getattr(request.scope.get("route"), "body_field", None)
    if not sent or field is None:
        return None
    if isinstance(field.field_info, FormParameter):
        return (
            None
            if sent in ("multipart/form-data", "application/x-www-form-urlencoded")
            else "multipart/form-data"
        )
    return None if sent == "application/json" or sent.endswith("+json") else "application/json"


def problem_of(error: Exception) -> Problem:
    """What an exception that no route foresaw is to the caller. Defects are logged; values never are."""
    if isinstance(error, PoolTimeout):
        return UnavailableProblem()
    if isinstance(error, StorageUnavailable):
        log.error("storage_unavailable", reason=str(error))
        return UnavailableProblem()
    if isinstance(error, ClientDisconnect):
        return UnreadableProblem()  # nobody is there to read it
    if isinstance(error, UnicodeEncodeError):
        return InvalidProblem()  # a lone surrogate: no text that can be stored
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        if state == "23505":
            return ConflictProblem()
        if isinstance(error.orig, DataError) and state != "22012":
            return InvalidProblem()  # a NUL in a text, a number or a date no column holds
        if (
            error.connection_invalidated
            or (isinstance(error.orig, OperationalError) and not state)  # it never got as far as a connection
            or state[:2] in ("08", "53", "57")
            or state in ("40001", "40P01", "55P03", "25P03")
        ):
            log.warning("database_unavailable", sqlstate=state)
            return UnavailableProblem()
    log.error("defect", kind=type(error).__name__, exc_info=error)
    return InternalProblem()


async def _on_exception(request: Request, error: Exception) -> Response:
    return problem_response(problem_of(error), language_of(request))


def install_problem_handlers(app: FastAPI) -> None:
    """Every error of the application leaves as problem+json; what escapes these handlers is caught by the RequestShell."""
    app.add_exception_handler(Problem, _on_problem)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _on_http_exception)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _on_invalid)  # type: ignore[arg-type]
    for kind in (DBAPIError, PoolTimeout, UnicodeEncodeError, StorageUnavailable):
        app.add_exception_handler(kind, _on_exception)
