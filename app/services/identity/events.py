"""News of people."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UserChangedBrigade:
    """Somebody serves in another brigade, or in none any more; of this authority."""

    user_id: UUID
    authority_id: UUID
    brigade_id: UUID | None
