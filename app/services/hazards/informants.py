"""Who gave a tip: encrypted apart from it, opened only for a reason that is written down, told to nobody else (安全生产法 73)."""

import secrets
from dataclasses import asdict, dataclass
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.models.hazards import HazardInformant
from app.services.audit.service import record_access
from app.services.hazards.service import get_hazard
from app.services.identity.keys import KeyRing

NONCE = 12
"""Bytes before the ciphertext: a fresh one for each (NIST SP 800-38D)."""


@dataclass(frozen=True, slots=True)
class Informant:
    """A person who gave a tip, as far as he said who he is."""

    name: str | None = None
    phone: str | None = None
    note: str | None = None


def sealed_identity(keys: KeyRing, hazard_id: UUID, informant: Informant) -> bytes:
    """Encrypted for this installation, and for this hazard alone: moved to another row it opens no more."""
    nonce = secrets.token_bytes(NONCE)
    return nonce + _cipher(keys).encrypt(nonce, orjson.dumps(asdict(informant)), hazard_id.bytes)


def opened_identity(keys: KeyRing, hazard_id: UUID, sealed: bytes) -> Informant:
    """The reverse; raises InvalidTag for what was altered, or sealed for another hazard or elsewhere."""
    opened = _cipher(keys).decrypt(sealed[:NONCE], sealed[NONCE:], hazard_id.bytes)
    return Informant(**orjson.loads(opened))


async def keep_identity(session: AsyncSession, keys: KeyRing, hazard_id: UUID, informant: Informant) -> None:
    """Keep who gave the tip a hazard was registered from."""
    session.add(HazardInformant(hazard_id=hazard_id, sealed=sealed_identity(keys, hazard_id, informant)))
    await session.flush()


async def reveal_informant(
    session: AsyncSession, keys: KeyRing, actor: Actor, hazard_id: UUID, reason: str
) -> Informant:
    """The identity in full. The audit row is in this unit of work, which commits before the answer leaves: no row, no name."""
    hazard = await get_hazard(session, actor, hazard_id)
    actor.require("hazards:unmask_informant", hazard.region_id)
    row = await session.get(HazardInformant, hazard_id)
    if row is None:
        raise NotFoundProblem
    await record_access(
        session,
        actor,
        action="hazards:unmask_informant",
        kind="hazard",
        object_id=hazard_id,
        region_id=hazard.region_id,
        detail={"reason": reason},
    )
    return opened_identity(keys, hazard_id, row.sealed)


def _cipher(keys: KeyRing) -> AESGCM:
    return AESGCM(keys.derive("informants", b""))
