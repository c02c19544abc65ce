"""From a deadline that passes to the placard at the gate and the case, and to the placard's end: each act by whoever may do it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.enterprises import EnterpriseContact
from tests.hazards.test_placards import DOORS, PLACARDS
from tests.hazards.test_proposals import HAZARDS, Scene
from tests.hazards.test_proposals import overdue as overdue
from tests.hazards.test_proposals import scene as scene


def contact_of(scene: Scene) -> UUID:
    contact, enterprise = new_id(), UUID(scene.shown()["enterprise_id"])

    async def add(session: AsyncSession) -> None:
        session.add(
            EnterpriseContact(id=contact, enterprise_id=enterprise, name="赵小四", phone="13800138000")
        )

    scene.world.in_database(add)
    return contact


def test_from_overdue_to_placard_and_case_and_to_the_placard_s_removal(overdue: Scene) -> None:
    overdue.major()
    overdue.propose()
    assert {one["kind"]: one["status"] for one in overdue.listed()} == {
        "open_case": "open", "placard_warning": "open", "onsite_measure": "open",
    }  # fmt: skip
    officer, chief, version = overdue.officers[0], overdue.chief, overdue.shown()["version"]

    body = {
        "kind": "placard_warning", "days": 30, "requirement": "停用并按方案治理", "text_zh": "该单位存在逾期未整改的重大事故隐患。",
        "text_en": "A major hazard was not removed here in time.", "contact_id": str(contact_of(overdue)),
        "supervisor_id": str(officer.user_id),
    }  # fmt: skip
    placard = officer.post(f"{HAZARDS}/{overdue.hazard}/placards", json=body, version=version).json()
    path = f"{PLACARDS}/{placard['id']}"
    decided = chief.post(f"{path}/{DOORS['decide']}", json={"reason": "情况属实"}, version=placard["version"])
    assert decided.status_code == 200, decided.text
    public = chief.get(path).json()["public_url"]
    public = public[public.index("/public") :]
    assert decided.json()["number"] in overdue.world.client.get(public).text

    request = overdue.docket.request(
        overdue.hazard, officer_ids=[str(one.user_id) for one in overdue.officers]
    )
    case = officer.post("/api/v1/cases", json=request)
    assert case.status_code == 201, case.text
    assert {one["kind"]: (one["status"], one["object_id"]) for one in overdue.listed()} == {
        "open_case": ("taken_up", case.json()["id"]),
        "placard_warning": ("taken_up", placard["id"]),
        "onsite_measure": ("open", None),
    }

    removal = {"json": {"reason": "复查合格"}, "version": decided.json()["version"]}
    assert chief.post(f"{path}/{DOORS['remove']}", **removal).status_code == 409
    overdue.put(overdue.hazard, status="reinspected")
    assert chief.post(f"{path}/{DOORS['remove']}", **removal).json()["status"] == "removed"
    assert overdue.world.client.get(public).status_code == 410
