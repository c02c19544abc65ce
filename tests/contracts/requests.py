"""A well-formed request to any endpoint, made from the application's own description; only the ids in it are chosen."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.core.clock import shanghai_today
from app.routers.endpoints import Endpoint

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/mobile/v1/evidence/{evidence_id}/withdrawal"): {"at": "2026-11-25T08:00:00+08:00"},
    ("POST", "/api/v1/regions"): {"code": "330106001", "level": "town"},
    ("POST", "/mobile/v1/packages/{package_id}/signatures"): {"text_hash": f"sha-256:{0:064}"},
}
"""Members that the description cannot tell, where a body must obey more than its schema."""

HEADERS = {"If-Match": '"1"', "Idempotency-Key": "access"}

Choose = Callable[[str], str | None]
"""The id to put where a member of that name is wanted; None: a fresh one."""


class Requests:
    """Makes requests from the description of one application."""

    def __init__(self, app: FastAPI) -> None:
        self._document = get_openapi(title="all", version="0", routes=app.routes)
        schemas = self._document["components"]["schemas"]
        for item in self._document["paths"].values():
            for operation in item.values():
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    schemas.update(content["schema"].get("$defs", {}))

    def parameters(self, endpoint: Endpoint, place: str) -> dict[str, dict[str, Any]]:
        """Schemas of the path or query parameters, or the headers."""
        listed = self._operation(endpoint).get("parameters", [])
        return {one["name"]: one for one in listed if one["in"] == place}

    def make(self, endpoint: Endpoint, path_ids: dict[str, str], choose: Choose) -> dict[str, Any]:
        """Arguments of client.request(): ids of the path as given, ids in the body as chosen by their names."""
        query = self.parameters(endpoint, "query")
        headers = self.parameters(endpoint, "header")
        request: dict[str, Any] = {
            "method": endpoint.method,
            "url": endpoint.path.format(**path_ids),
            "params": {
                n: self._sample(p["schema"], n, choose) for n, p in query.items() if p.get("required")
            },
            "headers": {
                **HEADERS,
                **{
                    n: str(self._sample(p["schema"], n, choose))
                    for n, p in headers.items()
                    if p.get("required")
                },
            },
        }
        for media_type, content in (
            self._operation(endpoint).get("requestBody", {}).get("content", {}).items()
        ):
            body = self._sample(content["schema"], "", choose)
            if media_type == "application/json":
                more = BODIES.get((endpoint.method, endpoint.path), {})
                request["json"] = {**body, **more} if isinstance(body, dict) else body
            elif media_type == "multipart/form-data":
                request["files"] = {n: (n, v.encode()) for n, v in body.items() if isinstance(v, str)}
        return request

    def _operation(self, endpoint: Endpoint) -> dict[str, Any]:
        found = self._document["paths"].get(endpoint.path, {}).get(endpoint.method.lower(), {})
        assert isinstance(found, dict)
        return found

    def _sample(self, schema: dict[str, Any], name: str, choose: Choose) -> Any:
        schema = self._resolved(schema)
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        match schema.get("type"):
            case "object":
                members = schema.get("properties", {})
                if schema.get("minProperties") and isinstance(schema.get("additionalProperties"), dict):
                    return {"x": self._sample(schema["additionalProperties"], "x", choose)}
                wanted = [n for n in members if n in schema.get("required", ()) or choose(n)]
                return {n: self._sample(members[n], n, choose) for n in wanted}
            case "array":
                count = max(schema.get("minItems", 0), 1 if choose(name.removesuffix("s")) else 0)
                return [self._sample(schema["items"], name.removesuffix("s"), choose) for _ in range(count)]
            case "integer" | "number":
                return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            case "boolean":
                return True
            case "string":
                return self._text(schema, name, choose)
            case _:
                return {}

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while True:
            if "$ref" in schema:
                schema = self._document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
            elif "allOf" in schema:
                schema = schema["allOf"][0]
            elif "anyOf" in schema or "oneOf" in schema:
                choices = schema.get("anyOf") or schema["oneOf"]
                schema = next(one for one in choices if one.get("type") != "null")
            else:
                return schema

    def _text(self, schema: dict[str, Any], name: str, choose: Choose) -> str:
        match schema.get("format"):
            case "uuid":
                return choose(name) or str(uuid4())
            case "date":
                return shanghai_today().isoformat()
            case "date-time":
                return datetime.now(UTC).isoformat()
            case _:
                return "x" * max(schema.get("minLength", 1), 1)
