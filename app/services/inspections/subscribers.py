"""Reactions of inspections to news from lower areas."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import subscribe
from app.services.evidence.events import PackageEvidenceCompleted
from app.services.inspections.receipts import issue_receipt_if_complete
from app.services.runtime import runtime_of_session


@subscribe(PackageEvidenceCompleted)
async def issue_receipt(session: AsyncSession, event: PackageEvidenceCompleted) -> None:
    """The last file came: the receipt is made in the same transaction."""
    await issue_receipt_if_complete(session, runtime_of_session(session), event.package_id)
