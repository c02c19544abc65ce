"""From a package's answers to fact sheets and verdicts, in the unit of work that processes the package."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.determinations import FactSheetRecord, VerdictRecord
from app.services.runtime import Runtime
from tests.determinations.making import NO, NO_ALARM, NO_CONTRACT_CHECKS, YES, Visit, answers
from tests.factories.world import World
from tests.support.queries import recorded_queries


def stored(visit: Visit) -> tuple[list[FactSheetRecord], list[VerdictRecord]]:
    """The sheets and the verdicts of a visit, oldest first."""

    async def read(session: AsyncSession) -> Any:
        sheets = select(FactSheetRecord).where(FactSheetRecord.visit_id == visit.field.visit_id)
        verdicts = select(VerdictRecord).where(VerdictRecord.visit_id == visit.field.visit_id)
        return (
            list((await session.execute(sheets.order_by(FactSheetRecord.id))).scalars()),
            list((await session.execute(verdicts.order_by(VerdictRecord.id))).scalars()),
        )

    found: tuple[list[FactSheetRecord], list[VerdictRecord]] = visit.world.in_database(read)
    return found


def said(visit: Visit) -> set[tuple[str, str | None]]:
    """(kind, clause or question) of each current verdict."""
    rows = [row for row in stored(visit)[1] if row.is_current]
    return {(row.kind, row.clause_id or (row.source or "").rpartition("/")[2]) for row in rows}


def test_a_package_is_judged_before_its_answer_leaves(world: World) -> None:
    visit = Visit(world, "machinery")
    package_id = visit.submit("rto", answers("rto", NO_ALARM))
    ((sheet,), verdicts) = stored(visit)
    assert (sheet.package_id, sheet.trades, sheet.ruleset) == (package_id, ["machinery"], "MEM10:2023")
    assert ["MEM10-7-5", "unit", str(package_id), "suspected_major"] in sheet.judged
    (suspected,) = [row for row in verdicts if row.kind == "suspected_major"]
    assert (suspected.clause_id, suspected.subject_id, suspected.status) == (
        "MEM10-7-5", str(package_id), "open",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trade", "expected"),
    [
        ("machinery", {("suspected_major", "MEM10-7-5")}),
        ("nonferrous", {("suspected_major", "MEM10-5-12")}),
        ("light_industry", {("unmapped", "RTO-10"), ("unmapped", "RTO-10.3")}),
        ("chemical", {("unmapped", "RTO-10"), ("unmapped", "RTO-10.3")}),
        ("industry_trade", {("undetermined", "MEM10-7-5"), ("undetermined", "MEM10-5-12")}),
    ],
)
def test_the_trade_decides_first_which_clauses_apply(
    world: World, trade: str, expected: set[tuple[str, str]]
) -> None:
    visit = Visit(world, trade)
    visit.submit("rto", answers("rto", NO_ALARM))
    assert said(visit) == expected


def test_an_enterprise_without_a_known_trade_is_asked_for_it_never_taken_for_another(world: World) -> None:
    visit = Visit(world)
    visit.submit("rto", answers("rto", NO_ALARM))
    open_ones = visit.verdicts("undetermined")
    assert {one["clause_id"] for one in open_ones} == {"MEM10-7-5", "MEM10-5-12"}
    for one in open_ones:
        assert one["missing"] == ["enterprise.regulated_trades"]
        assert one["questions"][0]["key"] == "enterprise.regulated_trades"
        assert {"machinery", "other"} <= set(one["questions"][0]["values"])


def test_good_answers_leave_nothing_to_people_whatever_the_trade(world: World) -> None:
    for trades in (["machinery"], ["light_industry", "nonferrous"], []):
        visit = Visit(world, *trades)
        visit.submit("rto", answers("rto"))
        assert visit.verdicts() == []
        assert visit.determination()["not_matched"]


def test_what_nobody_observed_is_not_listed(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("evacuation", answers("evacuation", without=("EV-08.1", "EV-08.2")))
    shown = visit.determination()
    assert (shown["verdicts"], shown["not_matched"]) == ([], [])


def test_a_disabled_device_counts_as_missing(world: World) -> None:
    """Article 14, by the one question that names which device was disabled."""
    visit = Visit(world, "machinery")
    disabled = {"RTO-28": YES, "RTO-28.1": {"value": "flame_monitor"}}
    visit.submit("rto", answers("rto", disabled, without=("RTO-11",)))
    assert ("suspected_major", "MEM10-7-5") in said(visit)


def test_statements_that_contradict_one_another_leave_the_clause_open(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", {"RTO-28": YES, "RTO-28.1": {"value": "flame_monitor"}}))
    (verdict,) = visit.verdicts("undetermined")
    facts = {f["key"]: f for c in verdict["explanation"]["conditions"] for f in c["facts"]}
    assert facts["MEM10-7-5.flame_monitor"]["problem"] == "contradictory"
    assert len(facts["MEM10-7-5.flame_monitor"]["sources"]) == 2


def test_the_facts_of_two_packages_of_a_visit_are_judged_together(world: World) -> None:
    """The enterprise's contractors in one package, its missing checks in the other."""
    visit = Visit(world, "machinery")
    visit.submit("hot-work", answers("hot-work", {"HW-26.1": YES, "HW-26.2": YES}, without=("HW-26.3",)))
    (first,) = visit.verdicts("undetermined")
    assert (first["clause_id"], first["missing"]) == ("MEM10-3-1", ["MEM10-3-1.periodic_inspection_done"])
    visit.submit("outsourced-work", {"RV-05": NO, "RV-05.1": NO})
    (second,) = visit.verdicts("suspected_major")
    assert (second["clause_id"], second["replaces_id"]) == ("MEM10-3-1", first["id"])
    old = next(one for one in visit.determination()["verdicts"] if one["id"] == first["id"])
    assert (old["is_current"], old["kind"], old["missing"]) == (False, "undetermined", first["missing"])
    assert visit.verdicts("undetermined") == []


def test_a_second_package_about_something_else_rewrites_nothing(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    before = visit.verdicts()
    visit.submit("evacuation", answers("evacuation", without=("EV-08.1", "EV-08.2")))
    assert visit.verdicts() == before


def test_two_units_of_one_visit_are_judged_apart(world: World) -> None:
    """One burner lacks the alarm, the other the shut-off's answer: they never add up to one burner."""
    visit = Visit(world, "machinery")
    good = visit.submit("rto", answers("rto"))
    bad = visit.submit("rto", answers("rto", NO_ALARM))
    (verdict,) = visit.verdicts("suspected_major")
    assert verdict["subject_id"] == str(bad)
    quiet = [one for one in visit.determination()["not_matched"] if one["clause_id"] == "MEM10-7-5"]
    assert [one["subject_id"] for one in quiet] == [str(good)]


def test_each_welder_is_judged_alone(world: World) -> None:
    visit = Visit(world, "machinery")

    def welder(name: str, result: str) -> dict[str, Any]:
        lookup = {"value": {"number": "T1", "result": result, "valid_until": "2030-01-01"}}
        return {
            f"workers/{name}/HW-11": lookup,
            f"workers/{name}/HW-11.1": YES,
            f"workers/{name}/HW-11.2": YES,
        }

    section = next(path.partition("/")[0] for path in answers("hot-work") if path.endswith("HW-11"))
    given = {**welder("a", "valid"), **welder("b", "not_found")}
    given = {path.replace("workers", section, 1): value for path, value in given.items()}
    package_id = visit.submit("hot-work", given)
    (verdict,) = visit.verdicts("suspected_major")
    assert (verdict["clause_id"], verdict["subject_kind"], verdict["subject_id"]) == (
        "MEM10-3-2", "worker", f"{package_id}/{section}/b",
    )  # fmt: skip


def test_a_correction_speaks_of_the_same_unit_and_what_was_said_before_stays(world: World) -> None:
    visit = Visit(world, "machinery")
    first = visit.submit("rto", answers("rto", NO_ALARM))
    (before,) = visit.verdicts("suspected_major")
    visit.submit("rto", answers("rto"), supersedes=first)
    (after,) = visit.verdicts()
    assert (after["kind"], after["replaces_id"], after["subject_id"]) == (
        "not_matched", before["id"], before["subject_id"],
    )  # fmt: skip
    shown = visit.determination()
    assert [sheet["is_superseded"] for sheet in shown["sheets"]] == [True, False]
    old = next(one for one in shown["verdicts"] if one["id"] == before["id"])
    assert {**old, "is_current": True, "version": 1} == before


def test_a_correction_that_moves_to_another_visit_takes_its_words_along(world: World) -> None:
    visit = Visit(world, "machinery")
    first = visit.submit("rto", answers("rto", NO_ALARM))
    visit.submit("outsourced-work", answers("outsourced-work", NO_CONTRACT_CHECKS))
    old_visit = visit.field.visit_id
    visit.another()
    visit.submit("rto", answers("rto", NO_ALARM), supersedes=first)
    assert [one["clause_id"] for one in visit.verdicts("suspected_major")] == ["MEM10-7-5"]
    visit.field.visit_id = old_visit
    assert [one["clause_id"] for one in visit.verdicts("suspected_major")] == ["MEM10-3-1"]
    assert said(visit) & {("suspected_major", "MEM10-7-5")} == set()


def test_a_decided_verdict_stands_whatever_is_said_later(world: World) -> None:
    visit = Visit(world, "machinery")
    first = visit.submit("rto", answers("rto", NO_ALARM))
    (verdict,) = visit.verdicts("suspected_major")

    async def decide(session: AsyncSession) -> None:
        decided = {"status": "rejected", "version": 2}
        row = VerdictRecord.id == UUID(verdict["id"])
        await session.execute(update(VerdictRecord).where(row).values(**decided))

    world.in_database(decide)
    visit.submit("rto", answers("rto"), supersedes=first)
    old, new = sorted(visit.verdicts(), key=lambda one: one["created_at"])
    assert (old["id"], old["status"]) == (verdict["id"], "rejected")
    assert (new["kind"], new["replaces_id"]) == ("not_matched", verdict["id"])


def test_a_date_before_the_standard_leaves_every_finding_to_a_person(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM), legal_date="2023-05-14")
    assert {kind for kind, _ in said(visit)} == {"unmapped"}
    assert visit.determination()["sheets"][0]["ruleset"] is None


def test_the_processing_unit_asks_for_little(world: World, runtime: Runtime) -> None:
    """A new visit: nothing is read and all rows are in the package's own statement, however many. A joined one: three reads."""
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto"))

    def asked(given: dict[str, Any]) -> int:
        with recorded_queries(runtime.database) as sent:
            visit.submit("rto", given)
        ours = ("fact_sheets", "verdicts", "hashtextextended(%(param_1)s")
        return sum(any(name in one for name in ours) for one in sent)

    for given in (answers("rto", NO_ALARM), answers("rto", {**NO_ALARM, "RTO-01": NO, "RTO-02": NO})):
        visit.another()
        assert asked(given) == 1
        assert asked(given) == asked(answers("rto")) == 4


def test_two_packages_of_a_visit_at_once_are_judged_together(world: World) -> None:
    """Whoever comes second sees the first: neither's facts are lost to the other."""
    visit = Visit(world, "machinery")
    ids = [officer.user_id for officer in visit.officers]
    phones = [visit.phone, visit.field.phone(visit.officers[1].user_id)]
    halves = [
        ("hot-work", answers("hot-work", {"HW-26.1": YES, "HW-26.2": YES}, without=("HW-26.3",))),
        ("outsourced-work", {"RV-05": NO, "RV-05.1": NO}),
    ]
    packages = [
        phone.seal(visit.field.document(visit.field.publish(code), ids, answers=given), [])
        for phone, (code, given) in zip(phones, halves, strict=True)
    ]
    with ThreadPoolExecutor(2) as pool:
        replies = list(
            pool.map(lambda pair: pair[0].put_package(pair[1]), zip(phones, packages, strict=True))
        )
    assert [reply.status_code for reply in replies] == [201, 201]
    assert [one["clause_id"] for one in visit.verdicts("suspected_major")] == ["MEM10-3-1"]
    assert ("undetermined", "MEM10-3-1") not in said(visit)
