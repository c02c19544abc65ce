"""What one line of an export says: the columns, and a page of rows in two statements. Nothing a list would not show."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.enums.hazards import HazardLevel, HazardSource, HazardStatus
from app.enums.labels import LabelledEnum
from app.models.enterprises import Enterprise, RiskUnit, Site
from app.models.hazards import Hazard
from app.models.organizations import Region
from app.services.hazards.recurrences import returned_among
from app.services.hazards.registry import HazardFilter, begins_with_returns, conditions_of
from app.services.hazards.workflow import is_overdue

SHEET = "隐患台账"
_HAZARD = (
    "id", "number", "level", "clause", "major_since", "status", "source", "found_on", "due_on", "closed_on", "item_code",
    "subject", "description",
)  # fmt: skip
HEADER = (
    "编号", "级别", "判定条款", "认定为重大之日", "状态", "是否逾期", "来源", "发现日期", "整改期限", "销号日期", "是否反弹",
    "单位名称", "统一社会信用代码或替代标识", "场所", "场所地址", "区域代码", "区域", "风险点", "检查项", "对象", "隐患描述",
)  # fmt: skip


async def export_page(
    session: AsyncSession, regions: Iterable[UUID], narrowed: HazardFilter, after: UUID | None, limit: int
) -> tuple[list[Sequence[Any]], UUID | None]:
    """The next lines, newest hazard first, and the id of the last of them (None: there is none); two statements, or three where it
    is narrowed to what came back."""
    conditions = conditions_of(regions, narrowed, from_returns=await begins_with_returns(session, narrowed))
    if after is not None:
        conditions.append(Hazard.id < after)
    wanted = (
        select(
            *(getattr(Hazard, name) for name in _HAZARD),
            Enterprise.name.label("enterprise_name"),
            func.coalesce(Enterprise.uscc, Enterprise.substitute_mark).label("enterprise_code"),
            Site.name.label("site_name"),
            Site.address,
            Region.code.label("region_code"),
            Region.name.label("region_name"),
            RiskUnit.name.label("unit_name"),
        )
        .join(Enterprise, Enterprise.id == Hazard.enterprise_id)
        .join(Site, Site.id == Hazard.site_id)
        .join(Region, Region.id == Hazard.region_id)
        .outerjoin(RiskUnit, RiskUnit.id == Hazard.risk_unit_id)
        .where(*conditions)
        .order_by(Hazard.id.desc())
        .limit(limit)
    )
    rows = (await session.execute(wanted)).all()
    returned = await returned_among(session, [row.id for row in rows])
    today = shanghai_today()
    return [_line(row, row.id in returned, today) for row in rows], rows[-1].id if rows else None


def _line(row: Any, came_back: bool, today: date) -> Sequence[Any]:
    late = is_overdue(row.status, row.due_on, today)
    return (
        row.number,
        _label(HazardLevel, row.level),
        row.clause,
        row.major_since and row.major_since.isoformat(),
        _label(HazardStatus, row.status),
        "期限待定" if late is None else "是" if late else "否",
        _label(HazardSource, row.source),
        row.found_on.isoformat(),
        row.due_on and row.due_on.isoformat(),
        row.closed_on and row.closed_on.isoformat(),
        "是" if came_back else "否",
        row.enterprise_name,
        row.enterprise_code,
        row.site_name,
        row.address,
        row.region_code,
        row.region_name,
        row.unit_name,
        row.item_code,
        row.subject,
        row.description,
    )


def _label(kind: type[LabelledEnum], value: str) -> str:
    return kind(value).zh
