"""Visits with what was said of them, recorded once and judged again at every run of the tests, for ever.

    anshao demo --no-serve
    python -m tests.determinations.recording

adds the visits of the database that the settings name to the folder `recorded`. A record is never altered and never written
over: it names the version of the rules it was judged by, that version's hash, and bears the hash of its own content. So does
`versions.json` for each version that ships: one that is not there yet is added, one that is there stays as it is.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import rfc8785
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.models.determinations import FactSheetRecord
from app.rules.evaluator import determine
from app.rules.ruleset import Ruleset
from app.services.determinations.content import shipped_documents, shipped_rulesets
from app.services.determinations.facts import Sheet, combine, sheet_of
from app.services.determinations.repository import list_standing
from app.services.determinations.ruleset_content import hash_of
from app.services.determinations.statements import Said, Standing, statements_of, substance
from app.services.runtime import open_runtime

RECORDED = Path(__file__).parent / "recorded"
VERSIONS = "versions.json"
Visit = Mapping[str, Any]
Record = Mapping[str, Any]


class NotAsItWas(Exception):
    """The visits are not judged now as they were then: there is nothing to record."""


def shipped_hashes() -> dict[str, str]:
    """By the name of each version that ships, the hash of its head, articles and questions."""
    return {f"{one['head']['id']}:{one['head']['version']}": hash_of(one, ()) for one in shipped_documents()}


def pinned_hashes(folder: Path = RECORDED) -> dict[str, str]:
    """The same as it was when each version was first recorded."""
    path = folder / VERSIONS
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


def records(folder: Path = RECORDED) -> list[Path]:
    """Every record, the versions aside."""
    return sorted(path for path in folder.glob("*.json") if path.name != VERSIONS)


def read_record(path: Path) -> Record:
    """What a record says."""
    read: Record = json.loads(path.read_text("utf-8"))
    return read


def name_of(record: Record) -> str:
    """The name of a record's file: version, and the beginning of the hash of all it says."""
    digest = hashlib.sha256(rfc8785.dumps(dict(record))).hexdigest()
    return f"{record['ruleset'].replace(':', '-')}-{digest[:16]}.json"


def differences(record: Record, ruleset: Ruleset) -> list[str]:
    """The visits of which these rules do not say what is recorded."""
    return [visit["visit_id"] for visit in record["visits"] if said_of(visit, ruleset) != visit["said"]]


def said_of(visit: Visit, ruleset: Ruleset) -> dict[str, Any]:
    """What these rules say of a recorded visit, as a record keeps it."""
    sheets = [_sheet(one) for one in visit["sheets"]]
    return _kept(_judge(sheets, UUID(visit["enterprise_id"]), UUID(visit["site_id"]), ruleset))


async def collect(session: AsyncSession, only: Collection[UUID] | None = None) -> list[Record]:
    """A record for each version that ships, of the visits judged by it (all, or some). Raises NotAsItWas."""
    found = []
    for ruleset in shipped_rulesets():
        visits = [one async for one in _visits(session, ruleset, only)]
        if visits:
            content_hash = shipped_hashes()[ruleset.name]
            found.append({"ruleset": ruleset.name, "content_hash": content_hash, "visits": visits})
    return found


def write_records(made: Collection[Record], folder: Path = RECORDED) -> list[Path]:
    """Write what is not recorded yet; nothing that is there is touched. Gives the new files."""
    folder.mkdir(exist_ok=True)
    known = pinned_hashes(folder)
    pins = {**shipped_hashes(), **known}
    if pins != known:
        (folder / VERSIONS).write_text(json.dumps(pins, indent=1) + "\n", "utf-8")
    return [path for record in made if (path := _write_once(folder / name_of(record), record))]


def _write_once(path: Path, record: Record) -> Path | None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    except FileExistsError:
        return None
    return path


async def _visits(session: AsyncSession, ruleset: Ruleset, only: Collection[UUID] | None) -> Any:
    wanted = select(FactSheetRecord).where(~FactSheetRecord.is_superseded)
    if only is not None:
        wanted = wanted.where(FactSheetRecord.visit_id.in_(only))
    rows = (await session.execute(wanted.order_by(FactSheetRecord.visit_id, FactSheetRecord.id))).scalars()
    for visit_id, group in groupby(rows.all(), key=lambda row: row.visit_id):
        sheets = list(group)
        if sheets[-1].ruleset == ruleset.name:
            yield _visit(sheets, await list_standing(session, visit_id), ruleset)


def _visit(rows: list[FactSheetRecord], standing: Collection[Standing], ruleset: Ruleset) -> Visit:
    last = rows[-1]
    sheets = [sheet_of(vars(row)) for row in rows]
    said = _kept(_judge(sheets, last.enterprise_id, last.site_id, ruleset))
    stood = sorted(_statement(one.about, one.kind, one.explanation, one.missing) for one in standing)
    loud = [one for one in stood if one[1] != "not_matched"]
    if (loud, last.judged) != (said["statements"], said["judged"]):
        raise NotAsItWas(str(last.visit_id))
    return {
        "visit_id": str(last.visit_id),
        "enterprise_id": str(last.enterprise_id),
        "site_id": str(last.site_id),
        "sheets": [_plain(asdict(one)) for one in sheets],
        "said": said,
    }


def _judge(sheets: list[Sheet], enterprise_id: UUID, site_id: UUID, ruleset: Ruleset) -> Said:
    known = combine(sheets, enterprise_id=enterprise_id, site_id=site_id)
    return statements_of(ruleset, known, determine(ruleset, known.trades, known.facts, known.findings))


def _kept(said: Said) -> dict[str, Any]:
    statements = sorted(
        _statement(one.about, one.kind, one.explanation, one.missing) for one in said.statements
    )
    return {"statements": statements, "judged": said.judged}


def _statement(about: Any, kind: str, explanation: Mapping[str, Any], missing: Collection[str]) -> list[Any]:
    """[of what, which verdict, what is missing and each condition with its values], as JSON has it."""
    of_what = [one or "" for one in about]
    plain: list[Any] = _plain([of_what, str(kind), substance(kind, explanation, missing)])
    return plain


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _sheet(kept: Mapping[str, Any]) -> Sheet:
    ids = {name: UUID(kept[name]) if kept[name] else None for name in ("id", "package_id", "unit_id")}
    return Sheet(**{**kept, **ids, "legal_on": date.fromisoformat(kept["legal_on"])})


async def _record() -> Iterator[Path]:
    async with open_runtime(Settings()) as runtime, runtime.database.snapshot() as session:
        return iter(write_records(await collect(session)))


if __name__ == "__main__":
    for written in asyncio.run(_record()):
        sys.stdout.write(f"{written}\n")
