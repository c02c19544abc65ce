"""A well-formed package envelope, to be bent by one test at a time."""

import json
from typing import Any
from uuid import UUID

from app.core.ids import new_id

SHA = "sha-256:" + "0" * 64


def envelope_document(**changes: Any) -> dict[str, Any]:
    """The document a phone would seal; `changes` replace members."""
    sender, other = str(new_id()), str(new_id())
    document: dict[str, Any] = {
        "schema": "anshao.package/1",
        "id": str(new_id()),
        "kind": "inspection",
        "visit_id": str(new_id()),
        "assignment_id": None,
        "supersedes": None,
        "authority_id": str(new_id()),
        "enterprise_id": str(new_id()),
        "site_id": str(new_id()),
        "device_id": str(new_id()),
        "user_id": sender,
        "officers": [sender, other],
        "legal_date": "2026-11-24",
        "template": {"code": "rto", "version": 1, "hash": SHA},
        "times": {"started_at": "2026-11-24T09:00:00+08:00", "sealed_at": "2026-11-24T10:00:00+08:00"},
        "position": {"latitude": 30_000_000, "longitude": 120_000_000, "datum": "gcj02", "accuracy_m": 8},
        "answers": {},
        "evidence": [],
        "party": {"outcome": "signed", "name": "李工", "text_hash": SHA},
    }
    return {
        **document,
        **{key: str(value) if isinstance(value, UUID) else value for key, value in changes.items()},
    }


def sealed_bytes(document: dict[str, Any]) -> bytes:
    """The bytes a phone would sign."""
    return json.dumps(document, ensure_ascii=False).encode()
