"""What an answer means: is it the service that speaks, and what does the phone do about what it says.

A captive portal answers 200 with a page of its own, a gateway 502 with another: neither is the service, so both count as no
network, and nothing they say is an acknowledgment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from anshao_phone.pace import retry_after

JSON = "application/json"
PROBLEM = "application/problem+json"
TUS = "1.0.0"


class NoNetwork(Exception):
    """The service was not reached, or it is not the service that answered. `seconds`: how long a gateway asks to wait."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Step(StrEnum):
    """What the phone does next."""

    DONE = "done"
    """The item is acknowledged."""
    REPEAT = "repeat"
    """The same again at once, three times at most; then LATER."""
    LATER = "later"
    """This item waits, longer each time; the others go on."""
    WAIT = "wait"
    """The whole queue waits, at least as long as Retry-After says."""
    RENEW = "renew"
    """Renew the tokens, then the same again; refused tokens STOP."""
    ASIDE = "aside"
    """This item is set aside for a person; the others go on. Nothing is deleted."""
    STOP = "stop"
    """Nothing more is sent until a person has acted. Nothing is deleted."""


BY_RETRY: Mapping[str, Step] = {
    "now": Step.REPEAT,
    "after": Step.LATER,
    "auth": Step.RENEW,
    "manual": Step.ASIDE,
    "never": Step.ASIDE,
}
"""By a problem's `retry`. Three things come before it: these codes concern the phone as a whole, not the item that met them; those
of OF_THE_ITEM this item alone; and 429 and 503 WAIT unless they say "now"."""
OF_THE_PHONE: Mapping[str, Step] = {
    "device_pending": Step.WAIT,
    "device_revoked": Step.STOP,
    "device_required": Step.STOP,
    "password_change_required": Step.STOP,
    "refresh_refused": Step.STOP,
    "wrong_audience": Step.STOP,
}
OF_THE_ITEM: Mapping[str, Step] = {
    "set_aside_quota": Step.LATER,
    "unclaimed_quota": Step.LATER,
    "upload_quota": Step.LATER,
    "too_many_streams": Step.LATER,
    "intake_not_needed": Step.LATER,
}
"""A full quota of what is set aside, waits or is under way takes no room of sound packages and their small files: they go on.
Instead of a stream that is refused the phone pulls; what the intake does not need goes the ordinary way."""
BUSY = (429, 503)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the service."""

    status: int
    headers: httpx.Headers
    body: bytes
    document: Any
    """The JSON read; None where there is no body."""

    @property
    def code(self) -> str | None:
        """The stable code of a refusal; None for a success."""
        return str(self.document["code"]) if self.status >= 400 and self.document else None

    @property
    def seconds(self) -> float | None:
        """How long the service asks to wait."""
        return retry_after(self.headers)

    @property
    def step(self) -> Step:
        """What the phone does about it."""
        if self.status < 400:
            return Step.DONE
        retry = self.document["retry"] if self.document else None
        return step_of(self.status, self.code or "", retry)


def step_of(status: int, code: str, retry: str | None) -> Step:
    """What the phone does about a refusal. A `retry` of a newer server: later if it is the server's fault, else aside."""
    if code in OF_THE_PHONE:
        return OF_THE_PHONE[code]
    if code in OF_THE_ITEM:
        return OF_THE_ITEM[code]
    if status == 401 and retry is None:
        return Step.RENEW
    if status in BUSY and retry != "now":
        return Step.WAIT
    return BY_RETRY.get(retry or "", Step.LATER if status >= 500 else Step.ASIDE)


def read_answer(response: httpx.Response) -> Answer:
    """The answer, if it is the service's; raises NoNetwork."""
    status, headers = response.status_code, response.headers
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if not response.content and (headers.get("tus-resumable") == TUS or (status >= 400 and kind == PROBLEM)):
        return Answer(status, headers, b"", None)  # tus says nothing but headers; HEAD has no body
    if status >= 400 and kind == PROBLEM:
        document = _read(response)
        if isinstance(document, dict) and {"code", "retry"} <= document.keys():
            return Answer(status, headers, response.content, document)
    elif 200 <= status < 300 and kind == JSON:
        return Answer(status, headers, response.content, _read(response))
    raise NoNetwork(f"{status} {kind or 'without a content type'} is not the service's", retry_after(headers))


def _read(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError as error:
        raise NoNetwork("an answer that cannot be read") from error
