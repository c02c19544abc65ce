"""Reactions of inspections to news from lower areas."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import subscribe
from app.enums.inspections import PackageKind
from app.services.evidence.events import PackageEvidenceCompleted
from app.services.inspections.events import PackageProcessed
from app.services.inspections.receipts import issue_receipt_if_complete
from app.services.inspections.reinspection import record_package_results
from app.services.runtime import runtime_of_session


@subscribe(PackageEvidenceCompleted)
async def issue_receipt(session: AsyncSession, event: PackageEvidenceCompleted) -> None:
    """The last file came: the receipt is made in the same transaction."""
    await issue_receipt_if_complete(session, runtime_of_session(session), event.package_id)


@subscribe(PackageProcessed)
async def record_reinspection(session: AsyncSession, event: PackageProcessed) -> None:
    """What a re-inspection found of each hazard becomes that hazard's step, in the transaction that processes the package."""
    if event.kind is PackageKind.REINSPECTION or event.envelope.hazards:
        await record_package_results(session, event)
