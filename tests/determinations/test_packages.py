"""From a package's answers to fact sheets and verdicts, in the unit of work that processes the package."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.determinations import FactSheetRecord, VerdictRecord
from tests.determinations.making import NO_ALARM, Visit, answers
from tests.factories.world import World


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
