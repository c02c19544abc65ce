"""A patrol and a whistle go the way of every package, and are never enforcement."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.services.inspections.receipt_format import receipt_verifies
from app.services.runtime import Runtime
from tests.factories.field import SHOWN_TEXT, Field, photo
from tests.factories.patrols import Assistant
from tests.factories.world import World


@pytest.fixture
def assistant(world: World) -> Assistant:
    return Assistant(world)


def kept(world: World, package_id: object) -> int:
    async def count(session: AsyncSession) -> int:
        found = text("SELECT count(*) FROM package_intakes WHERE package_id = :id")
        return int((await session.execute(found, {"id": package_id})).scalar_one())

    return int(world.in_database(count))


def test_a_patrol_with_a_photo_earns_a_receipt_that_verifies_offline(
    assistant: Assistant, runtime: Runtime
) -> None:
    picture = photo(question="exit")
    phone = assistant.phone
    package = phone.seal(assistant.patrol_document(), [picture])
    answer = phone.put_package(package)
    assert (answer.status_code, answer.json()["signable"], answer.json()["issues"]) == (201, False, [])
    assert answer.json()["missing_evidence"] == [str(picture.id)]
    assert phone.put_photo(package, picture).json()["status"] == "verified"
    receipt = phone.receipt(package.id)
    assert receipt is not None
    assert receipt["receipt"]["package"]["hash"] == package.hash
    assert receipt["receipt"]["template"] is None
    assert receipt_verifies(receipt, [key.public_jwk for key in runtime.keys.all("receipts")])
    assert phone.put_package(package).status_code == 200


@pytest.mark.parametrize("kind", ["inspection", "reinspection"])
def test_an_assistants_enforcement_package_is_refused_and_not_kept(assistant: Assistant, kind: str) -> None:
    field, phone = assistant.field, assistant.phone
    document = field.document(field.publish("rto"), [assistant.person.user_id], kind=kind)
    package = phone.seal(document, [])
    answer = phone.put_package(package)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert kept(assistant.world, package.id) == 0


@pytest.mark.parametrize("kind", ["patrol", "whistle"])
def test_an_inspectors_patrol_or_whistle_is_refused(assistant: Assistant, kind: str) -> None:
    inspector = assistant.world.person("inspector", region=assistant.world.town)
    phone = assistant.field.phone(inspector.user_id)
    document = getattr(assistant, f"{kind}_document")()
    assert phone.put_package(phone.seal(document, [])).status_code == 403


def test_one_who_is_both_submits_both(assistant: Assistant) -> None:
    world, field = assistant.world, assistant.field
    both = world.person("inspector", "safety_assistant", region=world.town)
    phone = field.phone(both.user_id)
    inspection = field.document(field.publish("rto"), [both.user_id])
    for document in (inspection, assistant.patrol_document(), assistant.whistle_document()):
        assert phone.put_package(phone.seal(document, [])).status_code == 201


@pytest.mark.parametrize("kind", ["patrol", "whistle"])
def test_an_assistant_never_signs_and_never_counts_as_an_officer(assistant: Assistant, kind: str) -> None:
    document = getattr(assistant, f"{kind}_document")(
        officers=[str(assistant.person.user_id), str(new_id())], assignment_id=str(new_id())
    )
    package = assistant.phone.seal(document, [])
    answer = assistant.phone.put_package(package).json()
    assert answer["signable"] is False
    assert {"officers_not_counted", "assignment_not_counted"} <= {one["code"] for one in answer["issues"]}
    signed = assistant.phone.sign_package(package.id, package.hash, SHOWN_TEXT)
    assert (signed.status_code, signed.json()["code"]) == (403, "forbidden")
    inspector = assistant.world.person("inspector", region=assistant.world.town)
    colleague = assistant.field.phone(inspector.user_id)
    assert colleague.sign_package(package.id, package.hash, SHOWN_TEXT).status_code == 403


def test_a_patrol_does_no_enforcement(assistant: Assistant) -> None:
    """No finding and no hazard from its answers, no assignment closed, no visit among the enforcement visits."""
    world, field = assistant.world, assistant.field
    officers = [world.person("inspector", region=world.town) for _ in range(2)]
    assignment = (
        world.person("supervisor")
        .post(
            "/api/v1/inspections/assignments",
            json={
                "site_id": str(field.site_id),
                "authority_id": str(world.authority),
                "planned_from": "2099-01-01",
                "planned_until": "2099-01-02",
                "officers": [str(officer.user_id) for officer in officers],
                "template_version_ids": [str(field.version_id("rto"))],
                "hazard_ids": [],
            },
        )
        .json()
    )
    document = assistant.patrol_document(
        template=field.publish("rto"),
        answers={"RTO-01": {"value": "no"}},
        assignment_id=assignment["id"],
    )
    assistant.send(document)
    assert officers[0].get("/api/v1/hazards").json()["items"] == []
    path = f"/api/v1/inspections/assignments/{assignment['id']}"
    assert officers[0].get(path).json()["status"] == "assigned"
    visits = "/api/v1/inspections/visits"
    assert officers[0].get(visits).json()["items"] == []
    (visit,) = officers[0].get(visits, params={"kind": "patrol"}).json()["items"]
    assert (visit["id"], visit["assignment_id"]) == (document["visit_id"], None)
    assert officers[0].get(f"{visits}/{visit['id']}").json()["findings"] == []

    async def judged(session: AsyncSession) -> int:
        found = text(
            "SELECT (SELECT count(*) FROM fact_sheets WHERE visit_id = :id) + "
            "(SELECT count(*) FROM verdicts WHERE visit_id = :id)"
        )
        return int((await session.execute(found, {"id": visit["id"]})).scalar_one())

    assert world.in_database(judged) == 0


def test_a_foreign_regions_site_is_not_found_and_nothing_is_kept(world: World) -> None:
    assistant = Assistant(world, Field(world, region=world.other_town))
    package = assistant.phone.seal(assistant.patrol_document(), [])
    assert assistant.phone.put_package(package).status_code == 404
    assert kept(world, package.id) == 0


def test_an_assignment_opens_no_foreign_site_to_an_assistant(world: World) -> None:
    """Squads cross regions by their assignments; assistants have none."""
    assistant = Assistant(world, Field(world, region=world.other_town))
    document = assistant.patrol_document(assignment_id=str(new_id()))
    assert assistant.phone.put_package(assistant.phone.seal(document, [])).status_code == 404


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("patrol", {"patrol": None}, "patrol: model_type"),
        ("whistle", {"whistle": {"what": "", "urgency": "urgent"}}, "whistle/what: string_too_short"),
        ("whistle", {"whistle": {"what": "x", "urgency": "soon"}}, "whistle/urgency: literal_error"),
    ],
)
def test_an_unreadable_record_is_kept_aside(
    assistant: Assistant, kind: str, changes: dict[str, Any], reason: str
) -> None:
    package = assistant.phone.seal(getattr(assistant, f"{kind}_document")(**changes), [])
    answer = assistant.phone.put_package(package)
    assert (answer.status_code, answer.json()["reason"]) == (422, reason)
    assert kept(assistant.world, package.id) == 1


def test_other_bytes_under_the_same_id_are_kept_beside(assistant: Assistant) -> None:
    package = assistant.send(assistant.patrol_document())
    forged = type(package)(package.id, package.sealed.replace("例行".encode(), "专项".encode()), ())
    assert assistant.phone.put_package(forged).status_code == 409


def test_officers_and_assistants_never_share_a_visit(assistant: Assistant) -> None:
    patrol = assistant.patrol_document()
    assistant.send(patrol)
    world, field = assistant.world, assistant.field
    officer = world.person("inspector", region=world.town)
    document = field.document(field.publish("rto"), [officer.user_id], visit_id=patrol["visit_id"])
    phone = field.phone(officer.user_id)
    assert phone.put_package(phone.seal(document, [])).json()["reason"] == "visit_of_another_kind"


def test_a_whistle_before_its_patrol_makes_one_patrol_visit(assistant: Assistant) -> None:
    whistle = assistant.whistle_document()
    assistant.send(whistle)
    officer = assistant.world.person("inspector", region=assistant.world.town)

    def kinds() -> list[str]:
        params = {"kind": ["patrol", "whistle"]}
        return [
            row["kind"] for row in officer.get("/api/v1/inspections/visits", params=params).json()["items"]
        ]

    assert kinds() == ["whistle"]
    assistant.send(assistant.patrol_document(visit_id=whistle["visit_id"]))
    assert kinds() == ["patrol"]


def test_an_assistant_corrects_only_his_own_record_of_the_same_kind(assistant: Assistant) -> None:
    colleague = Assistant(assistant.world, assistant.field)
    first = assistant.send(assistant.patrol_document())
    correction = {"supersedes": {"id": str(first.id), "reason": "写错"}}

    def reason(sender: Assistant, document: dict[str, Any]) -> Any:
        return sender.phone.put_package(sender.phone.seal(document, [])).json().get("reason")

    assert reason(colleague, colleague.patrol_document(**correction)) == "superseded_package_of_another_kind"
    assert reason(assistant, assistant.whistle_document(**correction)) == "superseded_package_of_another_kind"
    assert reason(assistant, assistant.patrol_document(**correction)) is None


def test_a_colleague_in_the_region_reads_a_package_and_a_foreigner_does_not(assistant: Assistant) -> None:
    package = assistant.send(assistant.patrol_document())
    colleague = Assistant(assistant.world, assistant.field)
    assert colleague.phone.request("GET", f"/packages/{package.id}").status_code == 200
    abroad = Assistant(assistant.world, assistant.field, region=assistant.world.other_town)
    assert abroad.phone.request("GET", f"/packages/{package.id}").status_code == 404
