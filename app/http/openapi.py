"""OpenAPI 3.1 documents, read from the routes: what a route depends on tells which headers, errors and permission it has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext
from pydantic import TypeAdapter

from app import __version__
from app.enums.identity import Role
from app.http.conditions import expected_version
from app.http.examples import EXAMPLE_UUID, example_of
from app.http.idempotency import idempotency_key, required_key
from app.http.paging import paging
from app.http.sessions import current_actor
from app.services.identity.policy import CLIENT_SCOPES, PERMISSIONS

REFERENCE = "#/components/schemas/"
Document = dict[str, Any]

_ABOUT = """
**中文** 时间为 UTC（`*_at`），日期为北京时间的自然日（`*_on`），金额为整数分（`*_fen`）。
出错时一律返回 `application/problem+json`（RFC 9457），`code` 固定不变，`retry` 说明何时可以重试；
语言由 `Accept-Language` 决定（`zh` 或 `en`）。列表按 `cursor` 翻页；创建请求须带 `Idempotency-Key`；
修改请求须带 `If-Match`（上次读到的 `ETag`）。每个响应带 `X-Request-Id`，可由调用方指定。

**English** Times are UTC (`*_at`), dates are days in Shanghai (`*_on`), money is integer fen (`*_fen`). Every error is
`application/problem+json` (RFC 9457) with a stable `code` and a `retry` that says when trying again makes sense, in the language
of `Accept-Language` (`zh` or `en`). Lists are paged by `cursor`. Creating requests carry an `Idempotency-Key`; changing requests
carry `If-Match` with the `ETag` that was read. Every answer has an `X-Request-Id`, which the caller may choose.
"""

_PROBLEM: Document = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457. Further members belong to the code; docs/errors.md lists all.",
    "required": ["type", "title", "status", "code", "retry", "zh", "en", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "urn:anshao:problem:<code>"},
        "title": {"type": "string", "description": "The sentence in the reader's language"},
        "status": {"type": "integer"},
        "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "description": "Stable; for programs"},
        "retry": {"enum": ["never", "now", "after", "auth", "manual"]},
        "zh": {"type": "string"},
        "en": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "description": "Which members are wrong",
            "items": {
                "type": "object",
                "properties": {
                    "at": {"type": "string", "description": "body/planned_from"},
                    "kind": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
    "example": {
        "type": "urn:anshao:problem:precondition_failed",
        "title": "数据已被他人更改，请刷新后重试",
        "status": 412,
        "code": "precondition_failed",
        "retry": "manual",
        "zh": "数据已被他人更改，请刷新后重试",
        "en": "Somebody changed this in the meantime; reload and try again",
        "request_id": EXAMPLE_UUID,
    },
}

_REFUSALS = {
    400: "请求无法解析，或缺少必需的请求头 · Not readable, or a required header is missing",
    401: "未登录或登录已失效 · Not logged in, or not any more",
    403: "没有权限 · Not allowed",
    404: "不存在，或不在本人辖区 · Does not exist, or lies in a foreign region",
    409: "状态冲突，或相同请求正在处理 · The state does not allow it, or the same request runs",
    412: "版本已变 · Somebody changed it in the meantime",
    413: "内容过大 · Too large",
    415: "内容类型不支持 · Media type not supported",
    422: "内容不符合要求 · The content cannot be accepted",
    428: "缺少 If-Match · If-Match is missing",
}
_OTHERWISE = (
    "其他错误（429 过多、500 内部错误、503 暂不可用）· Anything else (429 too many, 500, 503 not available)"
)

_IF_MATCH: Document = {
    "name": "If-Match", "in": "header", "required": True, "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
    "description": "上次读到的 ETag · The ETag that was read", "example": '"1"',
}  # fmt: skip
_IDEMPOTENCY_KEY: Document = {
    "name": "Idempotency-Key", "in": "header", "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "同一请求重发时用同一个值 · The same for every repetition of this request", "example": EXAMPLE_UUID,
}  # fmt: skip
_ETAG: Document = {
    "description": "下次修改时放入 If-Match · Put it into If-Match of the next change",
    "schema": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What one document describes. `tags` are (name, zh, en); `token_path` is the OAuth 2 token endpoint of a client audience."""

    title: str
    routes: Sequence[RouteContext]
    tags: Sequence[tuple[str, str, str]]
    token_path: str | None = None


@dataclass(frozen=True, slots=True)
class _Traits:
    """What a route's dependencies say about it."""

    calls: frozenset[Any]
    actions: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, route: RouteContext) -> "_Traits":
        calls = list(_calls_of(route.dependant))
        actions = sorted({call.action for call in calls if hasattr(call, "action")})
        return cls(frozenset(calls), tuple(actions))


def raw_body(*media_types: str, model: Any = None) -> Document:
    """`openapi_extra` of a route that reads the bytes itself; with `model`, bytes that hold such a JSON document."""
    schema = TypeAdapter(model).json_schema(ref_template=REFERENCE + "{model}") if model else {}
    return {
        "requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in media_types}},
    }


def describe(subject: Subject) -> Document:
    """The whole document of one audience."""
    document = get_openapi(
        title=subject.title,
        version=__version__,
        description=_ABOUT.strip(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=subject.routes,
        servers=[{"url": "/"}],
        separate_input_output_schemas=False,
    )
    components = document.setdefault("components", {})
    schemas: Document = components.setdefault("schemas", {})
    for outdated in ("HTTPValidationError", "ValidationError"):
        schemas.pop(outdated, None)
    schemas["Problem"] = _PROBLEM
    components["responses"] = {
        "Problem" + str(status): _refusal(text) for status, text in (*_REFUSALS.items(), ("", _OTHERWISE))
    }
    components["securitySchemes"] = _schemes(subject.token_path)
    used: set[str] = set()
    for route in subject.routes:
        for method in route.methods or ():
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _complete(operation, route, subject, schemas)
                used.update(operation["tags"])
    document["tags"] = [{"name": n, "description": f"{zh} · {en}"} for n, zh, en in subject.tags if n in used]
    return document


def _schemes(token_path: str | None) -> Document:
    if token_path is None:
        return {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    scopes = {scope: f"读取 · read {scope.split(':')[0]}" for scope in sorted(CLIENT_SCOPES)}
    return {
        "token": {
            "type": "oauth2",
            "flows": {"clientCredentials": {"tokenUrl": token_path, "scopes": scopes}},
        }
    }


def _refusal(text: str) -> Document:
    return {
        "description": text,
        "content": {"application/problem+json": {"schema": {"$ref": REFERENCE + "Problem"}}},
    }


def _complete(operation: Document, route: RouteContext, subject: Subject, schemas: Document) -> None:
    """Everything about one operation that FastAPI does not know."""
    traits = _Traits.of(route)
    tag = (operation.get("tags") or ["other"])[0]
    operation["operationId"] = f"{tag}_{route.name}".replace("-", "_")
    _describe_in_words(operation, route, traits)
    is_open = current_actor not in traits.calls
    scopes = list(traits.actions) if subject.token_path else []
    operation["security"] = [] if is_open else [{"token": scopes}]
    parameters = [one for one in operation.get("parameters", []) if one["name"].lower() != "content-type"]
    if expected_version in traits.calls:
        parameters.append(_IF_MATCH)
    if {idempotency_key, required_key} & set(traits.calls):
        parameters.append(_IDEMPOTENCY_KEY)
    if parameters:
        operation["parameters"] = parameters
    _add_body_example(operation, schemas)
    _add_refusals(operation, route, traits, is_open=is_open)
    _add_etag(operation, route, traits)


def _describe_in_words(operation: Document, route: RouteContext, traits: _Traits) -> None:
    words = operation.pop("description", "").strip()
    if not route.summary:
        operation["summary"] = words.split("\n")[0].rstrip(".") or operation["summary"]
    needed = [f"`{action}`（{'、'.join(_roles_of(action)) or '受邀企业人员'}）" for action in traits.actions]
    lines = [words, f"权限 · Needs {', '.join(needed)}" if needed else ""]
    operation["description"] = "\n\n".join(line for line in lines if line)


def _roles_of(action: str) -> list[str]:
    return [role.zh for role in Role if role in PERMISSIONS.get(action, ())]


def _add_body_example(operation: Document, schemas: Document) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content.get("schema", {})
        schemas.update(schema.pop("$defs", {}))
        if schema and "example" not in content:
            content["example"] = example_of(schema, schemas)


def _add_refusals(operation: Document, route: RouteContext, traits: _Traits, *, is_open: bool) -> None:
    statuses: set[int] = set()
    if operation.get("parameters") or operation.get("requestBody"):
        statuses.add(422)
    if operation.get("requestBody"):
        statuses |= {400, 413, 415}
    if not is_open:
        statuses.add(401)
    if traits.actions:
        statuses.add(403)
    if "{" in (route.path_format or ""):
        statuses.add(404)
    if paging in traits.calls:
        statuses.add(400)
    if expected_version in traits.calls:
        statuses |= {409, 412, 428}
    if {idempotency_key, required_key} & set(traits.calls):
        statuses |= {400, 409}
    responses = operation["responses"]
    if set(responses.get("422", {}).get("content", {})) == {"application/json"}:
        del responses["422"]  # FastAPI's own shape, never sent here
    for status in sorted(statuses):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    responses["default"] = {"$ref": "#/components/responses/Problem"}


def _add_etag(operation: Document, route: RouteContext, traits: _Traits) -> None:
    """Routes that change a version, and reads of one object or its parts that set headers, answer with its ETag."""
    reads_one = route.methods == {"GET"} and "{" in (route.path_format or "")
    sets_headers = route.dependant.response_param_name is not None
    if sets_headers and (expected_version in traits.calls or reads_one):
        for status, response in operation["responses"].items():
            if status.startswith("2"):
                response["headers"] = {"ETag": _ETAG}


def _calls_of(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        if inner.call is not None:
            yield inner.call
        yield from _calls_of(inner)
