"""Who writes what phones hold: for every collection how a row comes, changes and goes, as the services write and tell it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today, utc_now
from app.core.ids import new_id
from app.enums.sync import SyncCollection
from app.models.checklists import Template, TemplateVersion
from app.models.enterprises import Enterprise, RiskUnit, Site, SiteLink
from app.models.evidence import EvidenceDeclaration, EvidenceFile, EvidenceManifest
from app.models.hazards import Hazard, HazardStep
from app.models.identity import Device, OfficerCertificate, User
from app.models.inspections import Assignment, AssignmentMember, Package, PackageIntake, Receipt, Visit
from app.models.orders import OrderLine, RectificationOrder
from app.models.organizations import Authority, Brigade
from app.services.audit.service import record_act
from tests.factories.field import Field, shipped
from tests.factories.world import LONG_AGO, World

_numbers = count(1)


@dataclass
class Row:
    """A row as its last writer left it, committed or not. `more`: what its own writers remember of it."""

    region: UUID
    id: UUID = field(default_factory=new_id)
    version: int = 1
    is_out: bool = False
    more: dict[str, Any] = field(default_factory=dict)


class Ground:
    """What is there before anybody writes: two authorities, two officers, a phone, a site with a visit, and a package of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.regions = [world.town, world.other_town, world.other_district]
        self.officer = world.person("inspector", region=world.town).user_id
        self.colleague = world.person("inspector", region=world.other_town).user_id
        self.home = Field(world)
        self.authorities = [world.authority, new_id()]
        self.device, self.visit, self.package = new_id(), new_id(), new_id()
        self.rows: dict[SyncCollection, list[Row]] = {name: [] for name in SyncCollection}
        self.held: set[UUID] = set()
        self.told: set[str] = set()
        world.in_database(self._build)

    async def _build(self, session: AsyncSession) -> None:
        code = self.world.code
        session.add_all(
            (
                Authority(
                    id=self.authorities[1], code=f"{code}02", name="西区应急管理局", document_word=f"西{code}",
                    region_id=self.world.other_district, valid_from=LONG_AGO,
                ),
                Device(
                    id=self.device, user_id=self.officer, name="手机", platform="android", algorithm="ed25519",
                    public_key={}, key_id=self.device.hex, status="active",
                ),
                Visit(
                    id=self.visit, authority_id=self.world.authority, enterprise_id=self.home.enterprise_id,
                    site_id=self.home.site_id, region_id=self.home.region, kind="patrol", visited_on=shanghai_today(),
                ),
            )
        )  # fmt: skip
        session.add(self.intake(self.package, "processed"))
        await session.flush()
        session.add(self.record(self.package))
        await session.flush()
        session.add(
            EvidenceManifest(
                package_id=self.package, region_id=self.home.region, device_id=self.device, missing=0
            )
        )

    def intake(self, identifier: UUID, status: str, user_id: UUID | None = None) -> PackageIntake:
        """The bytes of a package in this state."""
        return PackageIntake(
            package_id=identifier, sha256="sha-256:0", sealed=b"{}", signature="s", key_id="k", device_id=self.device,
            user_id=user_id or self.officer, status=status,
        )  # fmt: skip

    def record(self, identifier: UUID) -> Package:
        """A package as understood."""
        return Package(
            id=identifier, visit_id=self.visit, region_id=self.home.region, sha256="sha-256:0", schema="s", kind="patrol",
            root_id=identifier, is_standing=True, device_id=self.device, user_id=self.officer, officer_ids=[], answers={},
            times={}, issues=[], is_signable=True, received_at=utc_now(),
        )  # fmt: skip

    def settled(self, name: SyncCollection, number: int) -> Row | None:
        """A row that is committed and that no open unit of work writes: others may refer to it."""
        rows = [row for row in self.rows[name] if row.id not in self.held]
        return rows[number % len(rows)] if rows else None

    async def tell(
        self, session: AsyncSession, kind: str, identifier: UUID, row: Row, previous: UUID | None = None
    ) -> None:
        """What the services write into audit and change log with the row itself."""
        await session.flush()
        self.told.add(kind)
        await record_act(
            session, SYSTEM, action="tests:act", kind=kind, object_id=identifier, version=row.version,
            region_id=row.region, previous_region_id=previous if previous != row.region else None,
        )  # fmt: skip


def date_after(days: int) -> date:
    """So many days after today."""
    return shanghai_today() + timedelta(days=days)


Write = Callable[[Ground, AsyncSession, Row, int], Awaitable[None]]


@dataclass(frozen=True)
class Writers:
    """How the rows of a collection come, how they change, and how they go (and come back, if they do); some never go."""

    make: Write
    changes: tuple[Write, ...]
    remove: Write | None = None


async def _set(session: AsyncSession, model: Any, row: Row, **values: Any) -> None:
    row.version += 1
    await session.execute(update(model).where(model.id == row.id).values(version=row.version, **values))


def _moved(model: Any, kind: str) -> Write:
    async def move(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
        before, row.region = row.region, ground.regions[number % 3]
        await _set(session, model, row, region_id=row.region)
        await ground.tell(session, kind, row.id, row, before)

    return move


def _named(model: Any, kind: str) -> Write:
    async def name(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
        await _set(session, model, row, name=f"改名{next(_numbers)}")
        await ground.tell(session, kind, row.id, row)

    return name


def _switched(model: Any, kind: str) -> Write:
    async def switch(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
        row.is_out = not row.is_out
        await _set(session, model, row, is_active=not row.is_out)
        await ground.tell(session, kind, row.id, row)

    return switch


async def register(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    mark = f"M{row.id.hex}"
    session.add(
        Enterprise(id=row.id, substitute_mark=mark, name="企业", region_id=row.region, regulated_trades=[])
    )
    await ground.tell(session, "enterprise", row.id, row)


async def open_site(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    owner = ground.settled(SyncCollection.ENTERPRISES, number)
    row.more["enterprise"] = owner.id if owner else ground.home.enterprise_id
    session.add(Site(id=row.id, enterprise_id=row.more["enterprise"], region_id=row.region, name="厂区"))
    await ground.tell(session, "site", row.id, row)


async def let_site(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    operator = ground.settled(SyncCollection.ENTERPRISES, number)
    day = date_after(next(_numbers))
    enterprise_id = operator.id if operator else ground.home.enterprise_id
    session.add(SiteLink(site_id=row.id, enterprise_id=enterprise_id, role="operator", valid_from=day))
    await _set(session, Site, row)
    await ground.tell(session, "site", row.id, row)


async def install_unit(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    unit = RiskUnit(id=new_id(), site_id=row.id, kind="rto", name=f"{next(_numbers)}号炉", facts={})
    session.add(unit)
    await ground.tell(session, "risk_unit", unit.id, row)


async def assign(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    """The officer and somebody else, to a site and, perhaps, a hazard, wherever they are."""
    site = ground.settled(SyncCollection.SITES, number)
    hazard = ground.settled(SyncCollection.HAZARDS, number)
    other = ground.settled(SyncCollection.ROSTERS, number)
    row.region = site.region if site else ground.home.region
    today = shanghai_today()
    session.add(
        Assignment(
            id=row.id, authority_id=ground.world.authority, region_id=row.region, kind="inspection",
            enterprise_id=site.more["enterprise"] if site else ground.home.enterprise_id,
            site_id=site.id if site else ground.home.site_id, planned_from=today, planned_until=today,
            template_version_ids=[], hazard_ids=[hazard.id] if hazard else [], created_by=ground.officer,
        )
    )  # fmt: skip
    await session.flush()
    for member in (ground.officer, other.id if other else ground.colleague):
        session.add(AssignmentMember(assignment_id=row.id, user_id=member))
    await ground.tell(session, "assignment", row.id, row)


def _turned(status: str) -> Write:
    async def turn(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
        if not row.is_out:
            row.is_out = status == "cancelled"
            await _set(session, Assignment, row, status=status)
            await ground.tell(session, "assignment", row.id, row)

    return turn


async def find_hazard(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    """Found on the visit, with a photograph that is still to be examined."""
    photo = row.more["photo"] = new_id()
    home = ground.home
    session.add_all(
        (
            Hazard(
                id=row.id, number=row.id.hex, authority_id=ground.world.authority, enterprise_id=home.enterprise_id,
                site_id=home.site_id, region_id=row.region, source="inspection", visit_id=ground.visit,
                description="消防通道堵塞", found_on=shanghai_today(), evidence_ids=[photo],
            ),
            EvidenceDeclaration(
                package_id=ground.package, id=photo, region_id=row.region, device_id=ground.device, sha256="sha-256:0",
                size=1, media_type="image/jpeg", source="camera",
            ),
        )
    )  # fmt: skip
    session.add(_photograph(ground, row, photo, package_id=ground.package))
    await ground.tell(session, "hazard", row.id, row)


def _photograph(ground: Ground, row: Row, identifier: UUID, **belongs: UUID) -> EvidenceFile:
    return EvidenceFile(
        id=identifier, user_id=ground.officer, region_id=row.region, is_claimed=True, sha256="sha-256:0", size=1,
        media_type="image/jpeg", storage_key=f"o/{identifier}", flags=[], **belongs,
    )  # fmt: skip


async def order_rectification(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    order = RectificationOrder(
        id=new_id(), authority_id=ground.world.authority, enterprise_id=ground.home.enterprise_id,
        site_id=ground.home.site_id, region_id=row.region, number=f"{next(_numbers)}{row.id.hex}",
        issued_on=shanghai_today(), issued_by=ground.officer,
    )  # fmt: skip
    session.add(order)
    await session.flush()
    session.add(
        OrderLine(
            order_id=order.id, hazard_id=row.id, position=1, days=1, day_kind="calendar", requirement=f"整改{number}"
        )
    )  # fmt: skip
    if not row.is_out:
        await _set(session, Hazard, row, status="ordered")
    await ground.tell(session, "hazard", row.id, row)


async def report_rectified(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    """At a desk, with a photograph."""
    photo = row.more["desk_photo"] = new_id()
    session.add(_photograph(ground, row, photo, hazard_id=row.id))
    session.add(
        HazardStep(
            hazard_id=row.id, action="report_rectified", to_status="rectified", on_date=shanghai_today(), evidence_ids=[photo]
        )
    )  # fmt: skip
    await _set(session, Hazard, row)
    await ground.tell(session, "hazard", row.id, row)
    await ground.tell(session, "evidence", photo, row)


def _examined(which: str) -> Write:
    async def examine(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
        photo = row.more.pop(which, None)
        if photo is not None:
            found = update(EvidenceFile).where(EvidenceFile.id == photo)
            await session.execute(found.values(examined_at=utc_now()))
            await ground.tell(session, "evidence", photo, row)

    return examine


async def close_hazard(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    if not row.is_out:
        row.is_out = True
        await _set(session, Hazard, row, status="closed", closed_on=shanghai_today())
        await ground.tell(session, "hazard", row.id, row)


async def draft_checklist(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    """A draft, or published at once, as the shipped ones are."""
    template = Template(id=new_id(), code=row.id.hex)
    session.add(template)
    await session.flush()
    row.more["status"], at = ("published", utc_now()) if number % 2 else ("draft", None)
    session.add(
        TemplateVersion(
            id=row.id, template_id=template.id, number=1, status=row.more["status"], title_zh="表", title_en="List",
            in_force_from=shanghai_today(), body=shipped()["evacuation"][0], content_hash=f"sha-256:{row.id.hex}", published_at=at,
        )
    )  # fmt: skip
    await ground.tell(session, "checklist", row.id, row)


async def carry_checklist_on(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    """Draft, published, withdrawn."""
    match row.more["status"]:
        case "draft":
            row.more["status"], values = "published", {"published_at": utc_now()}
        case "published":
            row.more["status"], values = "withdrawn", {"withdrawn_at": utc_now(), "withdrawn_reason": "有误"}
        case _:
            return
    await _set(session, TemplateVersion, row, status=row.more["status"], **values)
    await ground.tell(session, "checklist", row.id, row)


async def hire(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    place = row.more["place"] = number % 2
    row.region = _around(ground, place, number)
    authority = ground.authorities[place]
    session.add(
        User(id=row.id, login=row.id.hex, name="李小平", authority_id=authority, region_id=row.region)
    )
    await ground.tell(session, "user", row.id, row)


async def transfer(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    """To the other authority."""
    before = row.region
    place = row.more["place"] = 1 - row.more["place"]
    row.region = _around(ground, place, number)
    await _set(session, User, row, authority_id=ground.authorities[place], region_id=row.region)
    await ground.tell(session, "user", row.id, row, before)


def _around(ground: Ground, place: int, number: int) -> UUID:
    """People belong around the seat of their authority."""
    return ground.world.other_district if place else ground.regions[number % 3]


async def certify(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    certificate = OfficerCertificate(
        id=new_id(),
        user_id=row.id,
        number=f"C{new_id().hex}",
        valid_from=LONG_AGO,
        valid_until=date_after(number),
    )
    session.add(certificate)
    await ground.tell(session, "certificate", certificate.id, row)


async def form_brigade(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    session.add(Brigade(id=row.id, authority_id=ground.authorities[number % 2], name=row.id.hex))
    await ground.tell(session, "brigade", row.id, row)


async def take_package(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    """Processed at once, or set aside; the officer's own or a colleague's."""
    row.more["status"] = "processed" if number % 2 else "quarantined"
    session.add(
        ground.intake(row.id, row.more["status"], ground.officer if number % 3 < 2 else ground.colleague)
    )
    await session.flush()
    if number % 2:
        session.add(ground.record(row.id))
    await ground.tell(session, "package" if number % 2 else "package_intake", row.id, row)


async def carry_package_on(ground: Ground, session: AsyncSession, row: Row, number: int) -> None:
    """Set aside, released or rejected, processed, receipted."""
    kind = "package"
    match row.more["status"]:
        case "quarantined":
            row.more["status"] = "received" if number % 2 else "rejected"
            kind = "package_intake"
        case "received":
            row.more["status"] = "processed"
            session.add(ground.record(row.id))
        case "processed":
            row.more["status"] = "receipted"
            session.add(
                Receipt(package_id=row.id, device_id=ground.device, number=next(_numbers), body=b"{}", sha256=row.id.hex)
            )  # fmt: skip
        case _:
            return
    if row.more["status"] != "receipted":
        status = update(PackageIntake).where(PackageIntake.package_id == row.id)
        await session.execute(status.values(status=row.more["status"]))
    await ground.tell(session, kind, row.id, row)


WRITERS: Mapping[SyncCollection, Writers] = {
    SyncCollection.ENTERPRISES: Writers(
        register,
        (_moved(Enterprise, "enterprise"), _named(Enterprise, "enterprise")),
        _switched(Enterprise, "enterprise"),
    ),
    SyncCollection.SITES: Writers(
        open_site,
        (_moved(Site, "site"), _named(Site, "site"), let_site, install_unit),
        _switched(Site, "site"),
    ),
    SyncCollection.HAZARDS: Writers(
        find_hazard,
        (order_rectification, _examined("photo"), report_rectified, _examined("desk_photo")),
        close_hazard,
    ),
    SyncCollection.CHECKLISTS: Writers(draft_checklist, (carry_checklist_on,)),
    SyncCollection.ROSTERS: Writers(hire, (_named(User, "user"), transfer, certify), _switched(User, "user")),
    SyncCollection.BRIGADES: Writers(
        form_brigade, (_named(Brigade, "brigade"),), _switched(Brigade, "brigade")
    ),
    SyncCollection.PACKAGES: Writers(take_package, (carry_package_on,)),
    SyncCollection.ASSIGNMENTS: Writers(assign, (_turned("visited"),), _turned("cancelled")),
}
