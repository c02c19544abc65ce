"""Which placard a public token opens: one in force and no other, deliberately to everybody who has the token."""

import re
from datetime import date
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.wording import Wording
from app.models.enterprises import Enterprise
from app.models.hazards import Hazard
from app.models.organizations import Authority, Region
from app.models.placards import Placard
from app.services.determinations.content import find_clause
from app.services.hazards.content import placard_kind
from app.services.hazards.placard_following import standing_of
from app.services.hazards.placard_page import Published
from app.services.hazards.placard_workflow import ACCEPTED

CLOSED = Wording(
    "该隐患已整改并销号，尚待办理摘牌",
    "The hazard has been removed and closed; the placard is still to be taken down",
)
ACCEPTED_NOT_CLOSED = Wording(
    "该隐患已经复查合格，尚待销号和摘牌",
    "A re-inspection found the hazard removed; it is still to be closed and the placard to be taken down",
)
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)


async def find_published(session: AsyncSession, token: str) -> Published | Literal["gone", "unknown"]:
    """What is published; `gone` for one that was taken down, `unknown` for one that never was put up or does not exist."""
    if not TOKEN.fullmatch(token):
        return "unknown"
    place, district = aliased(Region), aliased(Region)
    wanted = (
        select(
            Placard,
            Hazard.clause,
            Hazard.found_on,
            Enterprise.name,
            Authority.name,
            district.name,
            district.name_en,
        )
        .join(Hazard, Hazard.id == Placard.hazard_id)
        .join(Enterprise, Enterprise.id == Placard.enterprise_id)
        .join(Authority, Authority.id == Placard.authority_id)
        .join(place, place.id == Placard.region_id)
        .outerjoin(district, func.starts_with(place.path, district.path) & (district.level == "district"))
        .where(Placard.public_token == token)
    )
    row = (await session.execute(wanted)).one_or_none()
    if row is None or row[0].status in ("proposed", "refused"):
        return "unknown"
    placard, clause, found_on, enterprise, authority, name, name_en = row
    if placard.status != "in_force":
        return "gone"
    kind = placard_kind(placard.kind)
    assert kind is not None
    assert placard.decided_on is not None  # it was put up
    return Published(
        title=kind.title,
        number=placard.number or "",
        enterprise=enterprise,
        district=Wording(name or "—", name_en or name or "—"),
        clause=clause or "—",
        clause_text=_words_of(clause, found_on),
        decided_on=placard.decided_on,
        due_on=placard.due_on,
        authority=authority,
        text=Wording(placard.text_zh, placard.text_en),
        since=_since((await standing_of(session, [placard]))[placard.id]),
    )


def _since(hazard: Hazard) -> Wording | None:
    """What has become of the hazard while its placard is still up."""
    if hazard.closed_on is not None:
        return Wording(f"{CLOSED.zh}（{hazard.closed_on}）", f"{CLOSED.en} ({hazard.closed_on})")
    return ACCEPTED_NOT_CLOSED if hazard.status in ACCEPTED else None


def _words_of(clause: str | None, found_on: date) -> Wording | None:
    """The clause as the standard in force on the day of the facts has it; None where the program holds only its number."""
    found = find_clause(clause, found_on) if clause else None
    return Wording(found.text.zh, found.text.en) if found else None
