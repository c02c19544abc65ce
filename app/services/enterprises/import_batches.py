"""One batch of import rows against the register: judged, then created, updated, or left as they are. Flushes, never commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.ids import new_id
from app.core.text import folded, name_pieces
from app.db.rows import insert_rows
from app.db.versions import compare_and_set, different
from app.enums.enterprises import FieldError
from app.models.enterprises import Enterprise
from app.models.organizations import Region
from app.services.audit.service import Act, record_act, rows_of_acts
from app.services.enterprises.import_columns import COLUMNS, ImportRow
from app.services.enterprises.service import STATE, state_of
from app.services.enterprises.trades import unknown_classes

_PLAIN = tuple(column.field for column in COLUMNS if column.field not in ("region_code", "parent_uscc"))
_EMPTY: Mapping[str, Any] = dict.fromkeys(STATE) | {
    "regulated_trades": [],
    "is_labour_intensive": False,
    "is_active": True,
}


@dataclass(slots=True)
class Outcome:
    """What became of a batch; `errors` as (row, field, error)."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    errors: list[tuple[int, str, FieldError]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What the rows of a batch refer to, read once for all of them."""

    regions: Mapping[str, UUID]
    managed: frozenset[UUID]
    existing: Mapping[tuple[str, str], Enterprise]
    parents: Mapping[str, Enterprise]
    promised: frozenset[str]
    with_branches: frozenset[UUID]
    unknown_trades: frozenset[str]


async def apply_batch(
    session: AsyncSession,
    actor: Actor,
    rows: Sequence[ImportRow],
    *,
    import_id: UUID,
    is_dry_run: bool,
    promised: frozenset[str],
) -> Outcome:
    """Bring the rows into the register, or with `is_dry_run` only say what would happen.

    `promised` are credit codes that count as registered parents although they are not there: those of a dry run.
    The rows of existing enterprises are locked, in the order of their ids, so that imports side by side cannot block each other.
    """
    around = await _look_around(session, actor, rows, promised, not is_dry_run)
    outcome = Outcome()
    created: list[dict[str, Any]] = []
    for row in rows:
        errors = [*row.errors, *_errors(row, around)]
        if errors:
            outcome.failed += 1
            outcome.errors += [(row.number, name, error) for name, error in errors]
            continue
        values = _values(row, around)
        current = around.existing.get(row.key) if row.key else None
        if current is None:
            created.append({**_EMPTY, **values, "id": new_id(), "version": 1})
        elif new := different(current, values):
            outcome.updated += 1
            if not is_dry_run:
                await _update(session, actor, current, new, import_id)
        else:
            outcome.unchanged += 1
    outcome.created = len(created)
    if not is_dry_run:
        await _create(session, actor, created, import_id)
    return outcome


async def _look_around(
    session: AsyncSession, actor: Actor, rows: Sequence[ImportRow], promised: frozenset[str], lock: bool
) -> _Surroundings:
    managed = actor.regions_for("enterprises:import")
    codes = {row.values["region_code"] for row in rows if "region_code" in row.values}
    regions = select(Region).where(Region.code.in_(codes), Region.id.in_(managed))
    existing = await _existing(session, rows, lock)
    parent_codes = {row.values["parent_uscc"] for row in rows if "parent_uscc" in row.values}
    readable = managed | actor.regions_for("enterprises:read")
    parents = select(Enterprise).where(Enterprise.uscc.in_(parent_codes), Enterprise.region_id.in_(readable))
    ids = [enterprise.id for enterprise in existing.values()]
    branches = select(Enterprise.parent_id).where(Enterprise.parent_id.in_(ids)).distinct()
    trades = {row.values["trade_code"] for row in rows if "trade_code" in row.values}
    return _Surroundings(
        regions={one.code: one.id for one in (await session.execute(regions)).scalars()},
        managed=managed,
        existing=existing,
        parents={one.uscc: one for one in (await session.execute(parents)).scalars() if one.uscc},
        promised=promised,
        with_branches=frozenset(
            one for one in (await session.execute(branches)).scalars() if one is not None
        ),
        unknown_trades=frozenset(await unknown_classes(session, trades)),
    )


async def _existing(
    session: AsyncSession, rows: Sequence[ImportRow], lock: bool
) -> dict[tuple[str, str], Enterprise]:
    keys = {row.key for row in rows if row.key}
    found: dict[tuple[str, str], Enterprise] = {}
    for name, column in (("uscc", Enterprise.uscc), ("substitute_mark", Enterprise.substitute_mark)):
        wanted = select(Enterprise).where(column.in_([value for kind, value in keys if kind == name]))
        wanted = wanted.order_by(Enterprise.id)
        if lock:
            wanted = wanted.with_for_update()
        result = await session.execute(wanted.execution_options(populate_existing=True))
        found |= {(name, getattr(one, name)): one for one in result.scalars()}
    return found


def _errors(row: ImportRow, around: _Surroundings) -> list[tuple[str, FieldError]]:
    """What only the register can tell about a row."""
    errors: list[tuple[str, FieldError]] = []
    current = around.existing.get(row.key) if row.key else None
    wrong = {name for name, _ in row.errors}
    if row.key and current is not None and current.region_id not in around.managed:
        return [(row.key[0], FieldError.ELSEWHERE)]
    if current is None:
        missing = [name for name in ("name", "region_code") if name not in row.values and name not in wrong]
        errors += [(name, FieldError.REQUIRED) for name in missing]
    if "region_code" in row.values and row.values["region_code"] not in around.regions:
        errors.append(("region_code", FieldError.REGION_UNKNOWN))
    if row.values.get("trade_code") in around.unknown_trades:
        errors.append(("trade_code", FieldError.TRADE_CLASS_UNKNOWN))
    if "parent_uscc" in row.values and "parent_uscc" not in wrong:
        error = _parent_error(row, current, around)
        errors += [("parent_uscc", error)] if error else []
    return errors


def _parent_error(row: ImportRow, current: Enterprise | None, around: _Surroundings) -> FieldError | None:
    code = row.values["parent_uscc"]
    if code == row.values.get("uscc"):
        return FieldError.PARENT_IS_SELF
    parent = around.parents.get(code)
    if parent is None:
        return None if code in around.promised else FieldError.PARENT_UNKNOWN
    if parent.parent_id is not None:
        return FieldError.PARENT_IS_BRANCH
    if current is not None and current.id in around.with_branches:
        return FieldError.HAS_BRANCHES
    return None


def _values(row: ImportRow, around: _Surroundings) -> dict[str, Any]:
    values = {name: row.values[name] for name in _PLAIN if name in row.values}
    if "region_code" in row.values:
        values["region_id"] = around.regions[row.values["region_code"]]
    parent = around.parents.get(row.values.get("parent_uscc", ""))
    if parent is not None:
        values["parent_id"] = parent.id
    return values


async def _create(
    session: AsyncSession, actor: Actor, rows: Sequence[dict[str, Any]], import_id: UUID
) -> None:
    """The new enterprises with their audit and change rows, in one statement."""
    acts = [
        Act(
            action="enterprises:import",
            kind="enterprise",
            object_id=row["id"],
            version=1,
            region_id=row["region_id"],
            after={name: row[name] for name in STATE},
            detail={"import_id": str(import_id)},
        )
        for row in rows
    ]
    searchable = [
        {**row, "name_folded": folded(row["name"]), "name_bigrams": name_pieces(row["name"])} for row in rows
    ]
    await insert_rows(session, (Enterprise, searchable), *rows_of_acts(actor, acts))


async def _update(
    session: AsyncSession, actor: Actor, current: Enterprise, new: dict[str, Any], import_id: UUID
) -> None:
    before = state_of(current)
    fields = sorted(new)
    if "name" in new:
        new |= {"name_folded": folded(new["name"]), "name_bigrams": name_pieces(new["name"])}
    await compare_and_set(session, current, current.version, **new)
    moved = before["region_id"] != current.region_id
    await record_act(
        session,
        actor,
        action="enterprises:import",
        kind="enterprise",
        object_id=current.id,
        version=current.version,
        region_id=current.region_id,
        previous_region_id=before["region_id"] if moved else None,
        before=before,
        after=state_of(current),
        detail={"import_id": str(import_id), "fields": fields},
    )
