"""Reasons a person can follow, and reading that asks little of the database."""

import pytest

from app.services.determinations.content import shipped_rulesets
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
    held = shipped_rulesets()[0].clauses
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
    """How many exits a room of unknown kind needs, no limit says: neither a finding nor a pass."""
    visit = Visit(world, "machinery")
    visit.submit("evacuation", answers("evacuation", without=("EV-08.1", "EV-08.2")))
    shown = visit.determination()
    assert shown["for_a_person"] == shown["sheets"][0]["for_a_person"] == ["EV-06"]
    assert shown["verdicts"] == []


def test_a_hazard_of_the_whole_site_opens_the_clauses_about_it_with_what_to_ask(world: World) -> None:
    visit = Visit(world, "light_industry")
    dust = {"EV-08.2": {"value": "yes"}}
    visit.submit("evacuation", answers("evacuation", dust, without=("EV-08.1",)))
    verdicts = visit.verdicts("undetermined")
    assert {one["clause_id"] for one in verdicts} == {f"MEM10-11-{n}" for n in range(1, 11)}
    for one in verdicts:
        assert (one["subject_kind"], one["subject_id"]) == ("site", str(visit.field.site_id))
        assert set(one["missing"]) <= {question["key"] for question in one["questions"]}
        assert one["missing"]
        assert one["explanation"]["summary"]["zh"].startswith("待查明：")


def test_every_verdict_of_every_checklist_reads_in_both_languages(world: World) -> None:
    visit = Visit(world, "machinery", "nonferrous", "light_industry", "building_materials")
    for code in ("rto", "confined-space", "hot-work", "evacuation", "outsourced-work"):
        good = answers(code)
        bad = {path: NO for path, answer in good.items() if answer == {"value": "yes"}}
        visit.submit(code, {**good, **bad})
    shown = visit.determination()
    explained = [one["explanation"] for one in (*shown["verdicts"], *shown["not_matched"])]
    assert len({one["clause"]["id"] for one in explained if one["clause"]}) > 5
    for why in explained:
        for condition in why["conditions"]:
            for language in ("zh", "en"):
                assert condition["words"][language]
                assert not any(
                    fact["key"].rpartition(".")[2] in condition["words"]["zh"] for fact in condition["facts"]
                )
        assert why["summary"]["zh"]
        assert why["summary"]["en"]
