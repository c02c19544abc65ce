"""Asking the service: one request until there is an answer of its own, with tokens that are good."""

from collections.abc import Callable

import httpx

from anshao_phone.answers import Answer, NoNetwork, Step, read_answer
from anshao_phone.clock import Clock
from anshao_phone.device import Device
from anshao_phone.outbox import Outbox

AT_ONCE = 3
"""How often the same is sent in a row when the service says "now"."""
RENEW_AT = 0.8
"""The part of an access token's life after which it is renewed: a file is not sent in vain with one that ends on the way."""
KEPT = ("device_id", "user_id", "key_id", "access_token", "refresh_token")


class QueueWaits(Exception):
    """Everything waits, at least so many seconds if the service said so."""

    def __init__(self, code: str, seconds: float | None) -> None:
        super().__init__(code)
        self.seconds = seconds


class Stopped(Exception):
    """Nothing goes on until a person has acted; the message is the service's code."""


class Asking:
    """Requests of one device, its tokens kept in the outbox and renewed in time."""

    def __init__(self, device: Device, outbox: Outbox, clock: Clock) -> None:
        self._device = device
        self._outbox = outbox
        self._clock = clock
        self._fresh_until = float("-inf")
        kept = {name: outbox.fact(name) for name in KEPT}
        if None not in kept.values():
            device.take({name: value for name, value in kept.items() if value is not None})

    def enroll(self, code: str) -> None:
        """Enrol the device; raises NoNetwork, Stopped (with the code of the refusal)."""
        answer = self.once(lambda: self._device.put_enrollment(code))
        if answer.step is not Step.DONE:
            raise Stopped(answer.code)
        self._take(answer)

    def ask(self, send: Callable[[], httpx.Response], at_once: int = AT_ONCE) -> Answer:
        """An answer that is DONE, LATER or ASIDE, or REPEAT after so many times. Raises NoNetwork, QueueWaits, Stopped."""
        if self._clock.steady() >= self._fresh_until:
            self.renew()
        for _ in range(at_once):
            answer = self.once(send)
            match answer.step:
                case Step.RENEW:
                    self.renew()
                case Step.WAIT:
                    raise QueueWaits(answer.code or "", answer.seconds)
                case Step.STOP:
                    raise Stopped(answer.code)
                case Step.REPEAT:
                    continue
                case _:
                    return answer
        if answer.step is Step.RENEW:
            raise QueueWaits(answer.code or "", answer.seconds)
        return answer

    def once(self, send: Callable[[], httpx.Response]) -> Answer:
        """One request; raises NoNetwork. Every answer of the service tells its time."""
        try:
            answer = read_answer(send())
        except httpx.HTTPError as gone:
            raise NoNetwork(type(gone).__name__) from gone
        self._clock.learn(answer.headers.get("date"))
        return answer

    def renew(self) -> None:
        """The next tokens, kept before they are used. A lost answer is no harm: the same token gives the same successor.

        A phone whose clock is wrong is refused once, and then knows the server's time.
        """
        if not self._device.refresh_token:
            raise Stopped("not_enrolled")
        for _ in range(2):
            at = self._clock.server_time()
            answer = self.once(lambda at=at: self._device.put_refresh(self._device.refresh_token, at))  # type: ignore[misc]
            if answer.code != "device_key_refused":
                break
        match answer.step:
            case Step.DONE:
                self._take(answer)
            case Step.WAIT | Step.LATER | Step.REPEAT:
                raise QueueWaits(answer.code or "", answer.seconds)
            case _:
                raise Stopped(answer.code)

    def _take(self, answer: Answer) -> None:
        try:
            tokens = {name: str(answer.document[name]) for name in KEPT}
            lives = float(answer.document["expires_in"])
        except (KeyError, TypeError, ValueError) as error:
            raise NoNetwork("an answer without tokens is not the service's") from error
        self._outbox.keep_facts(**tokens)
        self._device.take(tokens)
        self._fresh_until = self._clock.steady() + RENEW_AT * lives
