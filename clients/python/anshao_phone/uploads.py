"""Sending a file: small ones in one request, larger ones by tus 1.0, in pieces, from where the last try broke off."""

from collections.abc import Callable
from typing import Protocol

import httpx

from anshao_phone.answers import Answer, NoNetwork, Step
from anshao_phone.device import Device
from anshao_phone.outbox import File, Outbox

SINGLE_BYTES = 512 * 1024
"""Up to this size a file is one PUT: a cut costs it whole."""
PIECE_BYTES = 512 * 1024
"""The piece of a resumable upload: a cut costs no more than one."""
LARGEST_PUT = 4 * 1024 * 1024
"""What the service takes in one PUT, if it knows no uploads."""
FRESH_STARTS = 3
"""How often in a row an upload is looked for or begun anew before the file waits."""
LOOK_AGAIN = frozenset({"upload_offset", "upload_superseded"})
DURABLE = frozenset({"stored", "verified", "withdrawn"})


class Ask(Protocol):
    """See Asking.ask."""

    def __call__(self, send: Callable[[], httpx.Response], at_once: int = ...) -> Answer:
        """One answer."""


class LostOnPhone(Exception):
    """The file is not there any more, or is another one: a person withdraws it, or finds it."""


def send_file(ask: Ask, device: Device, outbox: Outbox, file: File) -> Answer:
    """Send one declared file; the answer is DONE only when it speaks of these very bytes. Raises LostOnPhone, what `ask` raises."""
    if file.package_id is None:
        raise ValueError("a file is sent after its package")
    if not outbox.is_intact(file):
        raise LostOnPhone
    outbox.note_try(file.id)
    if file.size > SINGLE_BYTES:
        answer = _send_pieces(ask, device, outbox, file)
        if answer.status not in (404, 405) or file.size > LARGEST_PUT:
            return answer
    return _send_whole(ask, device, outbox, file)


def _send_whole(ask: Ask, device: Device, outbox: Outbox, file: File) -> Answer:
    assert file.package_id is not None
    package_id, content = file.package_id, outbox.path(file.id).read_bytes()
    answer = ask(lambda: device.put_file(package_id, file.id, file.sha256, file.media_type, content))
    told = answer.document if isinstance(answer.document, dict) else {}
    named = (told.get("id"), told.get("hash"), told.get("size"))
    if answer.status < 400 and named != (str(file.id), file.sha256, file.size):
        raise NoNetwork("an acknowledgment of something else is none")
    return answer


def _send_pieces(ask: Ask, device: Device, outbox: Outbox, file: File) -> Answer:
    """From the offset the service tells to the end. An upload that has expired or moved on is looked for again."""
    address = file.upload
    for _ in range(FRESH_STARTS):
        answer, address = _find_upload(ask, device, outbox, file, address)
        if answer.step is not Step.DONE or address is None:
            return answer
        answer = _append(ask, device, outbox, file, address, answer)
        if answer.status in (404, 410):
            address = None
        elif answer.code not in LOOK_AGAIN:
            return answer
    return answer


def _find_upload(
    ask: Ask, device: Device, outbox: Outbox, file: File, address: str | None
) -> tuple[Answer, str | None]:
    """The upload under way, or a new one, with an answer that tells its offset."""
    if address is not None:
        known = address
        answer = ask(lambda: device.head_upload(known))
        if answer.status not in (404, 410):
            return answer, address
    assert file.package_id is not None
    package_id = file.package_id
    answer = ask(lambda: device.post_upload(package_id, file.id, file.sha256, file.size, file.media_type))
    if answer.step is not Step.DONE:
        return answer, None
    place = answer.headers.get("location", "").partition("/mobile/v1")[2]
    if not place:
        raise NoNetwork("an upload without a place is none")
    outbox.note_upload(file.id, place)
    return answer, place


def _append(ask: Ask, device: Device, outbox: Outbox, file: File, address: str, answer: Answer) -> Answer:
    """Piece by piece; each answer tells how far it came. The last one is DONE only when the service has the whole file."""
    offset = _offset(answer, 0, file.size)
    with outbox.path(file.id).open("rb") as content:
        while offset < file.size:
            content.seek(offset)
            piece, at = content.read(PIECE_BYTES), offset
            answer = ask(lambda at=at, piece=piece: device.patch_upload(address, at, piece), at_once=1)  # type: ignore[misc]
            if answer.step is not Step.DONE:
                return answer
            offset = _offset(answer, at + 1, at + len(piece))
    if answer.headers.get("anshao-evidence-status") not in DURABLE:
        raise NoNetwork("the whole file was taken, but not said to be stored")
    return answer


def _offset(answer: Answer, least: int, most: int) -> int:
    """Upload-Offset, if it is possible at all; raises NoNetwork."""
    told = answer.headers.get("upload-offset", "")
    if not told.isascii() or not told.isdigit() or not least <= int(told) <= most:
        raise NoNetwork(f"an upload at {told or 'no offset'} is not the service's")
    return int(told)
