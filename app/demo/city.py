"""The sample city: what an administrator would have entered before the first visit. Made once; a second run finds it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today, utc_now
from app.core.ids import new_id
from app.enums.identity import Role
from app.models.enterprises import Enterprise, RiskUnit, Site
from app.models.identity import LoginSession, OfficerCertificate, RoleGrant, User
from app.models.organizations import Authority, Jurisdiction, Region
from app.services.checklists.loading import load_shipped_checklists
from app.services.identity.tokens import issue_access_token
from app.services.runtime import Runtime

_NAMESPACE = UUID("6f0e8c1e-3c52-4c1d-9d0b-6f6d1b0a2c11")
ENTERPRISE_NAME = "安州市东风涂装有限公司（演示）"


def _known(name: str) -> UUID:
    return uuid5(_NAMESPACE, name)


@dataclass(frozen=True, slots=True)
class City:
    """The ids a story needs, and tokens of console sessions opened for this run (the demo keeps no password)."""

    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    officers: tuple[UUID, UUID]
    administrator_token: str
    supervisor_token: str


async def make_city(session: AsyncSession, runtime: Runtime) -> City:
    """Regions, a bureau, people, an enterprise with three risk units, the shipped checklists."""
    city = City(
        _known("authority"),
        _known("enterprise"),
        _known("site"),
        (_known("officer 1"), _known("officer 2")),
        "",
        "",
    )
    if await session.get(Region, _known("city")) is None:
        await _build(session, city)
    await load_shipped_checklists(session)
    tokens = [await _token(session, runtime, _known(name)) for name in ("administrator", "supervisor")]
    return City(city.authority_id, city.enterprise_id, city.site_id, city.officers, tokens[0], tokens[1])


async def _build(session: AsyncSession, city: City) -> None:
    today = shanghai_today()
    began = today - timedelta(days=365)
    path = "/"
    parent: UUID | None = None
    for level, code, name in (
        ("city", "DEMO", "安州市"),
        ("district", "DEMO01", "东湖区"),
        ("town", "DEMO0101", "石桥镇"),
    ):
        path += f"{code}/"
        session.add(
            Region(
                id=_known(level), code=code, name=name, level=level, parent_id=parent, path=path, valid_from=began
            )
        )  # fmt: skip
        await session.flush()
        parent = _known(level)
    session.add(
        Authority(
            id=city.authority_id, code="DEMO", name="安州市应急管理局（演示）", document_word="安应急",
            region_id=_known("city"), valid_from=began,
        )
    )  # fmt: skip
    await session.flush()
    session.add(Jurisdiction(authority_id=city.authority_id, region_id=_known("city"), valid_from=began))
    for key, name, role in (
        ("administrator", "系统管理员", Role.ADMINISTRATOR),
        ("supervisor", "孙督查", Role.SUPERVISOR),
        ("officer 1", "赵执法", Role.INSPECTOR),
        ("officer 2", "钱执法", Role.INSPECTOR),
    ):
        session.add(
            User(
                id=_known(key), login=f"demo.{key.replace(' ', '')}", name=name, authority_id=city.authority_id,
                region_id=_known("city"),
            )
        )  # fmt: skip
        await session.flush()
        session.add(RoleGrant(user_id=_known(key), role=role, region_id=_known("city"), starts_on=began))
        if role is Role.INSPECTOR:
            session.add(
                OfficerCertificate(
                    user_id=_known(key), number=f"DEMO-{key[-1]}", valid_from=began,
                    valid_until=today + timedelta(days=730),
                )
            )  # fmt: skip
    await _build_enterprise(session, city)


async def _build_enterprise(session: AsyncSession, city: City) -> None:
    session.add(
        Enterprise(
            id=city.enterprise_id, substitute_mark="DEMO-1", name=ENTERPRISE_NAME,
            region_id=_known("town"), regulated_trades=["industry_trade"], trade_code="C36",
        )
    )  # fmt: skip
    await session.flush()
    session.add(
        Site(id=city.site_id, enterprise_id=city.enterprise_id, region_id=_known("town"), name="一号厂区")
    )
    await session.flush()
    for kind, name in (("rto", "1号RTO"), ("confined_space", "污水池"), ("hot_work_point", "维修车间动火点")):
        session.add(RiskUnit(site_id=city.site_id, kind=kind, name=name, facts={}))


async def _token(session: AsyncSession, runtime: Runtime, user_id: UUID) -> str:
    opened = LoginSession(id=new_id(), user_id=user_id, expires_at=utc_now() + timedelta(hours=1))
    session.add(opened)
    await session.flush()
    return issue_access_token(runtime.keys, minutes=60, session_id=opened.id)
