"""What one line of an export says: the columns, and a page of rows in one statement. Nothing a list would not show."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.enums.hazards import HazardLevel, HazardSource, HazardStatus
from app.enums.labels import LabelledEnum
from app.models.enterprises import Enterprise, RiskUnit, Site
from app.models.hazards import Hazard, HazardRecurrence
from app.models.organizations import Region
from app.services.hazards.registry import HazardFilter, conditions_of
from app.services.hazards.workflow import is_overdue

SHEET = "隐患台账"
HEADER = (
    "编号", "级别", "判定条款", "认定为重大之日", "状态", "是否逾期", "来源", "发现日期", "整改期限", "销号日期", "是否反弹",
    "单位名称", "统一社会信用代码或替代标识", "场所", "场所地址", "区域代码", "区域", "风险点", "检查项", "对象", "隐患描述",
)  # fmt: skip


async def export_page(
    session: AsyncSession, regions: Iterable[UUID], narrowed: HazardFilter, after: UUID | None, limit: int
) -> tuple[list[Sequence[Any]], UUID | None]:
    """The next lines, newest hazard first, and the id of the last of them (None: there is none); one statement."""
    conditions = conditions_of(regions, narrowed)
    if after is not None:
        conditions.append(Hazard.id < after)
    came_back = select(HazardRecurrence.hazard_id).where(HazardRecurrence.hazard_id == Hazard.id).exists()
    wanted = (
        select(Hazard, Enterprise, Site, Region.code, Region.name, RiskUnit.name, came_back)
        .join(Enterprise, Enterprise.id == Hazard.enterprise_id)
        .join(Site, Site.id == Hazard.site_id)
        .join(Region, Region.id == Hazard.region_id)
        .outerjoin(RiskUnit, RiskUnit.id == Hazard.risk_unit_id)
        .where(*conditions)
        .order_by(Hazard.id.desc())
        .limit(limit)
    )
    rows = (await session.execute(wanted)).all()
    return [_line(*row) for row in rows], rows[-1][0].id if rows else None


def _line(
    hazard: Hazard, enterprise: Enterprise, site: Site, region_code: str, region: str, unit: str | None, came_back: bool
) -> Sequence[Any]:  # fmt: skip
    late = is_overdue(hazard.status, hazard.due_on, shanghai_today())
    return (
        hazard.number,
        _label(HazardLevel, hazard.level),
        hazard.clause,
        hazard.major_since and hazard.major_since.isoformat(),
        _label(HazardStatus, hazard.status),
        "期限待定" if late is None else "是" if late else "否",
        _label(HazardSource, hazard.source),
        hazard.found_on.isoformat(),
        hazard.due_on and hazard.due_on.isoformat(),
        hazard.closed_on and hazard.closed_on.isoformat(),
        "是" if came_back else "否",
        enterprise.name,
        enterprise.uscc or enterprise.substitute_mark,
        site.name,
        site.address,
        region_code,
        region,
        unit,
        hazard.item_code,
        hazard.subject,
        hazard.description,
    )


def _label(kind: type[LabelledEnum], value: str) -> str:
    return kind(value).zh
