"""Parties: entity and persons apart, as they were at the opening, persons masked until a reason is given."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.enterprises import Enterprise, Site
from app.models.history import AuditEntry
from tests.factories.cases import PATH, Docket, allegation, person

DUAL = [
    allegation(penalty_code="AQF-99-1"),
    allegation(party="principal", penalty_code="AQF-94", violated={"document": "AQF", "article": "21(5)"}),
]
"""One case, two punished: the entity by 99, its principal in his own right by 94."""


def opened(docket: Docket, **changes: Any) -> dict[str, Any]:
    case = docket.open(docket.hazard(), **{"persons": [person()], "allegations": DUAL, **changes})
    detail: dict[str, Any] = docket.officers[0].get(f"{PATH}/{case['id']}").json()
    return detail


def party_of(detail: dict[str, Any], label: str) -> dict[str, Any]:
    return next(row for row in detail["parties"] if row["label"] == label)


def test_entity_and_person_are_parties_of_their_own_each_with_its_allegation(docket: Docket) -> None:
    detail = opened(docket)
    by_party = {row["party_id"]: row["penalty_code"] for row in detail["allegations"]}
    assert by_party == {
        party_of(detail, "entity")["id"]: "AQF-99-1",
        party_of(detail, "principal")["id"]: "AQF-94",
    }


def test_a_person_is_shown_masked_and_an_entity_is_not(docket: Docket) -> None:
    detail = opened(docket)
    principal = party_of(detail, "principal")
    assert (principal["name"], principal["id_number"], principal["address"]) == (
        "李*", "110105********002X", "***",
    )  # fmt: skip
    assert party_of(detail, "entity")["name"] == "安市东风涂装有限公司"


def test_unmasking_needs_permission_and_a_reason_and_leaves_an_audit_row(docket: Docket) -> None:
    detail = opened(docket)
    path = f"{PATH}/{detail['id']}/parties/{party_of(detail, 'principal')['id']}/unmasking"
    reason = {"reason": "制作询问通知书"}
    assert docket.world.person("supervisor").post(path, json=reason).status_code == 403
    assert docket.world.person("auditor").post(path, json=reason).status_code == 403
    abroad = docket.world.person("case_officer", region=docket.world.other_town)
    assert abroad.post(path, json=reason).status_code == 404
    assert docket.officers[0].post(path, json={"reason": "  "}).status_code == 422
    full = docket.officers[0].post(path, json=reason).json()
    assert (full["name"], full["id_number"]) == ("李东风", "11010519491231002X")

    async def looks(session: AsyncSession) -> list[Any]:
        wanted = select(AuditEntry.user_id, AuditEntry.detail).where(
            AuditEntry.action == "cases:unmask", AuditEntry.object_id == UUID(full["id"])
        )
        return list(await session.execute(wanted))

    ((user, said),) = docket.world.in_database(looks)
    assert user == docket.officers[0].user_id
    assert said["reason"] == reason["reason"]
    assert "李东风" not in str(said)


def test_what_changes_later_changes_no_case(docket: Docket) -> None:
    before = opened(docket)

    async def rename(session: AsyncSession) -> None:
        await session.execute(
            update(Enterprise)
            .where(Enterprise.id == docket.field.enterprise_id)
            .values(name="改名后的公司", address="别处")
        )
        await session.execute(
            update(Site).where(Site.id == docket.field.site_id).values(name="改名后的厂区", address="别处")
        )

    docket.world.in_database(rename)
    after = docket.officers[0].get(f"{PATH}/{before['id']}").json()
    for part in ("parties", "hazards", "enterprise_name"):
        assert after[part] == before[part]
    fresh = opened(docket)
    assert (fresh["enterprise_name"], fresh["hazards"][0]["site_name"]) == ("改名后的公司", "改名后的厂区")


@pytest.mark.parametrize(
    "changes",
    [{"id_number": "110105194912310021"}, {"id_number": "11010519491331002X"}, {"id_number": "X"}],
)
def test_a_resident_number_that_fails_its_check_is_refused(docket: Docket, changes: dict[str, Any]) -> None:
    body = docket.request(persons=[person(**changes)], allegations=DUAL)
    answer = docket.officers[0].post(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_resident_id")


def test_a_label_names_one_party(docket: Docket) -> None:
    for label in ("principal", "entity"):
        twice = docket.request(persons=[person(), person(label=label)], allegations=DUAL)
        assert docket.officers[0].post(PATH, json=twice).json()["reference"] == label


def revise(docket: Docket, detail: dict[str, Any], **body: Any) -> Any:
    return docket.officers[0].patch(f"{PATH}/{detail['id']}", version=detail["version"], json=body)


def test_a_revision_keeps_what_it_does_not_name(docket: Docket) -> None:
    detail = opened(docket)
    again = person(post="董事长")
    del again["id_number"]
    revised = revise(docket, detail, persons=[again]).json()
    assert party_of(revised, "principal")["id_number"] == "110105********002X"
    assert party_of(revised, "principal")["post"] == "董事长"
    assert [row["penalty_code"] for row in revised["allegations"]] == ["AQF-99-1", "AQF-94"]
    assert party_of(revised, "entity") == party_of(detail, "entity")
    removed = revise(docket, revised, persons=[person(id_number=None)]).json()
    assert party_of(removed, "principal")["id_number"] is None


def test_a_masked_value_cannot_come_back_and_replace_the_stored_one(docket: Docket) -> None:
    detail = opened(docket)
    assert revise(docket, detail, persons=[person(name="李*")]).status_code == 422
    assert revise(docket, detail, persons=[person(id_number="110105********002X")]).status_code == 422


def test_a_person_who_is_accused_cannot_be_left_out(docket: Docket) -> None:
    detail = opened(docket)
    answer = revise(docket, detail, persons=[])
    assert (answer.status_code, answer.json()["reference"]) == (422, "principal")
    revised = revise(docket, detail, persons=[], allegations=[allegation()])
    assert [row["label"] for row in revised.json()["parties"]] == ["entity"]


def test_a_revised_allegation_takes_and_frees_hazards(docket: Docket) -> None:
    hazard = docket.hazard()
    case = docket.open(hazard)
    revised = revise(docket, case, allegations=[allegation(penalty_code="AQF-97-3")])
    assert revised.status_code == 200
    docket.open(hazard)
    back = revise(docket, revised.json(), allegations=[allegation()])
    assert (back.status_code, back.json()["code"]) == (409, "hazard_in_case")


def test_the_history_names_what_was_changed_and_seals_what_was_alleged(docket: Docket) -> None:
    detail = opened(docket)
    first = revise(docket, detail, cause="另一案由").json()
    second = revise(docket, first, allegations=[allegation(text="另一事实")]).json()
    opening, of_cause, of_allegations = second["steps"]
    assert opening["detail"]["accusation"].startswith("sha-256:")
    assert of_cause["detail"] == {"changed": ["cause"]}
    assert of_allegations["detail"]["changed"] == ["allegations"]
    assert of_allegations["detail"]["accusation"] != opening["detail"]["accusation"]
