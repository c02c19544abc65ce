"""Addresses that need no login: for minutes, for one object, sealed against any change. S3 signs its own."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import orjson

from app.core.clock import utc_now
from app.core.errors import Problem
from app.schemas.evidence import StoredObject
from app.services.identity.keys import KeyRing, base64url
from app.services.runtime import Runtime

VALID_FOR = timedelta(minutes=5)


class LinkProblem(Problem):
    """The address was altered, or its time is over."""

    status = 403
    code = "link_invalid"
    retry = "manual"
    zh = "链接无效或已过期，请重新获取"
    en = "The link is not valid any more; ask for a new one"


@dataclass(frozen=True, slots=True)
class Link:
    """An address and when it ends."""

    url: str
    expires_at: datetime


async def make_link(runtime: Runtime, stored: StoredObject) -> Link:
    """An address for these bytes; the object store's own when it signs some, ours otherwise."""
    expires_at = utc_now() + VALID_FOR
    url = await runtime.storage.presign(stored.key, VALID_FOR)
    if url is None:
        expires = str(int(expires_at.timestamp()))
        members = {
            "hash": stored.sha256, "size": stored.size, "type": stored.media_type, "name": stored.name,
            "expires": expires, "signature": _sign(runtime.keys, stored, expires),
        }  # fmt: skip
        base = runtime.settings.public_url.rstrip("/")
        url = f"{base}/public/v1/objects/{quote(stored.key)}?{urlencode(members)}"
    return Link(url, expires_at)


def check_link(keys: KeyRing, stored: StoredObject, expires: str, signature: str) -> None:
    """Raise LinkProblem unless we signed exactly this, and its time is not over."""
    if not hmac.compare_digest(_sign(keys, stored, expires).encode(), signature.encode("utf-8", "replace")):
        raise LinkProblem
    if not expires.isdigit() or datetime.fromtimestamp(int(expires), UTC) < utc_now():
        raise LinkProblem


def _sign(keys: KeyRing, stored: StoredObject, expires: str) -> str:
    said = [stored.key, stored.sha256, stored.size, stored.media_type, stored.name, expires]
    return base64url(keys.derive("object-link", orjson.dumps(said)))
