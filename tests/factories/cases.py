"""What a case test needs: hazards of a visit, officers, a person in charge, and good requests."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.hazards import Hazard
from tests.factories.field import Field
from tests.factories.world import Person, World

PATH = "/api/v1/cases"


class Docket:
    """A site with hazards in the registry, two certified case officers of its town and a person in charge."""

    def __init__(self, world: World, *, region: UUID | None = None) -> None:
        self.world = world
        self.region = region or world.town
        self.field = Field(world, region=self.region)
        self.officers = [self.officer() for _ in range(2)]
        self.chief = world.person("approver", region=self.region)

    def officer(self, **more: Any) -> Person:
        """A case officer with a certificate."""
        return self.world.person("case_officer", region=self.region, **{"certificate": True, **more})

    def hazard(self, *, found_on: date | None = None, field: Field | None = None) -> UUID:
        """One hazard of the registry, found today unless told."""
        place, identifier = field or self.field, new_id()

        async def make(session: AsyncSession) -> None:
            session.add(
                Hazard(
                    id=identifier, number=f"安应急患〔2026〕{identifier.hex}号", authority_id=self.world.authority,
                    enterprise_id=place.enterprise_id, site_id=place.site_id, region_id=place.region,
                    source="inspection", description="喷涂车间未设警示标志", evidence_ids=[],
                    found_on=found_on or shanghai_today(),
                )
            )  # fmt: skip

        self.world.in_database(make)
        return identifier

    def request(self, *hazards: UUID, **changes: Any) -> dict[str, Any]:
        """A good request from these hazards (a new one unless told)."""
        return {
            "hazard_ids": [str(one) for one in hazards or (self.hazard(),)],
            "cause": "未设置明显的安全警示标志案",
            "officer_ids": [str(officer.user_id) for officer in self.officers],
            "persons": [],
            "allegations": [allegation()],
            **changes,
        }

    def open(self, *hazards: UUID, **changes: Any) -> dict[str, Any]:
        """An opened case, as answered."""
        answer = self.officers[0].post(PATH, json=self.request(*hazards, **changes))
        assert answer.status_code == 201, answer.text
        opened: dict[str, Any] = answer.json()
        return opened

    def proposed(self, *hazards: UUID, **changes: Any) -> dict[str, Any]:
        """A case whose filing is proposed."""
        proposed: dict[str, Any] = step(
            self.officers[0], self.open(*hazards, **changes), "propose-filing"
        ).json()
        return proposed


def allegation(**changes: Any) -> dict[str, Any]:
    """Against the entity: no warning signs."""
    return {
        "violated": {"document": "AQF", "article": "35"},
        "penalty_code": "AQF-99-1",
        "text": "该单位喷涂车间未设置明显的安全警示标志。",
        **changes,
    }


def person(**changes: Any) -> dict[str, Any]:
    """The principal, with a number that passes its check."""
    return {
        "label": "principal",
        "capacity": "principal",
        "name": "李东风",
        "id_kind": "resident_id",
        "id_number": "11010519491231002X",
        "address": "安市东区东镇一路1号",
        "post": "总经理",
        **changes,
    }


def step(who: Person, case: dict[str, Any], name: str, **body: Any) -> Any:
    """Take one step of the procedure on the version the caller has."""
    return who.post(f"{PATH}/{case['id']}/{name}", version=case["version"], json=body)
