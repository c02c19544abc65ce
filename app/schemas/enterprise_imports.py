"""Imports of enterprises on the wire."""

from datetime import datetime
from uuid import UUID

from app.schemas.common import View


class ImportView(View):
    """One import and how far it is. In a dry run the counts say what would happen; `failure` names why none of it was done."""

    id: UUID
    version: int
    file_name: str
    sha256: str | None
    is_dry_run: bool
    status: str
    failure: str | None
    rows_total: int | None
    rows_done: int
    rows_created: int
    rows_updated: int
    rows_unchanged: int
    rows_failed: int
    created_at: datetime
    created_by: UUID
    finished_at: datetime | None


class ImportErrorView(View):
    """One thing wrong in one cell; `row` counts as the spreadsheet does, from 1."""

    row: int
    column: str | None
    column_zh: str | None
    code: str
    zh: str
    en: str
