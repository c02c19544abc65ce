"""The working calendar at the console: the years in force, the imported notices, a new one."""

from fastapi import APIRouter, Depends

from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.clocks import CalendarNotice, NoticeProjection
from app.schemas.clocks import NoticeRequest, NoticeView, YearView
from app.services.clocks.calendar import add_notice
from app.services.clocks.notices import list_notices, list_years

router = APIRouter(prefix="/calendar", tags=["calendar"], route_class=IdempotentRoute)
READ = [Depends(allowed("calendar:read"))]


@router.get("/years", dependencies=READ)
async def get_years(session: ReadSession) -> list[YearView]:
    """Every year whose holidays are known, with the notice in force (null: shipped with the program)."""
    return [YearView.model_validate(row) for row in await list_years(session)]


@router.get("/notices", dependencies=READ)
async def get_notices(session: ReadSession) -> list[NoticeView]:
    """Every imported notice with its source, the newest year first; replaced ones stay."""
    return [_view(notice, progress) for notice, progress in await list_notices(session)]


@router.post("/notices", status_code=201, dependencies=[Depends(allowed("calendar:import"))])
async def post_notice(
    body: NoticeRequest, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> NoticeView:
    """Import a year's notice; clocks that it moves are projected anew in the background, each naming the notice."""
    return _view(await add_notice(session, actor, body))


def _view(notice: CalendarNotice, progress: NoticeProjection | None = None) -> NoticeView:
    own = {name: getattr(notice, name) for name in NoticeView.model_fields if hasattr(notice, name)}
    moved, finished_at = (progress.moved, progress.finished_at) if progress else (0, None)
    return NoticeView(**own, clocks_moved=moved, projected_at=finished_at)
