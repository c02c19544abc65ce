"""Who is accused of what: parties and allegations checked against the law of the facts, and the hazards a case takes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.core.resident_id import is_resident_id
from app.db.rows import insert_rows
from app.enums.cases import Capacity, IdKind, PartyKind
from app.models.cases import Case, CaseAllegation, CaseClaim, CaseHazard, CaseParty
from app.models.enterprises import Enterprise
from app.schemas.cases import ENTITY, AllegationRequest, CitationRequest, PersonRequest
from app.services.audit.service import state_hash
from app.services.cases.content import document_on, penalty_on
from app.services.cases.errors import (
    FactsDateProblem,
    HazardTakenProblem,
    MergedClaimsProblem,
    NotLiableProblem,
    PartyProblem,
    PersonNumberProblem,
    UnknownArticleProblem,
)
from app.services.hazards.standing import all_merged_with, hold_merged_with

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Accusation:
    """The rows of a case's parties and allegations, ready to be written."""

    parties: list[Row]
    allegations: list[Row]

    def digest(self) -> str | None:
        """The hash of all of it, for the history and the audit log: no later change of a row goes unseen."""
        return state_hash({"parties": self.parties, "allegations": self.allegations})


def entity_of(case_id: UUID, enterprise: Enterprise) -> Row:
    """The enterprise as a party, as it is on this day."""
    id_kind = IdKind.USCC if enterprise.uscc else IdKind.SUBSTITUTE_MARK
    return {
        "id": new_id(),
        "case_id": case_id,
        "label": ENTITY,
        "kind": PartyKind.ENTITY.value,
        "enterprise_id": enterprise.id,
        "capacity": None,
        "name": enterprise.name,
        "id_kind": id_kind.value,
        "id_number": enterprise.uscc or enterprise.substitute_mark,
        "address": enterprise.address,
        "post": None,
    }


def person_of(case_id: UUID, request: PersonRequest, known_number: str | None = None) -> Row:
    """A person as a party; raises PersonNumberProblem for a resident identity number that fails its check."""
    given = request.id_number.upper() if request.id_number else request.id_number
    number = given if "id_number" in request.model_fields_set else known_number
    if number and request.id_kind is IdKind.RESIDENT_ID and not is_resident_id(number):
        raise PersonNumberProblem(label=request.label)
    return {
        "id": new_id(),
        "case_id": case_id,
        "label": request.label,
        "kind": PartyKind.PERSON.value,
        "enterprise_id": None,
        "capacity": request.capacity.value,
        "name": request.name,
        "id_kind": request.id_kind.value if request.id_kind else None,
        "id_number": number,
        "address": request.address,
        "post": request.post,
    }


def accuse(
    case: Case, parties: Sequence[Row], hazard_ids: Sequence[UUID], requests: Sequence[AllegationRequest]
) -> Accusation:
    """Check every allegation against its party, its hazards and the law of its facts; raises what does not hold."""
    by_label = {party["label"]: party for party in parties}
    if len(by_label) < len(parties):
        raise PartyProblem(reference=next(p["label"] for p in parties if by_label[p["label"]] is not p))
    rows = [
        _allegation(case, by_label, hazard_ids, request, position)
        for position, request in enumerate(requests, 1)
    ]
    return Accusation(list(parties), rows)


def _allegation(
    case: Case,
    by_label: dict[str, Row],
    hazard_ids: Sequence[UUID],
    request: AllegationRequest,
    position: int,
) -> Row:
    party = by_label.get(request.party)
    own = list(dict.fromkeys(request.hazard_ids or hazard_ids))
    if party is None or not set(own) <= set(hazard_ids):
        raise PartyProblem(reference=request.party if party is None else f"#{position}")
    facts_on = request.facts_on or case.found_on
    if facts_on > shanghai_today():
        raise FactsDateProblem(latest=shanghai_today().isoformat())
    penalty = penalty_on(request.penalty_code, facts_on)
    capacity = Capacity(party["capacity"]) if party["capacity"] else None
    if not penalty.reaches(request.stage, PartyKind(party["kind"]), capacity):
        raise NotLiableProblem(article=penalty.code, stage=request.stage.value, party=capacity or ENTITY)
    citation = _citation(request.violated, facts_on)
    return {
        "id": new_id(),
        "case_id": case.id,
        "party_id": party["id"],
        "position": position,
        "facts_on": facts_on,
        "text": request.text,
        **citation,
        "penalty_code": penalty.code,
        "penalty_document": penalty.document.code,
        "penalty_version": penalty.document.version,
        "penalty_article": penalty.article,
        "stage": request.stage.value,
        "to_be_confirmed": penalty.to_be_confirmed or citation["to_be_confirmed"],
        "hazard_ids": own,
    }


def _citation(request: CitationRequest, facts_on: date) -> Row:
    """The article violated, in the version of the facts; one by title only is for a lawyer to confirm."""
    if request.document is None:
        if request.title is None:
            raise UnknownArticleProblem(article=request.article)
        known: tuple[str | None, str | None, str, bool] = (None, None, request.title, True)
    else:
        document = document_on(request.document, request.article, facts_on)
        known = (document.code, document.version, document.title.zh, document.to_be_confirmed)
    names = ("violated_document", "violated_version", "violated_title", "to_be_confirmed")
    return {**dict(zip(names, known, strict=True)), "violated_article": request.article}


async def write_accusation(session: AsyncSession, case: Case, accusation: Accusation) -> None:
    """Write parties and allegations, and take their hazards; raises HazardTakenProblem when another case has them, or
    hazards that are one with them, for the same article and stage."""
    await insert_rows(session, (CaseParty, accusation.parties), (CaseAllegation, accusation.allegations))
    wanted = {
        (hazard_id, row["penalty_code"], row["stage"])
        for row in accusation.allegations
        for hazard_id in row["hazard_ids"]
    }
    stays = await hold_merged_with(session, {hazard_id for hazard_id, _, _ in wanted})
    claims = [
        {"hazard_id": hazard, "penalty_code": code, "stage": stage, "case_id": case.id}
        for hazard, code, stage in sorted(wanted)
    ]
    taken = insert(CaseClaim).values(claims).on_conflict_do_nothing().returning(CaseClaim.hazard_id)
    written = len((await session.execute(taken)).all())
    rivals = await _rivals(session, case, claims, stays)
    if written < len(claims) or rivals:
        raise HazardTakenProblem(cases="、".join(rivals))


async def check_merged(session: AsyncSession, hazard_id: UUID) -> None:
    """Of hazards that are one by now, no two cases pursue any by one article and stage; raises MergedClaimsProblem."""
    own = await all_merged_with(session, [hazard_id])
    by_act: dict[tuple[str, str], set[str]] = defaultdict(set)
    for number, _, code, stage in await session.execute(_claims_on(own)):
        by_act[code, stage].add(number)
    if twice := [numbers for numbers in by_act.values() if len(numbers) > 1]:
        raise MergedClaimsProblem(cases="、".join(sorted(set().union(*twice))))


async def remove_accusation(session: AsyncSession, case_id: UUID) -> None:
    """Take back what a revision replaces; before the filing is proposed nothing of it has been used."""
    for table in (CaseAllegation, CaseParty, CaseClaim):
        await session.execute(delete(table).where(table.case_id == case_id))


async def release_hazards(session: AsyncSession, case_id: UUID) -> None:
    """Let the hazards go, so that another case may take them."""
    await session.execute(delete(CaseClaim).where(CaseClaim.case_id == case_id))


async def stored_requests(
    session: AsyncSession, case_id: UUID
) -> tuple[Row, list[PersonRequest], dict[str, str | None], list[AllegationRequest]]:
    """What a case says now, in the shape of a request: the entity, the persons, their numbers, the allegations."""
    parties = (
        await session.scalars(select(CaseParty).where(CaseParty.case_id == case_id).order_by(CaseParty.id))
    ).all()
    columns = [column.key for column in CaseParty.__table__.columns if column.key != "created_at"]
    entity = next({name: getattr(p, name) for name in columns} for p in parties if p.label == ENTITY)
    persons = [
        PersonRequest.model_validate(
            {name: getattr(p, name) for name in ("label", "capacity", "name", "id_kind", "address", "post")}
        )
        for p in parties
        if p.label != ENTITY
    ]
    labels = {party.id: party.label for party in parties}
    allegations = (
        await session.scalars(
            select(CaseAllegation).where(CaseAllegation.case_id == case_id).order_by(CaseAllegation.position)
        )
    ).all()
    return (
        entity,
        persons,
        {p.label: p.id_number for p in parties},
        [_as_request(row, labels[row.party_id]) for row in allegations],
    )


def _as_request(row: CaseAllegation, party: str) -> AllegationRequest:
    violated = CitationRequest.model_construct(
        document=row.violated_document, title=row.violated_title, article=row.violated_article
    )
    return AllegationRequest.model_validate(
        {
            "party": party,
            "violated": violated,
            "penalty_code": row.penalty_code,
            "stage": row.stage,
            "facts_on": row.facts_on,
            "text": row.text,
            "hazard_ids": row.hazard_ids,
        }
    )


async def _rivals(
    session: AsyncSession, case: Case, claims: Sequence[Row], stays: Mapping[UUID, UUID]
) -> list[str]:
    mine = {(stays[claim["hazard_id"]], claim["penalty_code"], claim["stage"]) for claim in claims}
    wanted = _claims_on(stays).where(CaseClaim.case_id != case.id)
    return sorted(
        {
            number
            for number, hazard_id, code, stage in await session.execute(wanted)
            if (stays[hazard_id], code, stage) in mine
        }
    )


def _claims_on(hazard_ids: Iterable[UUID]) -> Select[str, UUID, str, str]:
    columns = (Case.number, CaseClaim.hazard_id, CaseClaim.penalty_code, CaseClaim.stage)
    wanted = select(*columns).join(Case, Case.id == CaseClaim.case_id)
    return wanted.where(CaseClaim.hazard_id.in_(list(hazard_ids)))


async def hazard_ids_of(session: AsyncSession, case_id: UUID) -> list[UUID]:
    """The hazards of a case."""
    wanted = select(CaseHazard.hazard_id).where(CaseHazard.case_id == case_id).order_by(CaseHazard.hazard_id)
    return list((await session.scalars(wanted)).all())
