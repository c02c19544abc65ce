"""The board on the wire. Nothing here is a reproach: offline work is ordinary, and what waits is named so that it is not lost."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.schemas.common import View, Wire
from app.schemas.mobile.packages import Moment

Count = Annotated[int, Field(ge=0, lt=2**53)]


class OutboxStatement(Wire):
    """What waits on the phone to be sent: packages and files (files of packages already sent included), their bytes together,
    the time of the oldest, and when this was counted, by the phone's clock."""

    packages: Count
    files: Count
    bytes: Count
    oldest_at: Moment | None = None
    stated_at: Moment


class OutboxView(View):
    """A phone's last statement, as it is kept: its own word."""

    packages: int
    files: int
    bytes: int
    oldest_at: datetime | None
    stated_at: datetime
    received_at: datetime


class WaitingPackage(View):
    """A package that is here while files it declares are not. `missing_bytes` as declared; `oldest_capture_at` of the missing."""

    package_id: UUID
    region_id: UUID
    authority_id: UUID | None
    device_id: UUID
    user_id: UUID
    user_name: str
    missing_files: int
    missing_bytes: int
    declared_at: datetime
    oldest_capture_at: datetime | None
    device_last_seen_at: datetime | None


class Waiting(View):
    """How much waits, and since when the oldest does."""

    count: int
    bytes: int
    oldest_at: datetime | None


class MissingEvidence(Waiting):
    """Files that packages declare and that have not come; `packages` is how many packages wait for them."""

    packages: int


ShownStatus = Literal["active", "revoked"]


class DeviceStanding(View):
    """One phone: its last contact, and all that is known of what has not arrived from it.

    `unclaimed`: files that are here and whose package is not, or waits itself. `uploads`: begun and not finished, with the bytes
    still to come.
    `quarantined`: packages set aside for a person; `unfinished`: received and not processed yet. `custody`: packages and files
    that a revoked phone handed in and nobody has decided about. `outbox` is the phone's own word.
    """

    device_id: UUID
    name: str
    platform: str
    status: ShownStatus
    user_id: UUID
    user_name: str
    region_id: UUID
    authority_id: UUID
    last_seen_at: datetime | None
    silent_since: datetime
    is_silent_too_long: bool
    missing: MissingEvidence
    unclaimed: Waiting
    uploads: Waiting
    quarantined: int
    unfinished: int
    custody: Waiting
    outbox: OutboxView | None


class GroupStanding(View):
    """The same over the phones of a region, an authority or a person (`id`, `name`); `devices` are those that work."""

    id: UUID
    name: str
    devices: int
    silent_devices: int
    missing: MissingEvidence
    unclaimed: Waiting
    uploads: Waiting
    quarantined: int
    unfinished: int
    custody: Waiting


Grouping = Literal["region", "authority", "user"]
