"""Which hazards a case has in hand."""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import aliased

from app.models.cases import Case, CaseHazard
from app.models.hazards import Hazard
from app.services.cases.workflow import RELEASED


def is_pursued() -> ColumnElement[bool]:
    """That a case was opened from a Hazard, or from one that was merged into it over any number of steps, and has not let it go."""
    linked = select(CaseHazard.hazard_id).join(Case, Case.id == CaseHazard.case_id)
    pursued = linked.where(Case.status.not_in(RELEASED))
    own, upper = aliased(Hazard), aliased(Hazard)
    into = (
        select(own.merged_into_id.label("id"))
        .where(own.merged_into_id.is_not(None), own.id.in_(pursued))
        .cte("pursued_into", recursive=True)
    )
    further = select(upper.merged_into_id).join(into, upper.id == into.c.id)
    into = into.union(further.where(upper.merged_into_id.is_not(None)))
    itself = pursued.where(CaseHazard.hazard_id == Hazard.id).correlate(Hazard).exists()
    return or_(itself, Hazard.id.in_(select(into.c.id)))
