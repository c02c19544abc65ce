"""The board's own: what phones say that they still hold."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import utc_now
from app.db.base import Base


class DeviceOutbox(Base):
    """A phone's last statement of what waits on it to be sent: its own word, which nothing is concluded from.

    `oldest_at` and `stated_at` are of the phone's clock. `bytes` counts packages and files together.
    """

    __tablename__ = "device_outboxes"
    __table_args__ = (CheckConstraint("packages >= 0 AND files >= 0 AND bytes >= 0", name="counts"),)

    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    packages: Mapped[int]
    files: Mapped[int]
    bytes: Mapped[int]
    oldest_at: Mapped[datetime | None]
    stated_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=utc_now)
