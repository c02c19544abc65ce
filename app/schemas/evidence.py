"""Evidence on the wire."""

from typing import Literal
from uuid import UUID

from app.schemas.common import View


class EvidenceStored(View):
    """A file is durable. `stored`: waits for its package; `verified`: matches its declaration."""

    id: UUID
    status: Literal["stored", "verified"]
    hash: str
    size: int
