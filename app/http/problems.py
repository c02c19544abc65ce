"""Errors on the wire: application/problem+json (RFC 9457) in the reader's language, the other one beside it."""

from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from structlog import get_logger

from app.core.errors import ConflictProblem, InvalidProblem, NotFoundProblem, Problem
from app.services.audit.service import request_id

log = get_logger()


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


class InternalProblem(Problem):
    """A defect of ours; the request id finds it in the log."""

    status = 500
    code = "internal_error"
    retry = "after"
    zh = "系统内部错误，请稍后重试"
    en = "Something went wrong on our side; try again later"


class UnavailableProblem(Problem):
    """The database is busy or away; the phone keeps its queue and comes back."""

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


def problem_response(problem: Problem, language: str, **members: Any) -> Response:
    """The response to a problem; `members` are further extension members."""
    body = {
        "type": f"urn:anshao:problem:{problem.code}",
        "title": problem.text(language),
        "status": problem.status,
        "code": problem.code,
        "retry": problem.retry,
        "zh": problem.text("zh"),
        "en": problem.text("en"),
        "request_id": request_id.get(),
        **problem.params,
        **members,
    }
    headers = {"Content-Language": language, "Vary": "Accept-Language", **problem.headers}
    if problem.status in (429, 503):
        headers.setdefault("Retry-After", str(problem.params.get("seconds", 5)))
    content = orjson.dumps(body, default=str)
    return Response(content, problem.status, headers, media_type="application/problem+json")


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


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    known: dict[int, type[Problem]] = {404: NotFoundProblem, 405: MethodNotAllowedProblem}
    kind = known.get(error.status_code, UnreadableProblem if error.status_code < 500 else InternalProblem)
    return problem_response(kind(headers=dict(error.headers or {})), language_of(request))


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    errors = [
        {"at": "/".join(str(step) for step in e["loc"]), "kind": e["type"], "message": e["msg"]}
        for e in error.errors()
    ]
    if any(e["kind"] == "json_invalid" for e in errors):
        return problem_response(UnreadableProblem(), language_of(request), errors=errors)
    return problem_response(InvalidProblem(), language_of(request), errors=errors)


async def _on_database_error(request: Request, error: DBAPIError) -> Response:
    state = getattr(error.orig, "sqlstate", None) or ""
    if state == "23505":
        return problem_response(ConflictProblem(), language_of(request))
    if (
        error.connection_invalidated
        or state[:2] in ("08", "53", "57")
        or state in ("40001", "40P01", "55P03", "25P03")
    ):
        log.warning("database_unavailable", sqlstate=state)
        return problem_response(UnavailableProblem(), language_of(request))
    return await _on_defect(request, error)


async def _on_pool_timeout(request: Request, _: PoolTimeout) -> Response:
    return problem_response(UnavailableProblem(), language_of(request))


async def _on_defect(request: Request, error: Exception) -> Response:
    route = getattr(request.scope.get("route"), "path", None)
    log.error("defect", route=route, kind=type(error).__name__, exc_info=error)
    return problem_response(InternalProblem(), language_of(request))


def install_problem_handlers(app: FastAPI) -> None:
    """Every error of the application leaves as problem+json."""
    app.add_exception_handler(Problem, _on_problem)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _on_http_exception)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _on_invalid)  # type: ignore[arg-type]
    app.add_exception_handler(DBAPIError, _on_database_error)  # type: ignore[arg-type]
    app.add_exception_handler(PoolTimeout, _on_pool_timeout)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _on_defect)
