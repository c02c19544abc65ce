"""Conditional requests on mutable resources: strong ETags of the row version, If-Match on every write."""

import re
from typing import Annotated

from fastapi import Depends, Request, Response

from app.core.errors import Problem

_VERSION = re.compile(r'"[0-9]{1,9}"')


class PreconditionRequiredProblem(Problem):
    """A write without If-Match could undo somebody else's."""

    status = 428
    code = "precondition_required"
    retry = "manual"
    zh = "请携带 If-Match（当前版本）后重试"
    en = "Send If-Match with the version you read"


class PreconditionFailedProblem(Problem):
    """The resource is no longer the one the caller read."""

    status = 412
    code = "precondition_failed"
    retry = "manual"
    zh = "数据已被他人更改，请刷新后重试"
    en = "Somebody changed this in the meantime; reload and try again"


def etag_of(version: int) -> str:
    """The strong ETag of a version."""
    return f'"{version}"'


def set_etag(response: Response, version: int) -> None:
    """Put the ETag on a response."""
    response.headers["ETag"] = etag_of(version)


async def expected_version(request: Request) -> int:
    """The version in If-Match; raises 428 when missing, 412 when it can match nothing."""
    given = request.headers.getlist("if-match")
    if not given:
        raise PreconditionRequiredProblem
    value = ",".join(given).strip()  # several lines are one list, and a list is no version
    if _VERSION.fullmatch(value):
        return int(value[1:-1])
    raise PreconditionFailedProblem


ExpectedVersion = Annotated[int, Depends(expected_version)]


def check_version(current: int, expected: int) -> None:
    """Raise 412 unless the versions agree."""
    if current != expected:
        raise PreconditionFailedProblem
