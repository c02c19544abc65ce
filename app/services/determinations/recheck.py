"""Judging past visits again, each by the version of the standard it was judged by: the same must be said, for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.determinations import FactSheetRecord
from app.rules.evaluator import determine
from app.rules.ruleset import Ruleset
from app.services.determinations.content import ruleset_named
from app.services.determinations.facts import combine, sheet_of
from app.services.determinations.repository import list_standing
from app.services.determinations.statements import difference, statements_of

BATCH = 200


@dataclass(frozen=True, slots=True)
class Recheck:
    """How many visits were judged again, those of which something else is said now, and those whose version is not held."""

    visits: int
    different: Sequence[UUID]
    unheld: Sequence[UUID]


async def recheck_visits(session: AsyncSession) -> Recheck:
    """Judge every visit again, in batches by its id; what people decided is not touched, and nothing is written."""
    visits, different, unheld = 0, [], []
    after = UUID(int=0)
    while True:
        ids = select(FactSheetRecord.visit_id).where(
            FactSheetRecord.visit_id > after, ~FactSheetRecord.is_superseded, FactSheetRecord.package_id.is_not(None)
        )  # fmt: skip
        batch = ids.distinct().order_by(FactSheetRecord.visit_id).limit(BATCH)
        found = list((await session.execute(batch)).scalars())
        wanted = (
            select(FactSheetRecord)
            .where(FactSheetRecord.visit_id.in_(found), ~FactSheetRecord.is_superseded)
            .order_by(FactSheetRecord.visit_id, FactSheetRecord.id)
        )
        records = list((await session.execute(wanted)).scalars())
        for visit_id, sheets in groupby(records, key=lambda record: record.visit_id):
            judged = list(sheets)
            named = judged[-1].ruleset
            ruleset = ruleset_named(named) if named else None
            if named and ruleset is None:
                unheld.append(visit_id)
            elif not await _is_same(session, visit_id, judged, ruleset):
                different.append(visit_id)
        visits += len(found)
        session.expunge_all()
        if len(found) < BATCH:
            return Recheck(visits, different, unheld)
        after = found[-1]


async def _is_same(
    session: AsyncSession, visit_id: UUID, records: Sequence[FactSheetRecord], ruleset: Ruleset | None
) -> bool:
    known = combine(
        [sheet_of(vars(one)) for one in records],
        enterprise_id=records[-1].enterprise_id,
        site_id=records[-1].site_id,
    )
    said = statements_of(ruleset, known, determine(ruleset, known.trades, known.facts, known.findings))
    changed = difference(await list_standing(session, visit_id), said)
    return not changed.new and not changed.outdated and said.judged == records[-1].judged
