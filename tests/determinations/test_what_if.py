"""Judging without keeping, asking the fewest questions, routing by trade first, and judging the past again."""

from datetime import date
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.enums.enterprises import RegulatedTrade
from app.models.determinations import FactSheetRecord, VerdictRecord
from app.models.history import AuditEntry
from app.services.checklists.content import parse_checklist, shipped_bodies
from app.services.determinations.content import (
    Standard,
    all_standards,
    shipped_rulesets,
    standards_on,
    topics,
)
from app.services.determinations.coverage import cover
from app.services.determinations.recheck import recheck_visits
from tests.determinations.making import NO, NO_ALARM, PATH, Visit, answers
from tests.determinations.test_verification import step
from tests.factories.checklists import CHECKED_ON
from tests.factories.world import Person, World

BAD_BURNER = {
    "MEM10-7-5.gas_fuel": True,
    "MEM10-7-5.main_pressure_alarm": False,
    "MEM10-7-5.interlock_esd": True,
    "MEM10-7-5.flame_monitor": True,
    "MEM10-7-5.flameout_protection": True,
}


def what_if(who: Person, facts: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {
        "trades": ["machinery"],
        "facts": [{"key": key, "value": value} for key, value in facts.items()],
        **more,
    }
    answer = who.post(f"{PATH}/what-if", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def kinds(judged: dict[str, Any]) -> dict[str, str]:
    return {one["clause_id"]: one["kind"] for one in judged["verdicts"]}


def test_a_what_if_gives_verdicts_with_their_reasons_and_keeps_nothing(world: World) -> None:
    reader = world.person("legal_reviewer")

    async def rows(session: AsyncSession) -> list[int]:
        tables = (FactSheetRecord, VerdictRecord, AuditEntry)
        return [await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]

    before = world.in_database(rows)
    judged = what_if(reader, BAD_BURNER)
    assert kinds(judged) == {"MEM10-7-5": "suspected_major"}
    assert judged["ruleset"] == "MEM10:2023"
    why = judged["verdicts"][0]["explanation"]
    assert why["clause"]["article"] == 7
    assert any(one["text"] == "main_pressure_alarm" and one["holds"] is False for one in why["conditions"])
    assert world.in_database(rows) == before


def test_a_what_if_asks_what_would_settle_it_soonest_first(world: World) -> None:
    known = {key: value for key, value in BAD_BURNER.items() if not key.endswith("main_pressure_alarm")}
    (verdict,) = what_if(world.person("inspector"), known)["verdicts"]
    assert verdict["kind"] == "undetermined"
    alarm = "MEM10-7-5.main_pressure_alarm"
    assert verdict["fewest"]["to_suspect"] == [alarm]
    assert verdict["questions"][0]["key"] == alarm


def test_a_key_of_no_clause_is_named_and_another_trade_is_led_elsewhere(world: World) -> None:
    reader = world.person("inspector")
    judged = what_if(reader, {"nothing.at_all": True} | BAD_BURNER, trades=["chemicals"], on="2026-11-25")
    assert judged["unknown_keys"] == ["nothing.at_all"]
    assert judged["verdicts"] == []
    leads = {one["code"]: (one["route"], one["applies"]) for one in judged["standards"]}
    assert leads["MEM10"] == ("judged", False)
    assert leads["AQ3067"] == ("person", True)
    assert leads["GB35181"] == ("refer", None)
    assert what_if(reader, BAD_BURNER, on="2020-01-01")["ruleset"] is None


@pytest.mark.parametrize("role", ["safety_assistant", "administrator"])
def test_who_may_not_read_determinations_may_not_ask_what_if(world: World, role: str) -> None:
    refused = world.person(role).post(f"{PATH}/what-if", json={"trades": [], "facts": []})
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("on", "chemicals", "fire"),
    [
        ("2025-10-31", "AJZG3-2017-121", "GB35181-2017"),
        ("2025-11-01", "AJZG3-2017-121", "GB35181"),
        ("2026-09-29", "AJZG3-2017-121", "GB35181"),
        ("2026-09-30", "AQ3067", "GB35181"),
    ],
)
def test_a_trade_is_led_to_the_standard_of_its_day(world: World, on: str, chemicals: str, fire: str) -> None:
    rows = world.person("inspector").get(f"{PATH}/standards", params={"trade": "chemicals", "on": on}).json()
    assert [row["code"] for row in rows if row["applies"]] == [chemicals]
    referred = {row["code"]: row["refer_to"]["zh"] for row in rows if row["route"] == "refer"}
    assert referred[fire] == "消防救援机构"
    assert {"GB35181", "GB35181-2017"} - {fire} <= {"GB35181", "GB35181-2017"} - set(referred)
    assert all(row["source"]["zh"] and row["source"]["en"] for row in rows)
    assert {row["to_be_confirmed"] for row in rows if row["code"] != "MEM10"} == {True}


@pytest.mark.parametrize("standard", all_standards(), ids=lambda one: one.code)
def test_every_standard_is_led_to_by_a_trade_of_the_register_or_by_its_matter(standard: Standard) -> None:
    """One that named no trade, or a trade that nobody can enter, would never apply to anybody."""
    if standard.trades is None:
        assert {standard.applies_to([trade]) for trade in RegulatedTrade} == {None}
        return
    assert standard.trades
    assert standard.trades <= set(RegulatedTrade)
    for trade in RegulatedTrade:
        assert standard.applies_to([trade]) is (trade in standard.trades)


@pytest.mark.parametrize("trade", RegulatedTrade)
@pytest.mark.parametrize("day", [CHECKED_ON, date(2026, 9, 29), date(2026, 9, 30)])
def test_every_trade_of_the_register_is_led_to_one_standard_of_the_day(
    trade: RegulatedTrade, day: date
) -> None:
    assert len([one.code for one in standards_on(day) if one.applies_to([trade])]) == 1


def test_a_fireworks_shop_is_judged_by_a_person_by_its_own_standard_and_not_by_order_10(world: World) -> None:
    visit = Visit(world, "fireworks")
    visit.submit("rto", answers("rto", NO_ALARM))
    shown = visit.determination()
    leads = {one["code"]: (one["route"], one["applies"]) for one in shown["standards"]}
    assert (leads["MEM10"], leads["AJZG3-2017-121-FW"]) == (("judged", False), ("person", True))
    assert (shown["not_matched"], shown["sheets"][0]["judged"]) == ([], [])
    verdicts = visit.verdicts()
    assert {one["kind"] for one in verdicts} == {"unmapped"}
    placed = {"clause": "AJZG3-2017-121-FW-1", "reason": "对照烟花爆竹判定标准研判"}
    answer = step(visit.reader, verdicts[0], "mapping", placed)
    assert (answer.status_code, answer.json()["mapped_clause"]) == (200, placed["clause"]), answer.text


def test_the_items_of_a_standard_whose_conditions_are_not_held_are_topics_for_a_person(world: World) -> None:
    reader = world.person("inspector")
    rows = reader.get(f"{PATH}/standards/AQ3067/topics").json()
    assert len(rows) == 53
    assert rows[0] == {
        "clause": "AQ3067-5.1.1",
        "text": {"zh": "负责人考核", "en": "Examination of those in charge"},
    }
    assert len(reader.get(f"{PATH}/standards/AJZG3-2017-121/topics").json()) == 20
    assert reader.get(f"{PATH}/standards/MEM10/topics").status_code == 404


def test_the_topics_are_those_of_the_facts(shared_folder: Any) -> None:
    facts = yaml.safe_load((shared_folder / "law" / "major_hazards.yaml").read_text("utf-8"))
    for code, section in (("AQ3067", "chemical_AQ3067_2026"), ("AJZG3-2017-121", "chemical_2017_121")):
        assert [f"{code}-{one.item}" for one in topics()[code]] == [
            one["id"] for one in facts[section]["items"]
        ]
        assert len(topics()[code]) == facts[section]["count"]


def test_coverage_names_clauses_no_item_feeds_and_items_that_feed_no_clause(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    covered = visit.reader.get(f"{PATH}/coverage").json()
    by_clause = {one["clause_id"]: one for one in covered["clauses"]}
    assert len(by_clause) == 64
    alarm = next(one for one in by_clause["MEM10-7-5"]["facts"] if one["key"].endswith("main_pressure_alarm"))
    assert "rto/RTO-10.3" in alarm["items"]
    assert (by_clause["MEM10-3-3"]["is_fed"], by_clause["MEM10-3-3"]["is_complete"]) == (False, False)
    shipped = cover(shipped_rulesets()[0], [parse_checklist(body) for body in shipped_bodies().values()])
    assert sum(not one.is_fed for one in shipped.clauses) == 45
    stated = {item for one in shipped.clauses for items in one.items_by_fact.values() for item in items}
    assert not stated & set(shipped.idle_items)


def test_a_past_visit_is_judged_the_same_by_the_rules_of_its_day_and_a_difference_is_found(
    world: World,
) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    other = Visit(world, "light_industry")
    other.submit("rto", answers("rto", {"RTO-01": NO}))
    (suspected,) = visit.verdicts("suspected_major")
    own = {str(one.field.visit_id) for one in (visit, other)}
    assert not own & {str(one) for one in world.in_database(recheck_visits).different}

    async def forge(session: AsyncSession) -> None:
        forged = text("UPDATE verdicts SET missing = '{x.y}' WHERE id = :id")
        await session.execute(forged, {"id": suspected["id"]})

    async def mend(session: AsyncSession) -> None:
        await session.execute(
            text("UPDATE verdicts SET missing = '{}' WHERE id = :id"), {"id": suspected["id"]}
        )

    world.in_database(forge)
    found = world.in_database(recheck_visits)
    world.in_database(mend)
    assert own & {str(one) for one in found.different} == {suspected["visit_id"]}
    assert found.visits >= 2
