"""The city that the load comes from: a bureau, officers in pairs with enrolled phones, sites in every town. Written directly."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today, utc_now
from app.core.ids import new_id
from app.enums.identity import Role
from app.models.checklists import Template, TemplateVersion
from app.models.enterprises import Enterprise, Site
from app.models.identity import Device, LoginSession, OfficerCertificate, RoleGrant, User
from app.models.organizations import Authority, Jurisdiction, Region
from app.services.checklists.loading import load_shipped_checklists
from app.services.identity.keys import base64url
from app.services.identity.signatures import thumbprint_of
from app.services.identity.tokens import issue_access_token
from app.services.runtime import Runtime

DISTRICTS, TOWNS, SITES, TEAMS = 8, 8, 320, 32
CHECKLIST = "outsourced-work"
LONG_AGO = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class BenchmarkPhone:
    """An enrolled phone with its key and a token; `officers` are the two of its team, its own user first."""

    device_id: UUID
    user_id: UUID
    officers: tuple[UUID, UUID]
    key: Ed25519PrivateKey
    key_id: str
    token: str
    district: int


@dataclass(frozen=True, slots=True)
class Place:
    """A site to inspect."""

    site_id: UUID
    enterprise_id: UUID
    region_id: UUID


@dataclass(frozen=True, slots=True)
class BenchmarkCity:
    """All that is needed to seal packages; `places` are by district."""

    authority_id: UUID
    template: dict[str, object]
    template_version_id: UUID
    phones: tuple[BenchmarkPhone, ...]
    places: tuple[tuple[Place, ...], ...]


async def build_city(session: AsyncSession, runtime: Runtime) -> BenchmarkCity:
    """A new city with 64 towns, 320 sites, 64 officers, each with a phone."""
    city, districts, towns = await _build_regions(session)
    authority_id = new_id()
    await session.execute(
        insert(Authority).values(
            id=authority_id, code="BENCH", name="安州市应急管理局", document_word="安应急", region_id=city,
            valid_from=LONG_AGO,
        )
    )  # fmt: skip
    await session.execute(
        insert(Jurisdiction).values(
            id=new_id(), authority_id=authority_id, region_id=city, valid_from=LONG_AGO
        )
    )
    places = [await _build_places(session, towns_of) for towns_of in towns]
    phones = []
    for team in range(TEAMS):
        district = team % DISTRICTS
        phones += await _build_team(session, runtime, authority_id, districts[district], district, team)
    await load_shipped_checklists(session)
    template, version_id = await _template(session)
    return BenchmarkCity(authority_id, template, version_id, tuple(phones), tuple(places))


async def _build_regions(session: AsyncSession) -> tuple[UUID, list[UUID], list[list[UUID]]]:
    def row(code: str, level: str, parent: UUID | None, path: str) -> dict[str, object]:
        return {
            "id": new_id(), "code": code, "name": code, "level": level, "parent_id": parent, "path": path,
            "valid_from": LONG_AGO,
        }  # fmt: skip

    city = row("B", "city", None, "/B/")
    districts = [row(f"B{d}", "district", city["id"], f"/B/B{d}/") for d in range(DISTRICTS)]  # type: ignore[arg-type]
    towns = [
        [row(f"B{d}T{t}", "town", of["id"], f"/B/B{d}/B{d}T{t}/") for t in range(TOWNS)]  # type: ignore[arg-type]
        for d, of in enumerate(districts)
    ]
    for rows in ([city], districts, *towns):
        await session.execute(insert(Region), rows)
    return city["id"], [d["id"] for d in districts], [[t["id"] for t in row] for row in towns]  # type: ignore[return-value, misc]


async def _build_places(session: AsyncSession, towns: list[UUID]) -> tuple[Place, ...]:
    places = [Place(new_id(), new_id(), towns[n % len(towns)]) for n in range(SITES // DISTRICTS)]
    await session.execute(
        insert(Enterprise),
        [
            {
                "id": place.enterprise_id, "substitute_mark": place.enterprise_id.hex, "name": "安州市某涂装有限公司",
                "region_id": place.region_id, "regulated_trades": ["industry_trade"],
                "trade_code": "C36",
            }
            for place in places
        ],
    )  # fmt: skip
    sites = [
        {"id": p.site_id, "enterprise_id": p.enterprise_id, "region_id": p.region_id, "name": "厂区"}
        for p in places
    ]
    await session.execute(insert(Site), sites)
    return tuple(places)


async def _build_team(
    session: AsyncSession, runtime: Runtime, authority_id: UUID, region_id: UUID, district: int, team: int
) -> list[BenchmarkPhone]:
    """Two certified officers, each with a confirmed phone that is logged in."""
    users = (new_id(), new_id())
    phones = []
    for index, user_id in enumerate(users):
        await session.execute(
            insert(User).values(
                id=user_id, login=f"bench.{team}.{index}", name="王小安", authority_id=authority_id,
                region_id=region_id,
            )
        )  # fmt: skip
        await session.execute(
            insert(RoleGrant).values(
                id=new_id(), user_id=user_id, role=Role.INSPECTOR, region_id=region_id, starts_on=LONG_AGO
            )
        )
        await session.execute(
            insert(OfficerCertificate).values(
                id=new_id(), user_id=user_id, number=f"B{team}-{index}", valid_from=LONG_AGO,
                valid_until=shanghai_today() + timedelta(days=730),
            )
        )  # fmt: skip
        officers = (user_id, users[1 - index])
        phones.append(await _enrol(session, runtime, user_id, officers, district))
    return phones


async def _enrol(
    session: AsyncSession, runtime: Runtime, user_id: UUID, officers: tuple[UUID, UUID], district: int
) -> BenchmarkPhone:
    key, device_id, session_id = Ed25519PrivateKey.generate(), new_id(), new_id()
    public = {"kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_key().public_bytes_raw())}
    await session.execute(
        insert(Device).values(
            id=device_id, user_id=user_id, name="phone", platform="benchmark", algorithm="Ed25519",
            public_key=public, key_id=thumbprint_of(public), status="active",
        )
    )  # fmt: skip
    await session.execute(
        insert(LoginSession).values(
            id=session_id, user_id=user_id, device_id=device_id, expires_at=utc_now() + timedelta(hours=12)
        )
    )
    token = issue_access_token(runtime.keys, minutes=240, session_id=session_id)
    return BenchmarkPhone(device_id, user_id, officers, key, thumbprint_of(public), token, district)


async def _template(session: AsyncSession) -> tuple[dict[str, object], UUID]:
    """The reference a phone puts into its envelope, and the version's id."""
    found = (
        await session.execute(
            select(TemplateVersion.id, TemplateVersion.number, TemplateVersion.content_hash)
            .join(Template, Template.id == TemplateVersion.template_id)
            .where(Template.code == CHECKLIST, TemplateVersion.status == "published")
        )
    ).one()
    return {"code": CHECKLIST, "version": found.number, "hash": found.content_hash}, found.id
