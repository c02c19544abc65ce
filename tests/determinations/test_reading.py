"""Reasons a person can follow, and reading that asks little of the database."""

from typing import Any

import pytest

from app.services.determinations.content import rulesets
from app.services.runtime import Runtime
from tests.determinations.making import NO, NO_ALARM, PATH, Visit, answers
from tests.factories.world import World
from tests.support.queries import recorded_queries

MANY = {**NO_ALARM, **{f"RTO-{n:02}": NO for n in (1, 2, 3, 4, 5)}}


def test_an_explanation_names_clause_conditions_values_and_sources(world: World) -> None:
    visit = Visit(world, "machinery")
    package_id = visit.submit("rto", answers("rto", NO_ALARM))
    (verdict,) = visit.verdicts("suspected_major")
    why = verdict["explanation"]
    assert (why["ruleset"], why["version"], why["trades"], why["scope"], why["predicate"]) == (
        "MEM10", "2023", ["machinery"], True, True,
    )  # fmt: skip
    assert (why["clause"]["id"], why["clause"]["article"], why["clause"]["paragraph"]) == ("MEM10-7-5", 7, 5)
    assert why["clause"]["penalties"][0]["title"]["en"] == "Work Safety Law (2021)"
    alarm = next(one for one in why["conditions"] if one["text"] == "main_pressure_alarm")
    assert (alarm["holds"], alarm["facts"][0]["value"]) == (False, False)
    assert alarm["facts"][0]["sources"] == [f"package:{package_id}/RTO-10.3"]
    assert alarm["words"]["zh"].endswith("：否")
    assert alarm["words"]["en"].endswith(": no")
    assert why["summary"]["zh"].startswith("疑似重大")
    for text in (why["clause"]["text"], *(one["words"] for one in why["conditions"])):
        assert text["zh"]
        assert text["en"]


def test_every_clause_has_its_words_and_a_question_for_each_of_its_facts(world: World) -> None:
    clauses = world.person("inspector").get(f"{PATH}/clauses", params={"on": "2026-11-24"}).json()
    assert len(clauses) == 64
    held = rulesets()[0].clauses
    for clause in clauses:
        assert {one["key"] for one in clause["questions"]} == set(held[clause["id"]].keys)
        assert all(one["text"]["zh"] and one["text"]["en"] for one in clause["questions"])
    assert world.person("inspector").get(f"{PATH}/clauses", params={"on": "2023-05-14"}).json() == []


def test_phones_have_the_same_clauses_and_the_visit(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    shown = visit.phone.request("GET", f"/determinations/visits/{visit.field.visit_id}")
    assert shown.json() == visit.determination()
    assert len(visit.phone.request("GET", "/determinations/clauses").json()) == 64


def test_the_standards_of_the_date_are_named_whether_judged_or_not(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto"))
    standards = {one["code"]: one for one in visit.determination()["standards"]}
    assert standards["MEM10"]["is_judged"] is True
    assert (standards["AQ3067"]["is_judged"], standards["AQ3067"]["to_be_confirmed"]) == (False, True)
    assert "AJZG3-2017-121" not in standards


@pytest.mark.parametrize("path", [PATH, PATH + "/visits/{visit}", PATH + "/{verdict}"])
def test_reading_sends_a_bounded_number_of_queries(world: World, runtime: Runtime, path: str) -> None:
    few, many = Visit(world, "machinery"), Visit(world, "machinery")
    few.submit("rto", answers("rto", NO_ALARM))
    many.submit("rto", answers("rto", MANY))
    many.submit("rto", answers("rto", MANY))
    counts = []
    for visit in (few, many):
        verdict = visit.verdicts("suspected_major")[0]
        place = path.format(visit=visit.field.visit_id, verdict=verdict["id"])
        with recorded_queries(runtime.database) as sent:
            assert visit.reader.get(place).status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 5


def test_answers_no_limit_judges_are_listed_for_a_person(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto"))

    def paths() -> list[Any]:
        return list(visit.determination()["for_a_person"])

    assert paths() == visit.determination()["sheets"][0]["for_a_person"]
