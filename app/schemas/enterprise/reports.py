"""An enterprise's own reports on the wire."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from app.schemas.common import View, Wire


class SelfReportRequest(Wire):
    """A hazard the enterprise found itself, and by which clause it may be major. When it was found is the server's to say."""

    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = (
        None
    )
    suspected_clause: Annotated[str, Field(max_length=50)] | None = None


class OwnReport(View):
    """One report and what has become of it. `level` is major only by a confirmed `clause`."""

    id: UUID
    number: str
    description: str
    subject: str | None
    found_on: date
    received_at: datetime
    level: str
    clause: str | None
    status: str
    due_on: date | None
    closed_on: date | None
