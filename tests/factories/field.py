"""What a field test needs: a site, a published checklist, an assignment-free visit, and phones that seal and send."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device, Photo, SealedPackage, sha256_of
from app.core.clock import SHANGHAI, shanghai_today, utc_now
from app.core.ids import new_id
from app.models.checklists import Template, TemplateVersion
from app.models.enterprises import Enterprise, Site
from app.models.identity import Device as DeviceRow
from app.services.checklists.content import content_hash, shipped_bodies
from app.services.identity.signatures import thumbprint_of
from tests.factories.world import World

SHOWN_TEXT = sha256_of("现场检查记录：以上内容属实。".encode())


@cache
def shipped() -> dict[str, tuple[dict[str, Any], str]]:
    """The shipped checklists by code with their hashes, read once: hundreds of tests publish one."""
    return {code: (body, content_hash(body)) for code, body in shipped_bodies().items()}


class Field:
    """One site under inspection in a test's own city."""

    def __init__(
        self,
        world: World,
        *,
        region: UUID | None = None,
        trades: list[str] | None = None,
        position: tuple[int, int] | None = None,
    ) -> None:
        """`position`: of the site, in microdegrees of WGS-84, latitude first."""
        self.world = world
        self.region = region or world.town
        self.enterprise_id, self.site_id = new_id(), new_id()
        self.visit_id = new_id()
        self._trades = ["industry_trade"] if trades is None else trades
        self._position = position
        world.in_database(self._build)

    async def _build(self, session: AsyncSession) -> None:
        session.add(
            Enterprise(
                id=self.enterprise_id, substitute_mark=f"M{self.enterprise_id.hex}", name="安市东风涂装有限公司",
                region_id=self.region, regulated_trades=self._trades, trade_code="C36",
            )
        )  # fmt: skip
        await session.flush()
        latitude, longitude = self._position or (None, None)
        session.add(
            Site(
                id=self.site_id, enterprise_id=self.enterprise_id, region_id=self.region, name="一号厂区",
                latitude=latitude, longitude=longitude, declared_datum="wgs84" if self._position else None,
            )
        )  # fmt: skip

    def publish(self, code: str) -> dict[str, Any]:
        """The shipped checklist of that code, published; returns the reference a phone puts into its envelope."""
        body, digest = shipped()[code]

        async def make(session: AsyncSession) -> int:
            same = (TemplateVersion.content_hash == digest) & (TemplateVersion.status != "draft")
            known = await session.scalar(select(TemplateVersion).where(same))
            if known is not None:
                return known.number
            template = await session.scalar(select(Template).where(Template.code == code))
            if template is None:
                template = Template(id=new_id(), code=code)
                session.add(template)
                await session.flush()
            numbers = select(func.coalesce(func.max(TemplateVersion.number), 0) + 1)
            number = await session.scalar(numbers.where(TemplateVersion.template_id == template.id))
            session.add(
                TemplateVersion(
                    template_id=template.id, number=number, status="published", origin="shipped",
                    title_zh=body["title"]["zh"], title_en=body["title"]["en"],
                    in_force_from=shanghai_today(), body=body, content_hash=digest, published_at=utc_now(),
                )
            )  # fmt: skip
            return int(number or 1)

        return {"code": code, "version": self.world.in_database(make), "hash": digest}

    def version_id(self, code: str) -> UUID:
        """The id of that published version."""
        digest = self.publish(code)["hash"]

        async def find(session: AsyncSession) -> UUID:
            same = (TemplateVersion.content_hash == digest) & (TemplateVersion.status == "published")
            found = select(TemplateVersion.id).where(same)
            return (await session.execute(found)).scalar_one()

        identifier = self.world.in_database(find)
        assert isinstance(identifier, UUID)
        return identifier

    def phone(self, user_id: UUID, name: str = "phone") -> Device:
        """An enrolled, confirmed phone of a user, logged in."""
        phone = Device(self.world.client, name)  # type: ignore[arg-type]  the test client speaks the same language
        phone.device_id, phone.user_id = new_id(), user_id
        phone.key_id = thumbprint_of(phone.public_jwk)

        async def make(session: AsyncSession) -> None:
            session.add(
                DeviceRow(
                    id=phone.device_id, user_id=user_id, name=name, platform="android", algorithm="Ed25519",
                    public_key=phone.public_jwk, key_id=phone.key_id, status="active",
                )
            )  # fmt: skip

        self.world.in_database(make)
        phone.access_token = self.world.logged_in(user_id, phone.device_id).token
        return phone

    def document(self, template: dict[str, Any], officers: list[UUID], **changes: Any) -> dict[str, Any]:
        """The package document of a visit today; `changes` replace members."""
        now = utc_now().astimezone(SHANGHAI).isoformat()
        return {
            "kind": "inspection",
            "visit_id": str(self.visit_id),
            "assignment_id": None,
            "supersedes": None,
            "authority_id": str(self.world.authority),
            "enterprise_id": str(self.enterprise_id),
            "site_id": str(self.site_id),
            "officers": [str(officer) for officer in officers],
            "legal_date": shanghai_today().isoformat(),
            "template": template,
            "times": {"started_at": now, "sealed_at": now},
            "position": {"latitude": 30_000_000, "longitude": 120_000_000, "datum": "gcj02", "accuracy_m": 8},
            "answers": {},
            "party": {"outcome": "signed", "name": "李工", "text_hash": SHOWN_TEXT},
            **changes,
        }


def photo(content: bytes = b"\xff\xd8\xff\xe0 not much of a photo", question: str | None = None) -> Photo:
    """A file with bytes of its own."""
    return Photo(content + new_id().bytes, question)


__all__ = ["SHOWN_TEXT", "Device", "Field", "Photo", "SealedPackage", "photo"]
