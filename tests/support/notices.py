"""A notice of holidays that nobody has issued yet, and how a test takes back what it imported."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

NOTICE: dict[str, Any] = {
    "year": 2027,
    "holidays": ["2027-01-01", "2027-01-02", "2027-01-03"],
    "make_up_workdays": [],
    "title": "国务院办公厅关于2027年部分节假日安排的通知",
    "document_number": "国办发明电〔2026〕1号",
    "source": "中国政府网",
}


async def forget_notices(session: AsyncSession) -> None:
    """Only what ships is known again, to the ledgers too."""
    for statement in (
        "ALTER TABLE clock_events DISABLE TRIGGER append_only",
        "ALTER TABLE calendar_notices DISABLE TRIGGER append_only",
        "UPDATE clock_events SET notice_id = NULL",
        "DELETE FROM notice_projections",
        "DELETE FROM calendar_notices",
        "ALTER TABLE clock_events ENABLE TRIGGER append_only",
        "ALTER TABLE calendar_notices ENABLE TRIGGER append_only",
    ):
        await session.execute(text(statement))
