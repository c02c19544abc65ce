"""How often an invitation reports in a day: nobody fills the registry from a gate, and the officers' time with it."""

from datetime import datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import SHANGHAI, shanghai_today, utc_now
from app.models.enterprises import SiteInvitation
from app.models.hazards import Hazard, HazardStep
from app.services.hazards.errors import DailyLimitProblem


async def check_daily_limit(session: AsyncSession, actor: Actor, action: str, most: int) -> None:
    """Raise DailyLimitProblem when the actor's invitation has taken a step of hazards `most` times today already.

    The invitation is held until the unit of work ends, so that two requests are not both the last.
    """
    held = select(SiteInvitation.id).where(SiteInvitation.id == actor.invitation_id)
    await session.execute(held.with_for_update(key_share=True))
    today = shanghai_today()
    taken = (
        select(func.count())
        .select_from(HazardStep)
        .join(Hazard, Hazard.id == HazardStep.hazard_id)
        .where(
            Hazard.site_id == actor.site_id,
            HazardStep.action == action,
            HazardStep.on_date == today,
            HazardStep.detail["invitation_id"].astext == str(actor.invitation_id),
        )
    )
    if (await session.execute(taken)).scalar_one() >= most:
        midnight = datetime.combine(today + timedelta(days=1), time(), SHANGHAI)
        raise DailyLimitProblem(most=most, seconds=int((midnight - utc_now()).total_seconds()) + 1)
