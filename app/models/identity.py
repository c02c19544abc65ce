"""People and what acts for them: users, role grants, certificates, phones, sessions, third-party clients."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import utc_now
from app.db.base import Base, Identified, Timed, Versioned


class User(Identified, Timed, Versioned, Base):
    """A person who can log in. `password_hash` None: cannot log in by password.

    `initial_password_until`: the password was made by somebody else; it works until then, and only to set another.
    """

    __tablename__ = "users"
    __table_args__ = (
        Index("ix_users_name", "name", postgresql_ops={"name": "text_pattern_ops"}),
        Index("ix_users_login", "login", postgresql_ops={"login": "text_pattern_ops"}),
    )

    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    phone: Mapped[str | None]
    password_hash: Mapped[str | None]
    initial_password_until: Mapped[datetime | None]
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"), index=True)
    brigade_id: Mapped[UUID | None] = mapped_column(ForeignKey("brigades.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)


class RoleGrant(Identified, Timed, Base):
    """A role within a region and everything below it, for a period (`ends_on` included; None: open)."""

    __tablename__ = "role_grants"
    __table_args__ = (UniqueConstraint("user_id", "role", "region_id", "starts_on"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    role: Mapped[str]
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class OfficerCertificate(Identified, Timed, Versioned, Base):
    """An enforcement certificate (执法证); valid from its first to its last day, both included, unless revoked."""

    __tablename__ = "officer_certificates"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    number: Mapped[str] = mapped_column(unique=True)
    valid_from: Mapped[date]
    valid_until: Mapped[date] = mapped_column(index=True)
    revoked_on: Mapped[date | None]
    revoked_reason: Mapped[str | None]


class Device(Identified, Timed, Versioned, Base):
    """A phone bound to one user by its public key. `status`: pending, active, revoked."""

    __tablename__ = "devices"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str]
    platform: Mapped[str]
    algorithm: Mapped[str]
    public_key: Mapped[dict[str, Any]]
    key_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default="pending")
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]
    last_seen_at: Mapped[datetime | None]


class EnrollmentCode(Identified, Timed, Base):
    """A one-time code that binds a phone to one user; only its hash is kept."""

    __tablename__ = "enrollment_codes"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    code_hash: Mapped[str] = mapped_column(unique=True)
    issued_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("devices.id"))


class LoginSession(Identified, Timed, Base):
    """One login, of a browser or a phone, or of an invited person. Checked on every request; two logins are two sessions."""

    __tablename__ = "login_sessions"
    __table_args__ = (CheckConstraint("(user_id IS NULL) <> (invitation_id IS NULL)", name="whose"),)

    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    invitation_id: Mapped[UUID | None] = mapped_column(ForeignKey("site_invitations.id"), index=True)
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("devices.id"), index=True)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]


class RefreshToken(Identified, Timed, Base):
    """A refresh token, by its hash. `used_at` is when its successor was first used or itself exchanged."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index("ix_refresh_tokens_session_id", "session_id"),)

    session_id: Mapped[UUID] = mapped_column(ForeignKey("login_sessions.id"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("refresh_tokens.id"), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiClient(Identified, Timed, Versioned, Base):
    """A third-party application: OAuth2 client credentials, scopes (actions) and the regions it may see.

    `secret_number` counts its secrets; a token works only while the secret it was got with is the present one.
    """

    __tablename__ = "api_clients"

    name: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[str]
    secret_number: Mapped[int] = mapped_column(default=1)
    scopes: Mapped[list[str]]
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class LoginAttempt(Base):
    """Failures of one subject (login, code or address, hashed) in one window; the brake against guessing."""

    __tablename__ = "login_attempts"

    subject: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True, default=utc_now)
    failures: Mapped[int] = mapped_column(default=0)
