"""Exports of the hazard registry on the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from app.schemas.common import View


class ExportView(View):
    """One export and how far it is; `size` and `sha256` are the file's, once it is done. After `expires_at` it is gone.

    `failure`: permission_withdrawn, storage_or_database (tried for the last time in vain), worker_died (too often).
    """

    id: UUID
    version: int
    format: Literal["csv", "xlsx"]
    filters: dict[str, Any]
    status: Literal["waiting", "running", "done", "failed", "expired"]
    failure: str | None
    rows_total: int
    rows_done: int
    size: int
    sha256: str | None
    created_at: datetime
    created_by: UUID
    finished_at: datetime | None
    expires_at: datetime
