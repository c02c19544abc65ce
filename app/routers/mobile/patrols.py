"""An assistant's own patrols and whistles, and what became of them."""

from fastapi import APIRouter, Depends

from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, allowed
from app.schemas.patrols import PatrolView, WhistleView
from app.services.patrols.reading import list_own_patrols, list_own_whistles

patrols = APIRouter(prefix="/patrols", tags=["patrols"])
whistles = APIRouter(prefix="/whistles", tags=["patrols"])
OWN = [Depends(allowed("patrols:submit"))]


@patrols.get("", dependencies=OWN)
async def get_own_patrols(actor: CurrentActor, session: ReadSession, paging: PagingOf) -> PageOf[PatrolView]:
    """The caller's own patrols, newest first, corrected ones included."""
    return paging.page(await list_own_patrols(session, actor, paging.request), PatrolView.model_validate)


@whistles.get("", dependencies=OWN)
async def get_own_whistles(
    actor: CurrentActor, session: ReadSession, paging: PagingOf
) -> PageOf[WhistleView]:
    """The caller's own whistles with their state, newest first, corrected ones included."""
    return paging.page(await list_own_whistles(session, actor, paging.request), WhistleView.model_validate)
