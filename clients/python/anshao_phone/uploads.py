"""Sending a file: in one request."""

from collections.abc import Callable

import httpx

from anshao_phone.answers import Answer, NoNetwork
from anshao_phone.device import Device
from anshao_phone.outbox import File, Outbox

Ask = Callable[[Callable[[], httpx.Response]], Answer]


class LostOnPhone(Exception):
    """The file is not there any more, or is another one: a person withdraws it, or finds it."""


def send_file(ask: Ask, device: Device, outbox: Outbox, file: File) -> Answer:
    """Send one declared file; its answer is DONE only when it speaks of these very bytes. Raises LostOnPhone, what `ask` raises."""
    if file.package_id is None:
        raise ValueError("a file is sent after its package")
    if not outbox.is_intact(file):
        raise LostOnPhone
    outbox.note_try(file.id)
    package_id, content = file.package_id, outbox.path(file.id).read_bytes()
    answer = ask(lambda: device.put_file(package_id, file.id, file.sha256, file.media_type, content))
    if answer.status < 400 and not _is_about(answer, file):
        raise NoNetwork("an acknowledgment of something else is none")
    return answer


def _is_about(answer: Answer, file: File) -> bool:
    told = answer.document
    return isinstance(told, dict) and (told.get("id"), told.get("hash"), told.get("size")) == (
        str(file.id),
        file.sha256,
        file.size,
    )
