"""Numbers of printed documents, reserved while there is a network: one block a request, however often its answer is lost."""

import json
from datetime import timedelta, timezone
from typing import Any

from anshao_phone.answers import Answer, NoNetwork, Step
from anshao_phone.clock import Clock
from anshao_phone.device import Device
from anshao_phone.outbox import Outbox
from anshao_phone.protocol import new_id
from anshao_phone.uploads import Ask

REQUEST = "number_request"
"""The fact under which a request is kept from before it is sent until its block is."""
SHANGHAI = timezone(timedelta(hours=8))


class NumbersRefused(Exception):
    """The service reserves none, or not now; the message is its code."""


def reserve(ask: Ask, device: Device, outbox: Outbox, clock: Clock, word: str, count: int) -> dict[str, Any]:
    """A new block of the phone's, kept before it is given out. Raises NumbersRefused, NoNetwork, and what `ask` raises.

    The service remembers the answer to an Idempotency-Key for a day; a phone may be away for longer. So before a request is
    repeated the phone reads its own blocks: one that is newer than the newest from before the request is the lost answer.
    It is kept in any case, and given out unless it was voided or has expired meanwhile.
    """
    newest = _newest(ask, device)
    begun = outbox.fact(REQUEST)
    if begun is not None:
        request = json.loads(begun)
        is_made = newest is not None and newest["id"] != request["newest"]
        newest = _keep(outbox, newest if is_made else _post(ask, device, outbox, request))
        if (request["word"], request["count"]) == (word, count) and _may_be_used(newest, clock):
            return newest
    request = {
        "key": new_id().hex,
        "word": word,
        "count": count,
        "newest": newest["id"] if newest else None,
    }
    outbox.keep_facts(**{REQUEST: json.dumps(request)})
    return _keep(outbox, _post(ask, device, outbox, request))


def _newest(ask: Ask, device: Device) -> dict[str, Any] | None:
    """The service tells the newest first."""
    answer = ask(lambda: device.request("GET", "/numbers/blocks", params={"limit": 1}))
    if answer.step is not Step.DONE:
        raise NumbersRefused(answer.code)
    blocks = _member(answer, "items")
    return _block(blocks[0]) if blocks else None


def _post(ask: Ask, device: Device, outbox: Outbox, request: dict[str, Any]) -> dict[str, Any]:
    """The block that answers the request; one that is refused for good is kept no longer."""
    answer = ask(lambda: device.post_number_block(request["key"], request["word"], request["count"]))
    if answer.step is Step.DONE:
        return _block(answer.document)
    if answer.step is Step.ASIDE:
        outbox.forget_fact(REQUEST)
    raise NumbersRefused(answer.code)


def _may_be_used(block: dict[str, Any], clock: Clock) -> bool:
    today = clock.server_time().astimezone(SHANGHAI).date()
    return bool(block["status"] == "open" and block["expires_on"] >= today.isoformat())


def _keep(outbox: Outbox, block: dict[str, Any] | None) -> dict[str, Any]:
    assert block is not None
    outbox.keep_number_block(block, REQUEST)
    return block


def _block(document: Any) -> dict[str, Any]:
    if (
        not isinstance(document, dict)
        or not {"id", "status", "first", "last", "expires_on"} <= document.keys()
    ):
        raise NoNetwork("a block that is none is not the service's")
    return document


def _member(answer: Answer, name: str) -> list[Any]:
    found = answer.document.get(name) if isinstance(answer.document, dict) else None
    if not isinstance(found, list):
        raise NoNetwork("a list that is none is not the service's")
    return found
