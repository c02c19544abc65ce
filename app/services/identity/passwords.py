"""Password hashing (argon2id): about 0.1 s of a core each, so in threads and few at a time."""

import anyio
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MIN_LENGTH = 12
_HASHER = PasswordHash((Argon2Hasher(),))
_AT_ONCE = 2
_NEVER_MATCHES = (
    "$argon2id$v=19$m=65536,t=3,p=4$rSUsvCutyk5Sqzxj7CliyQ$9y4RFEo1EN3Yw5BX6aYyqIHq/dqpyYwlYO1UuRiOR6A"
)
"""Of a password that no account has, at the cost of the real ones; written down, since making it slowed every start."""


async def hash_password(password: str) -> str:
    """The argon2id hash of a password."""
    return await anyio.to_thread.run_sync(_HASHER.hash, password, limiter=_limiter())


async def password_matches(password: str, known_hash: str | None) -> bool:
    """True when the password is the one behind the hash; takes as long when there is none."""
    matches = await anyio.to_thread.run_sync(
        _HASHER.verify, password, known_hash or _NEVER_MATCHES, limiter=_limiter()
    )
    return matches and known_hash is not None


_limiters: dict[object, anyio.CapacityLimiter] = {}


def _limiter() -> anyio.CapacityLimiter:
    """One limiter per event loop."""
    loop = anyio.lowlevel.current_token()
    return _limiters.setdefault(loop, anyio.CapacityLimiter(_AT_ONCE))
