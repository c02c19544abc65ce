"""An example that fits a JSON schema: its own where it has one, otherwise made from formats, patterns and member names."""

import re
from typing import Any

EXAMPLE_UUID = "019ac2e0-7c1a-7d3e-9b52-3f6a1c2d4e5f"
_FORMATS = {
    "uuid": EXAMPLE_UUID,
    "date": "2026-11-25",
    "date-time": "2026-11-25T01:30:00Z",
    "time": "09:30:00",
    "email": "office@example.org",
    "uri": "https://example.org/",
    "password": "correct horse battery staple",
}
_MEMBERS = {
    "login": "wang.xiaoan",
    "name": "王小安",
    "password": "correct horse battery staple",
    "new": "correct horse battery staple",
    "current": "the password so far",
    "reason": "现场核实后更正",
    "note": "已现场核对",
    "requirement": "清理疏散通道，拆除通道内堆放的货物",
    "uscc": "91330106MA2AX2NH6A",
    "code": "330106",
    "phone": "13800138000",
    "fingerprint": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
}
_PATTERNED = (
    "sha-256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "330106",
    "3301",
    "91330106MA2AX2NH6A",
    "13800138000",
    "2026-11-25",
    "2026-11-25T01:30:00Z",
    "2026",
    "C",
    "C33",
    "33",
    "rto",
    "RTO-01",
    "安应急",
)
_DEEPEST = 8


def example_of(schema: dict[str, Any], schemas: dict[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that `schema` accepts; `schemas` are what its references point to. Null where nothing else is known."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas, name, depth + 1)
    if "example" in schema:
        return schema["example"]
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("default") is not None:
        return schema["default"]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            options = [one for one in schema[choice] if one.get("type") != "null"]
            return example_of(options[0], schemas, name, depth + 1) if depth < _DEEPEST else None
    return _of_type(schema, schemas, name, depth)


def _of_type(schema: dict[str, Any], schemas: dict[str, Any], name: str, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        members = schema.get("properties", {})
        wanted = members if depth < _DEEPEST else {n: members[n] for n in schema.get("required", [])}
        example = {member: example_of(inner, schemas, member, depth + 1) for member, inner in wanted.items()}
        if len(example) < schema.get("minProperties", 0) and schema.get("additionalProperties"):
            others = schema["additionalProperties"]
            example["key"] = example_of(others if isinstance(others, dict) else {}, schemas, "", depth + 1)
        return example
    if kind == "array" and "prefixItems" in schema:
        return [example_of(inner, schemas, name, depth + 1) for inner in schema["prefixItems"]]
    if kind == "array":
        least = max(schema.get("minItems", 1), 1) if schema.get("maxItems", 1) else 0
        return [example_of(schema.get("items", {}), schemas, name, depth + 1)] * least
    if kind in ("integer", "number"):
        above = schema.get("exclusiveMinimum")
        return (
            above + 1
            if above is not None
            else max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
        )
    if kind == "boolean":
        return True
    return _text(schema, name) if kind == "string" else {}


def _text(schema: dict[str, Any], name: str) -> str:
    given = _FORMATS.get(schema.get("format", ""))
    if given is not None:
        return given
    text = _MEMBERS.get(name, "样例")
    pattern = schema.get("pattern")
    if pattern is not None and not re.search(pattern, text):
        text = next((known for known in _PATTERNED if re.search(pattern, known)), text)
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", len(text) + 1)
    while len(text) < shortest:
        text += text or "例"
    return text[: max(longest, shortest)]
