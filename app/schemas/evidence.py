"""Evidence on the wire."""

from typing import Literal
from uuid import UUID

from app.schemas.common import View


class EvidenceStored(View):
    """A file is durable. `stored`: waits for its package; `verified`: matches its declaration; `withdrawn`: had been."""

    id: UUID
    status: Literal["stored", "verified", "withdrawn"]
    hash: str
    size: int
