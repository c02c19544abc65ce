"""Phones: enrolment by a one-time code, confirmation by fingerprint, refreshing with a proof of the key, revocation."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.identity import Device, EnrollmentCode, LoginSession, User
from app.services.audit.service import record_act
from app.services.identity.errors import (
    DeviceKeyProblem,
    DevicePendingProblem,
    DeviceRevokedProblem,
    EnrollmentProblem,
    FingerprintProblem,
)
from app.services.identity.keys import KeyRing
from app.services.identity.refreshing import end_session, exchange, find_session, first_refresh_token
from app.services.identity.signatures import algorithm_of, signature_verifies, thumbprint_of
from app.services.identity.tokens import issue_access_token
from app.services.identity.users import check_within

CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 12
PROOF_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class DeviceTokens:
    """What a phone needs to call: the access token may be empty while the phone waits for confirmation."""

    device_id: UUID
    user_id: UUID
    key_id: str
    access_token: str
    expires_in: int
    refresh_token: str


def enrollment_message(code: str, key_id: str) -> bytes:
    """What the phone signs to prove that it holds the key it enrols."""
    return f"anshao.enroll/1\n{code}\n{key_id}".encode()


def refresh_message(refresh_token: str, at: str) -> bytes:
    """What the phone signs to use a refresh token, at an RFC 3339 moment near the server's."""
    return f"anshao.refresh/1\n{hashlib.sha256(refresh_token.encode()).hexdigest()}\n{at}".encode()


async def issue_enrollment_code(
    session: AsyncSession, actor: Actor, settings: Settings, user_id: UUID
) -> str:
    """A code bound to one user; shown once, stored as a hash, good for ten minutes and one phone.

    Raises BeyondRegionProblem for a user with roles beyond the actor's regions: a phone would act in all of them.
    """
    user = await session.get(User, user_id)
    if user is None or user.region_id not in actor.regions_for("devices:manage") or not user.is_active:
        raise NotFoundProblem
    await check_within(session, actor, user_id, "devices:manage")
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    issued = EnrollmentCode(
        id=new_id(),
        user_id=user_id,
        code_hash=_code_hash(code),
        issued_by=actor.user_id,
        expires_at=utc_now() + timedelta(minutes=settings.enrollment_code_minutes),
    )
    session.add(issued)
    await session.flush()
    await record_act(
        session, actor, action="devices:issue_code", kind="enrollment_code", object_id=issued.id, version=1,
        region_id=user.region_id, after={"user_id": user_id},
    )  # fmt: skip
    return code


def _code_hash(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()


async def enroll_device(
    session: AsyncSession,
    keys: KeyRing,
    settings: Settings,
    *,
    code: str,
    public_key: Mapping[str, Any],
    proof: str,
    name: str,
    platform: str,
) -> DeviceTokens:
    """Bind a phone to the code's user; its session works once its fingerprint is confirmed at the console.

    A key that is enrolled already comes back as the same phone, with a new session in place of its others: its outbox and its
    chain of receipts go on. What a person confirmed is this very key, so a confirmed phone stays confirmed. Raises
    DeviceRevokedProblem for a revoked one, DeviceKeyProblem when the code is another user's.
    """
    algorithm = algorithm_of(public_key)
    if algorithm is None:
        raise DeviceKeyProblem
    key_id = thumbprint_of(public_key)
    if not signature_verifies(public_key, enrollment_message(code, key_id), proof):
        raise DeviceKeyProblem
    code_id, user = await _use_code(session, code)
    known = await session.execute(select(Device).where(Device.key_id == key_id).with_for_update())
    device = known.scalar_one_or_none()
    if device is not None:
        await _take_back(session, device, user)
    else:
        device = Device(
            id=new_id(),
            version=1,
            user_id=user.id,
            name=name,
            platform=platform,
            algorithm=algorithm,
            public_key={
                member: public_key[member] for member in ("kty", "crv", "x", "y") if member in public_key
            },
            key_id=key_id,
            status="pending",
        )
        session.add(device)
    await session.flush()
    await session.execute(
        update(EnrollmentCode).where(EnrollmentCode.id == code_id).values(device_id=device.id)
    )
    validity = timedelta(days=settings.device_refresh_days)
    opened = LoginSession(id=new_id(), user_id=user.id, device_id=device.id, expires_at=utc_now() + validity)
    session.add(opened)
    await session.flush()
    refresh = await first_refresh_token(session, keys, opened.id, validity)
    actor = Actor(kind="user", user_id=user.id, device_id=device.id, session_id=opened.id)
    await _record(session, actor, device, user.region_id, "devices:enroll")
    return _tokens(keys, settings, device, opened.id, refresh)


async def _use_code(session: AsyncSession, code: str) -> tuple[UUID, User]:
    used = (
        update(EnrollmentCode)
        .where(
            EnrollmentCode.code_hash == _code_hash(code),
            EnrollmentCode.used_at.is_(None),
            EnrollmentCode.expires_at > utc_now(),
        )
        .values(used_at=utc_now())
        .returning(EnrollmentCode.id, EnrollmentCode.user_id)
    )
    row = (await session.execute(used)).first()
    user = await session.get(User, row.user_id) if row else None
    if row is None or user is None or not user.is_active:
        raise EnrollmentProblem
    return row.id, user


async def _take_back(session: AsyncSession, device: Device, user: User) -> None:
    if device.user_id != user.id:
        raise DeviceKeyProblem
    if device.status == "revoked":
        raise DeviceRevokedProblem
    device.version += 1
    await _end_sessions(session, device.id, "enrolled_again")


async def refresh_device(
    session: AsyncSession,
    keys: KeyRing,
    settings: Settings,
    *,
    refresh_token: str,
    at: datetime,
    at_text: str,
    proof: str,
) -> DeviceTokens | None:
    """The next tokens of a phone; None when the token was stolen (its session is ended, which must be committed)."""
    opened = await find_session(session, refresh_token)
    device = await session.get(Device, opened.device_id) if opened.device_id else None
    if device is None or abs(utc_now() - at) > PROOF_WINDOW:
        raise DeviceKeyProblem
    if not signature_verifies(device.public_key, refresh_message(refresh_token, at_text), proof):
        raise DeviceKeyProblem
    if device.status == "revoked":
        raise DeviceRevokedProblem
    if device.status == "pending":
        raise DevicePendingProblem
    refreshed = await exchange(session, keys, refresh_token, timedelta(days=settings.device_refresh_days))
    if refreshed.theft:
        return None
    device.last_seen_at = utc_now()
    await session.flush()
    return _tokens(keys, settings, device, opened.id, refreshed.token)


def _tokens(
    keys: KeyRing, settings: Settings, device: Device, session_id: UUID, refresh: str
) -> DeviceTokens:
    minutes = settings.access_token_minutes
    access = issue_access_token(keys, minutes=minutes, session_id=session_id)
    return DeviceTokens(device.id, device.user_id, device.key_id, access, minutes * 60, refresh)


async def confirm_device(
    session: AsyncSession, actor: Actor, device_id: UUID, expected: int, fingerprint: str
) -> Device:
    """A person has compared the fingerprint on the phone with this one: the phone may work."""
    device, region_id = await _managed(session, actor, device_id)
    if device.status != "pending" or device.key_id != fingerprint:
        raise FingerprintProblem
    values = {"status": "active", "confirmed_at": utc_now(), "confirmed_by": actor.user_id}
    return await _change(session, actor, device, region_id, expected, values, "devices:confirm")


async def revoke_device(
    session: AsyncSession, actor: Actor, device_id: UUID, expected: int, reason: str
) -> Device:
    """Stop a phone at once and end its sessions; what it has sent stays, what it holds goes to the intake."""
    device, region_id = await _managed(session, actor, device_id)
    values = {"status": "revoked", "revoked_at": utc_now(), "revoked_reason": reason}
    changed = await _change(session, actor, device, region_id, expected, values, "devices:revoke")
    await _end_sessions(session, device_id, "device_revoked")
    return changed


async def _end_sessions(session: AsyncSession, device_id: UUID, reason: str) -> None:
    sessions = select(LoginSession.id).where(LoginSession.device_id == device_id)
    for session_id in (await session.execute(sessions)).scalars().all():
        await end_session(session, session_id, reason)


async def get_device(session: AsyncSession, actor: Actor, device_id: UUID) -> Device:
    """One phone of a user in the actor's regions."""
    wanted = (
        select(Device)
        .join(User, User.id == Device.user_id)
        .where(Device.id == device_id, User.region_id.in_(actor.regions_for("devices:read")))
    )
    device = (await session.execute(wanted)).scalar_one_or_none()
    if device is None:
        raise NotFoundProblem
    return device


async def list_devices(
    session: AsyncSession, actor: Actor, request: PageRequest, *, user_id: UUID | None, status: str | None
) -> Page[Device]:
    """Phones of users in the actor's regions, newest first."""
    conditions: list[ColumnElement[bool]] = [User.region_id.in_(actor.regions_for("devices:read"))]
    if user_id:
        conditions.append(Device.user_id == user_id)
    if status:
        conditions.append(Device.status == status)
    if request.after:
        conditions.append(Device.id < request.after[0])
    wanted = select(Device).join(User, User.id == Device.user_id).where(*conditions)
    rows = await session.execute(wanted.order_by(Device.id.desc()).limit(request.limit + 1))
    return Page.cut(list(rows.scalars()), request, key=lambda row: (row.id,))


async def _managed(session: AsyncSession, actor: Actor, device_id: UUID) -> tuple[Device, UUID]:
    device = await get_device(session, actor, device_id)
    region_id = (await session.get_one(User, device.user_id)).region_id
    actor.require("devices:manage", region_id)
    return device, region_id


async def _change(
    session: AsyncSession,
    actor: Actor,
    device: Device,
    region_id: UUID,
    expected: int,
    values: Mapping[str, Any],
    action: str,
) -> Device:
    await compare_and_set(session, device, expected, **values)
    await _record(session, actor, device, region_id, action)
    return device


async def _record(session: AsyncSession, actor: Actor, device: Device, region_id: UUID, action: str) -> None:
    await record_act(
        session, actor, action=action, kind="device", object_id=device.id, version=device.version,
        region_id=region_id, after={"status": device.status, "key_id": device.key_id},
    )  # fmt: skip
