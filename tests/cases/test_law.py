"""The law a case cites: what is carried agrees with the facts, and what was not in force is refused with its successor."""

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.enums.cases import Capacity, PartyKind, Stage
from app.services.cases.content import Liability, documents, penalties
from tests.factories.cases import PATH, Docket, allegation, person

FIRST, OVERDUE = Stage.FIRST, Stage.OVERDUE


def test_every_liability_article_is_carried_with_its_amounts(shared_folder: Path) -> None:
    facts = yaml.safe_load((shared_folder / "law" / "penalties.yaml").read_text("utf-8"))
    assert len(facts["work_safety_law"]) == 45
    for fact in facts["work_safety_law"]:
        carried = penalties()[fact["id"]]
        for name, stage in (("stage1", FIRST), ("stage2_overdue", OVERDUE)):
            if name in fact:
                _same_amounts(carried.stages[stage], fact[name], "entity_fine_yuan", "person_fine_yuan")
        if fact["double_penalty_stage1"]:
            assert carried.stages[FIRST].persons
            assert carried.stages[FIRST].reaches_entity
    for fact in facts["ling13_confined_space"]:
        for item in range(1, len(fact.get("clauses", ())) + 1):
            carried = penalties()[f"{fact['id']}-{item}"]
            assert carried.to_be_confirmed == ("unverified" in fact["source"])
            for name, stage in (("stage1", FIRST), ("stage2", OVERDUE)):
                if name in fact:
                    _same_amounts(carried.stages[stage], fact[name], "entity", "person")


def _same_amounts(carried: Liability, fact: dict[str, Any], entity: str, person_key: str) -> None:
    for amounts, name in ((carried.entity_fen, entity), (carried.person_fen, person_key)):
        wanted = tuple(yuan * 100 for yuan in fact[name]) if name in fact else None
        assert amounts == wanted


@pytest.mark.parametrize("article", ["97-1", "97-7", "99-1", "99-8", "101-1", "101-5", "102"])
def test_no_individual_answers_to_these_articles_at_the_first_finding(article: str) -> None:
    penalty = penalties()[f"AQF-{article}"]
    for capacity in Capacity:
        assert not penalty.reaches(FIRST, PartyKind.PERSON, capacity)
    assert penalty.reaches(FIRST, PartyKind.ENTITY, None)
    assert penalty.reaches(OVERDUE, PartyKind.PERSON, Capacity.MANAGER_RESPONSIBLE)


def test_a_principal_is_not_as_such_the_manager_directly_responsible() -> None:
    assert not penalties()["AQF-105-2"].reaches(FIRST, PartyKind.PERSON, Capacity.PRINCIPAL)
    assert penalties()["AQF-94"].reaches(FIRST, PartyKind.PERSON, Capacity.PRINCIPAL)
    assert not penalties()["AQF-94"].reaches(FIRST, PartyKind.ENTITY, None)


def test_versions_of_a_document_do_not_overlap() -> None:
    for code in {one.code for one in documents()}:
        versions = [one for one in documents() if one.code == code and one.in_force_from]
        ordered = sorted(versions, key=lambda one: one.in_force_from or date.min)
        for earlier, later in pairwise(ordered):
            assert (earlier.in_force_until or date.max) < (later.in_force_from or date.min)


@pytest.mark.parametrize(
    ("code", "facts_on", "successor"),
    [
        ("AQF-99-1", "2021-08-31", "—"), ("AQF-99-1", "2021-09-01", None), ("AQF-99-1", "2021-09-02", None),
        ("LING13-21-3", "2023-12-31", "—"), ("LING13-21-3", "2024-01-01", None),
        ("O59-29", "2023-12-30", None), ("O59-29", "2023-12-31", None),
        ("O59-29", "2024-01-01", "LING13-19 / LING13-20 / LING13-21"),
        ("HC591-77", "2026-04-30", None), ("HC591-77", "2026-05-01", "HCL 100（待核）"),
    ],
)  # fmt: skip
def test_an_article_is_judged_by_the_date_of_the_facts(
    docket: Docket, code: str, facts_on: str, successor: str | None
) -> None:
    said = allegation(
        penalty_code=code, facts_on=facts_on, violated={"title": "安全操作规程", "article": "3"}
    )
    answer = docket.officers[0].post(PATH, json=docket.request(allegations=[said]))
    if successor is None:
        assert answer.status_code == 201, answer.text
    else:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "article_not_in_force")
        assert (problem["article"], problem["successor"]) == (code, successor)


def test_a_violated_article_is_cited_in_the_version_of_the_facts(docket: Docket) -> None:
    old = allegation(
        penalty_code="O59-29", facts_on="2022-03-01", violated={"document": "O59", "article": "14"}
    )
    case = docket.open(docket.hazard(), allegations=[old])
    (row,) = docket.chief.get(f"{PATH}/{case['id']}").json()["allegations"]
    assert (row["violated_document"], row["violated_version"], row["to_be_confirmed"]) == (
        "O59", "2013", True,
    )  # fmt: skip
    new = allegation(violated={"document": "O59", "article": "14"})
    answer = docket.officers[0].post(PATH, json=docket.request(allegations=[new]))
    assert (answer.json()["code"], answer.json()["successor"]) == ("article_not_in_force", "O13 2023")


def test_what_rests_on_a_confirmed_version_is_not_marked(docket: Docket) -> None:
    case = docket.open()
    (row,) = docket.chief.get(f"{PATH}/{case['id']}").json()["allegations"]
    assert (row["to_be_confirmed"], row["violated_version"], row["penalty_article"]) == (
        False, "2021", "99(1)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"penalty_code": "AQF-999"}, "unknown_article"),
        ({"violated": {"document": "NOPE", "article": "1"}}, "unknown_article"),
        ({"violated": {"article": "1"}}, "unknown_article"),
        ({"party": "nobody"}, "unknown_reference"),
        ({"hazard_ids": ["0198c2b0-0000-7000-8000-000000000000"]}, "unknown_reference"),
        ({"facts_on": "2099-01-01"}, "facts_date"),
        ({"penalty_code": "AQF-94"}, "party_not_liable"),
        ({"party": "principal"}, "party_not_liable"),
    ],
)
def test_an_allegation_that_does_not_hold_is_refused(
    docket: Docket, changes: dict[str, Any], code: str
) -> None:
    body = docket.request(allegations=[allegation(**changes)], persons=[person()])
    answer = docket.officers[0].post(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_articles_in_force_on_a_date_can_be_listed(docket: Docket) -> None:
    today = {row["code"]: row for row in docket.officers[0].get(f"{PATH}/penalties").json()}
    assert today["AQF-99-1"]["stages"][0]["entity_fen"] == [0, 5_000_000]
    assert "O59-29" not in today
    earlier = docket.officers[0].get(f"{PATH}/penalties", params={"on": "2022-01-01"}).json()
    assert "O59-29" in {row["code"] for row in earlier}
    assert docket.world.person("inspector").get(f"{PATH}/penalties").status_code == 403
