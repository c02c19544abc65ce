"""The declarative base: naming of constraints, Python types to columns, the few columns that many tables share."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.core.clock import utc_now
from app.core.ids import new_id


class Base(DeclarativeBase):
    """Every table. Relationships are declared lazy="raise": what a page needs is loaded on purpose."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  read once by SQLAlchemy when the class is made
        str: Text,
        int: BigInteger,
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        date: Date,
        dict[str, Any]: JSONB(none_as_null=True),
        list[Any]: JSONB(none_as_null=True),
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid),
    }


class Identified:
    """A UUIDv7 primary key, made by the application."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


class Timed:
    """When the row was first written."""

    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Versioned:
    """A mutable resource: `version` counts its changes and is the strong ETag; every write compares and sets it."""

    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
