"""The board: what is still on phones, and which phones have been silent too long."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, allowed
from app.schemas.board import DeviceStanding, Grouping, GroupStanding, ShownStatus, WaitingPackage
from app.services.board.reading import (
    BoardFilter,
    Order,
    Sorting,
    list_devices,
    list_totals,
    list_waiting_packages,
)

router = APIRouter(prefix="/board", tags=["board"])
READ = [Depends(allowed("board:read"))]


async def _narrowed(
    region_id: UUID | None = None,
    authority_id: UUID | None = None,
    device_id: UUID | None = None,
    user_id: UUID | None = None,
) -> BoardFilter:
    return BoardFilter(region_id, authority_id, device_id, user_id)


Narrowed = Annotated[BoardFilter, Depends(_narrowed)]


@router.get("/packages", dependencies=READ)
async def get_waiting_packages(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    narrowed: Narrowed,
    older_than_hours: Annotated[int | None, Query(ge=0, le=87_600)] = None,
    order: Order = "oldest",
) -> PageOf[WaitingPackage]:
    """Packages that are here while files they declare are not; of sites in the caller's regions."""
    age = None if older_than_hours is None else timedelta(hours=older_than_hours)
    page = await list_waiting_packages(session, actor, paging.request, narrowed, age, order)
    return paging.page(page, lambda view: view)


@router.get("/devices", dependencies=READ)
async def get_board_devices(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    narrowed: Narrowed,
    runtime: RuntimeOf,
    status: ShownStatus | None = None,
    is_silent: bool | None = None,
    is_holding: bool | None = None,
    sorting: Sorting = "silent_longest",
) -> PageOf[DeviceStanding]:
    """Phones of users in the caller's regions, with their last contact and everything known to wait on them.

    Without `status`: those that work, and revoked ones for which something still waits.
    """
    page = await list_devices(
        session, actor, paging.request, narrowed,
        status=status, silent_after=timedelta(hours=runtime.settings.device_silent_hours),
        is_silent=is_silent, is_holding=is_holding, sorting=sorting,
    )  # fmt: skip
    return paging.page(page, lambda view: view)


@router.get("/totals", dependencies=READ)
async def get_board_totals(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    narrowed: Narrowed,
    runtime: RuntimeOf,
    by: Grouping = "region",
) -> PageOf[GroupStanding]:
    """The same over the phones of each region, authority or person, sorted by its name."""
    silent_after = timedelta(hours=runtime.settings.device_silent_hours)
    page = await list_totals(session, actor, paging.request, narrowed, by=by, silent_after=silent_after)
    return paging.page(page, lambda view: view)
