"""What a campaign test needs: a site with a team, a planner, good requests, and visits that find the same thing again."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.campaigns import Campaign
from app.models.hazards import Hazard
from tests.factories.field import Field
from tests.factories.world import Person, World

PATH = "/api/v1/campaigns"
ASSIGNMENTS = "/api/v1/inspections/assignments"


def in_days(days: int) -> str:
    """The day so many days from today."""
    return (shanghai_today() + timedelta(days=days)).isoformat()


class Planning:
    """A site of the town under inspection, and a supervisor of the city who plans."""

    def __init__(self, world: World, *, region: UUID | None = None) -> None:
        self.world = world
        self.field = Field(world, region=region)
        self.officers = [world.person("inspector", region=world.town) for _ in range(2)]
        self.planner = world.person("supervisor")

    def content(self, **changes: Any) -> dict[str, Any]:
        """What can be changed of a campaign, a month around today."""
        return {
            "name_zh": "涂装企业粉尘治理专项行动",
            "name_en": "Dust in paint shops",
            "starts_on": in_days(-10),
            "ends_on": in_days(20),
            "purpose": "排查涂装企业粉尘涉爆隐患",
            **changes,
        }

    def request(self, **changes: Any) -> dict[str, Any]:
        """A good request for a campaign in the district."""
        fixed = {"authority_id": str(self.world.authority), "region_id": str(self.world.district)}
        return {**self.content(), **fixed, **changes}

    def plan(self, **changes: Any) -> dict[str, Any]:
        """A campaign, as answered."""
        answer = self.planner.post(PATH, json=self.request(**changes))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def assignment(self, **changes: Any) -> dict[str, Any]:
        """A good request for an assignment from today for a week."""
        return {
            "site_id": str(self.field.site_id),
            "authority_id": str(self.world.authority),
            "planned_from": in_days(0),
            "planned_until": in_days(7),
            "officers": [str(officer.user_id) for officer in self.officers],
            "template_version_ids": [str(self.field.version_id("rto"))],
            **changes,
        }

    def assign(self, **changes: Any) -> str:
        """An assignment from today for a week."""
        answer = self.planner.post(ASSIGNMENTS, json=self.assignment(**changes))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def cancel(self, assignment: str) -> None:
        """The assignment is not to be visited after all."""
        path = f"{ASSIGNMENTS}/{assignment}/cancellation"
        assert self.planner.post(path, version=1, json={"reason": "停产"}).status_code == 200

    def add(self, campaign: dict[str, Any], *assignments: str, by: Person | None = None) -> Any:
        """Put assignments into the campaign."""
        path = f"{PATH}/{campaign['id']}/assignments"
        return (by or self.planner).post(path, json={"assignment_ids": assignments})

    def remove(self, campaign: dict[str, Any], *assignments: str, by: Person | None = None) -> Any:
        """Take assignments out of the campaign."""
        path = f"{PATH}/{campaign['id']}/assignments/removal"
        return (by or self.planner).post(path, json={"assignment_ids": assignments})

    def visit(self, assignment: str | None, *items: str) -> list[UUID]:
        """A visit on which these items fail; the hazards it registered."""
        self.field.visit_id = new_id()
        ids = [officer.user_id for officer in self.officers]
        phone = self.field.phone(ids[0])
        answers = {item: {"value": "no"} for item in items}
        document = self.field.document(
            self.field.publish("rto"), ids, assignment_id=assignment, answers=answers
        )
        assert phone.put_package(phone.seal(document, [])).status_code == 201
        rows = self.officers[0].get("/api/v1/hazards", params={"site_id": str(self.field.site_id)}).json()
        found = [UUID(row["id"]) for row in rows["items"] if row["visit_id"] == str(self.field.visit_id)]
        assert len(found) == len(items)
        return found

    def close(self, hazard: UUID, closed_on: date) -> None:
        """The hazard was closed on a day."""

        async def shut(session: AsyncSession) -> None:
            closed = update(Hazard).where(Hazard.id == hazard)
            await session.execute(closed.values(status="closed", closed_on=closed_on))

        self.world.in_database(shut)

    def move(self, campaign: dict[str, Any], starts_on: str, ends_on: str) -> None:
        """The campaign as it is when time has passed: its period lies elsewhere, as seen from today."""
        period = {"starts_on": date.fromisoformat(starts_on), "ends_on": date.fromisoformat(ends_on)}

        async def shift(session: AsyncSession) -> None:
            await session.execute(
                update(Campaign).where(Campaign.id == UUID(campaign["id"])).values(**period)
            )

        self.world.in_database(shift)
