"""Reading the board: packages whose files are missing, phones, and totals; one statement each, over what waits and nothing else.

A package is of its site's region; a phone, and with it all that waits on it, of its user's. Every figure of what waits comes
from a partial index that holds only what waits, so the board costs nothing of what has arrived long ago.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.paging import Page, PageRequest
from app.schemas.board import (
    DeviceStanding,
    Grouping,
    GroupStanding,
    MissingEvidence,
    OutboxView,
    ShownStatus,
    Waiting,
    WaitingPackage,
)
from app.services.evidence.arrivals import WAITS

READ = "board:read"
Order = Literal["oldest", "newest"]
Sorting = Literal["silent_longest", "seen_last", "waiting_longest"]


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """What a list is narrowed to; None means all. A region means everything below it too."""

    region_id: UUID | None = None
    authority_id: UUID | None = None
    device_id: UUID | None = None
    user_id: UUID | None = None


_BELOW = """
    AND {column} IN (SELECT below.id FROM regions top JOIN regions below ON starts_with(below.path, top.path)
                      WHERE top.id = :region_id)"""

_PACKAGES = """
    SELECT m.package_id, m.region_id, v.authority_id, m.device_id, dev.user_id, u.name AS user_name, m.missing AS missing_files,
           coalesce(files.bytes, 0)::bigint AS missing_bytes, m.declared_at, files.oldest_capture_at,
           dev.last_seen_at AS device_last_seen_at
      FROM evidence_manifests m
      JOIN devices dev ON dev.id = m.device_id
      JOIN users u ON u.id = dev.user_id
      LEFT JOIN packages p ON p.id = m.package_id
      LEFT JOIN visits v ON v.id = p.visit_id
      LEFT JOIN LATERAL (
        SELECT sum(d.size) AS bytes, min(d.captured_at) AS oldest_capture_at FROM evidence_declarations d
         WHERE d.package_id = m.package_id AND d.status = 'missing') files ON true
     WHERE NOT m.is_complete AND m.region_id = ANY(:regions){conditions}
     ORDER BY m.declared_at {order}, m.package_id {order} LIMIT :limit
"""

# Of a phone `dev`: each figure by a partial index that begins with the phone.
_OF_DEVICE = f"""
      LEFT JOIN LATERAL (
        SELECT count(*) AS packages, sum(m.missing) AS files, sum(b.bytes) AS bytes, min(m.declared_at) AS oldest_at
          FROM evidence_manifests m CROSS JOIN LATERAL (
            SELECT sum(d.size) AS bytes FROM evidence_declarations d
             WHERE d.package_id = m.package_id AND d.status = 'missing') b
         WHERE m.device_id = dev.id AND NOT m.is_complete) missing ON true
      LEFT JOIN LATERAL (
        SELECT count(*) AS files, sum(f.size) AS bytes, min(f.received_at) AS oldest_at FROM evidence_files f
         WHERE f.device_id = dev.id AND {WAITS}) unclaimed ON true
      LEFT JOIN LATERAL (
        SELECT count(*) AS files, sum(e.size - e.received) AS bytes, min(e.created_at) AS oldest_at FROM evidence_uploads e
         WHERE e.user_id = dev.user_id AND e.device_id = dev.id AND e.state = 'open') uploads ON true
      LEFT JOIN LATERAL (
        SELECT count(*) AS packages FROM package_intakes i
         WHERE i.device_id = dev.id AND i.status = 'quarantined') quarantined ON true
      LEFT JOIN LATERAL (
        SELECT count(*) AS packages FROM package_intakes i
         WHERE i.device_id = dev.id AND i.status = 'received') unfinished ON true
      LEFT JOIN LATERAL (
        SELECT count(*) AS files, sum(i.size) AS bytes, min(i.received_at) AS oldest_at FROM intake_deliveries i
         WHERE i.device_id = dev.id AND i.status = 'waiting') custody ON true
"""
_FIGURES = """
    missing.packages AS missing_packages, coalesce(missing.files, 0)::bigint AS missing_files,
    coalesce(missing.bytes, 0)::bigint AS missing_bytes, missing.oldest_at AS missing_oldest_at,
    unclaimed.files AS unclaimed_files, coalesce(unclaimed.bytes, 0)::bigint AS unclaimed_bytes,
    unclaimed.oldest_at AS unclaimed_oldest_at,
    uploads.files AS uploads_files, coalesce(uploads.bytes, 0)::bigint AS uploads_bytes, uploads.oldest_at AS uploads_oldest_at,
    quarantined.packages AS quarantined, unfinished.packages AS unfinished,
    custody.files AS custody_files, coalesce(custody.bytes, 0)::bigint AS custody_bytes, custody.oldest_at AS custody_oldest_at
"""
_SILENT_SINCE = "coalesce(dev.last_seen_at, dev.confirmed_at, dev.created_at)"
_WAITING_SINCE = (
    "(SELECT min(m.declared_at) FROM evidence_manifests m WHERE m.device_id = dev.id AND NOT m.is_complete)"
)
_HOLDS = f"""
    EXISTS (SELECT FROM evidence_manifests m WHERE m.device_id = dev.id AND NOT m.is_complete)
    OR EXISTS (SELECT FROM evidence_files f WHERE f.device_id = dev.id AND {WAITS})
    OR EXISTS (SELECT FROM evidence_uploads e WHERE e.user_id = dev.user_id AND e.device_id = dev.id AND e.state = 'open')
    OR EXISTS (SELECT FROM device_outboxes o WHERE o.device_id = dev.id AND o.packages + o.files > 0)
    OR EXISTS (SELECT FROM package_intakes i WHERE i.device_id = dev.id AND i.status = 'quarantined')
    OR EXISTS (SELECT FROM package_intakes i WHERE i.device_id = dev.id AND i.status = 'received')
    OR EXISTS (SELECT FROM intake_deliveries i WHERE i.device_id = dev.id AND i.status = 'waiting')"""
_SHOWN = {
    None: f"(dev.status = 'active' OR dev.status = 'revoked' AND ({_HOLDS}))",
    "active": "dev.status = 'active'",
    "revoked": "dev.status = 'revoked'",
}
"""Which phones are listed, by the status asked for. Unasked: those that work, and those that are lost with something waiting."""
_DEVICES = f"""
    WITH page AS MATERIALIZED (
        SELECT dev.id, dev.name, dev.platform, dev.status, dev.user_id, dev.last_seen_at, u.name AS user_name, u.region_id,
               u.authority_id, {_SILENT_SINCE} AS silent_since, {{key}} AS key
          FROM devices dev JOIN users u ON u.id = dev.user_id
         WHERE {{shown}} AND u.region_id = ANY(:regions){{conditions}}
         ORDER BY key {{order}}, dev.id {{order}} LIMIT :limit)
    SELECT dev.*, {_FIGURES}, o.packages AS outbox_packages, o.files AS outbox_files, o.bytes AS outbox_bytes,
           o.oldest_at AS outbox_oldest_at, o.stated_at AS outbox_stated_at, o.received_at AS outbox_received_at
      FROM page dev {_OF_DEVICE}
      LEFT JOIN device_outboxes o ON o.device_id = dev.id
     ORDER BY dev.key {{order}}, dev.id {{order}}
"""
_SORTINGS = {
    "silent_longest": (_SILENT_SINCE, "ASC", ">"),
    "seen_last": (_SILENT_SINCE, "DESC", "<"),
    "waiting_longest": (_WAITING_SINCE, "ASC", ">"),
}

# Totals go through what waits, once for each kind, and never through the phones that have nothing waiting.
_TOTALS = """
    WITH phones AS MATERIALIZED (
        SELECT dev.id, dev.status, {key} AS key, {silent_since} AS silent_since
          FROM devices dev JOIN users u ON u.id = dev.user_id
         WHERE u.region_id = ANY(:regions){conditions}),
    missing AS (
        SELECT phones.key, count(*) AS packages, sum(m.missing) AS files, sum(b.bytes) AS bytes, min(m.declared_at) AS oldest_at
          FROM evidence_manifests m JOIN phones ON phones.id = m.device_id CROSS JOIN LATERAL (
            SELECT sum(d.size) AS bytes FROM evidence_declarations d
             WHERE d.package_id = m.package_id AND d.status = 'missing') b
         WHERE NOT m.is_complete GROUP BY phones.key),
    unclaimed AS (
        SELECT phones.key, count(*) AS files, sum(f.size) AS bytes, min(f.received_at) AS oldest_at
          FROM evidence_files f JOIN phones ON phones.id = f.device_id WHERE {waits} GROUP BY phones.key),
    uploads AS (
        SELECT phones.key, count(*) AS files, sum(e.size - e.received) AS bytes, min(e.created_at) AS oldest_at
          FROM evidence_uploads e JOIN phones ON phones.id = e.device_id WHERE e.state = 'open' GROUP BY phones.key),
    quarantined AS (
        SELECT phones.key, count(*) AS packages FROM package_intakes i JOIN phones ON phones.id = i.device_id
         WHERE i.status = 'quarantined' GROUP BY phones.key),
    unfinished AS (
        SELECT phones.key, count(*) AS packages FROM package_intakes i JOIN phones ON phones.id = i.device_id
         WHERE i.status = 'received' GROUP BY phones.key),
    custody AS (
        SELECT phones.key, count(*) AS files, sum(i.size) AS bytes, min(i.received_at) AS oldest_at
          FROM intake_deliveries i JOIN phones ON phones.id = i.device_id WHERE i.status = 'waiting' GROUP BY phones.key),
    groups AS (
        SELECT key, count(*) FILTER (WHERE status = 'active') AS devices,
               count(*) FILTER (WHERE status = 'active' AND silent_since < :silent_before) AS silent_devices
          FROM phones GROUP BY key)
    SELECT groups.key AS id, named.name, groups.devices, groups.silent_devices,
           coalesce(missing.packages, 0) AS missing_packages, coalesce(missing.files, 0)::bigint AS missing_files,
           coalesce(missing.bytes, 0)::bigint AS missing_bytes, missing.oldest_at AS missing_oldest_at,
           coalesce(unclaimed.files, 0) AS unclaimed_files, coalesce(unclaimed.bytes, 0)::bigint AS unclaimed_bytes,
           unclaimed.oldest_at AS unclaimed_oldest_at, coalesce(uploads.files, 0) AS uploads_files,
           coalesce(uploads.bytes, 0)::bigint AS uploads_bytes, uploads.oldest_at AS uploads_oldest_at,
           coalesce(quarantined.packages, 0) AS quarantined, coalesce(unfinished.packages, 0) AS unfinished,
           coalesce(custody.files, 0) AS custody_files, coalesce(custody.bytes, 0)::bigint AS custody_bytes,
           custody.oldest_at AS custody_oldest_at
      FROM groups JOIN {table} named ON named.id = groups.key
      LEFT JOIN missing USING (key) LEFT JOIN unclaimed USING (key) LEFT JOIN uploads USING (key)
      LEFT JOIN quarantined USING (key) LEFT JOIN unfinished USING (key) LEFT JOIN custody USING (key)
     WHERE CAST(:after_name AS text) IS NULL OR (named.name, groups.key) > (CAST(:after_name AS text), CAST(:after_id AS uuid))
     ORDER BY named.name, groups.key LIMIT :limit
"""
_GROUPINGS: dict[Grouping, tuple[str, str]] = {
    "region": ("u.region_id", "regions"),
    "authority": ("u.authority_id", "authorities"),
    "user": ("u.id", "users"),
}


async def list_waiting_packages(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: BoardFilter, older_than: timedelta | None, order: Order
) -> Page[WaitingPackage]:  # fmt: skip
    """Packages of sites in the actor's regions that declare files which have not come."""
    columns = {"authority_id": "v.authority_id", "device_id": "m.device_id", "user_id": "dev.user_id"}
    conditions, values = _narrowed(narrowed, "m.region_id", columns)
    if older_than is not None:
        conditions += " AND m.declared_at < :declared_before"
        values["declared_before"] = utc_now() - older_than
    direction, beyond = ("ASC", ">") if order == "oldest" else ("DESC", "<")
    conditions += _beyond(request, f"(m.declared_at, m.package_id) {beyond}", values)
    query = text(_PACKAGES.format(conditions=conditions, order=direction))
    rows = await _fetch(session, query, actor, request, values)
    page = Page.cut(rows, request, key=lambda row: (row.declared_at, row.package_id))
    return Page([WaitingPackage.model_validate(row) for row in page.items], page.next_key)


async def list_devices(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: BoardFilter, *,
    status: ShownStatus | None, silent_after: timedelta, is_silent: bool | None, is_holding: bool | None, sorting: Sorting,
) -> Page[DeviceStanding]:  # fmt: skip
    """Phones of users in the actor's regions: those that work, and revoked ones for which something waits, unless `status` says.

    Sorted by what waits longest, only those for whose files a package waits.
    """
    columns = {"authority_id": "u.authority_id", "device_id": "dev.id", "user_id": "u.id"}
    conditions, values = _narrowed(narrowed, "u.region_id", columns)
    silent_before = utc_now() - silent_after
    if is_silent is not None:
        conditions += f" AND {_SILENT_SINCE} {'<' if is_silent else '>='} :silent_before"
        values["silent_before"] = silent_before
    if is_holding is not None:
        conditions += f" AND {'' if is_holding else 'NOT '}({_HOLDS})"
    key, direction, beyond = _SORTINGS[sorting]
    if sorting == "waiting_longest":
        conditions += f" AND {key} IS NOT NULL"
    conditions += _beyond(request, f"({key}, dev.id) {beyond}", values)
    query = text(_DEVICES.format(shown=_SHOWN[status], key=key, conditions=conditions, order=direction))
    rows = await _fetch(session, query, actor, request, values)
    page = Page.cut(rows, request, key=lambda row: (row.key, row.id))
    return Page([_device(row, silent_before) for row in page.items], page.next_key)


async def list_totals(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: BoardFilter, *, by: Grouping, silent_after: timedelta
) -> Page[GroupStanding]:  # fmt: skip
    """Over the phones of users in the actor's regions, by region, authority or person, sorted by name; also of revoked phones."""
    key, table = _GROUPINGS[by]
    columns = {"authority_id": "u.authority_id", "device_id": "dev.id", "user_id": "u.id"}
    conditions, values = _narrowed(narrowed, "u.region_id", columns)
    values["silent_before"] = utc_now() - silent_after
    values["after_name"], values["after_id"] = request.after or (None, None)
    query = text(
        _TOTALS.format(waits=WAITS, key=key, table=table, conditions=conditions, silent_since=_SILENT_SINCE)
    )
    rows = await _fetch(session, query, actor, request, values)
    page = Page.cut(rows, request, key=lambda row: (row.name, row.id))
    return Page([_group(row) for row in page.items], page.next_key)


def _narrowed(
    narrowed: BoardFilter, region_column: str, columns: dict[str, str]
) -> tuple[str, dict[str, Any]]:
    conditions, values = "", {}
    if narrowed.region_id is not None:
        conditions += _BELOW.format(column=region_column)
        values["region_id"] = narrowed.region_id
    for name, column in columns.items():
        value = getattr(narrowed, name)
        if value is not None:
            conditions += f" AND {column} = :{name}"
            values[name] = value
    return conditions, values


def _beyond(request: PageRequest, comparison: str, values: dict[str, Any]) -> str:
    if request.after is None:
        return ""
    values["after_key"], values["after_id"] = request.after
    return f" AND {comparison} (:after_key, :after_id)"


async def _fetch(
    session: AsyncSession, query: Any, actor: Actor, request: PageRequest, values: dict[str, Any]
) -> Sequence[Row[Any]]:
    known = {"regions": list(actor.regions_for(READ)), "limit": request.limit + 1}
    return (await session.execute(query, known | values)).all()


def _device(row: Row[Any], silent_before: datetime) -> DeviceStanding:
    outbox = None
    if row.outbox_received_at is not None:
        names = OutboxView.model_fields
        outbox = OutboxView(**{name: getattr(row, f"outbox_{name}") for name in names})
    return DeviceStanding(
        device_id=row.id,
        name=row.name,
        platform=row.platform,
        status=row.status,
        user_id=row.user_id,
        user_name=row.user_name,
        region_id=row.region_id,
        authority_id=row.authority_id,
        last_seen_at=row.last_seen_at,
        silent_since=row.silent_since,
        is_silent_too_long=row.silent_since < silent_before,
        outbox=outbox,
        **_figures(row),
    )


def _group(row: Row[Any]) -> GroupStanding:
    return GroupStanding(
        id=row.id, name=row.name, devices=row.devices, silent_devices=row.silent_devices, **_figures(row)
    )


def _figures(row: Row[Any]) -> dict[str, Any]:
    return {
        "missing": MissingEvidence(
            packages=row.missing_packages, count=row.missing_files, bytes=row.missing_bytes,
            oldest_at=row.missing_oldest_at,
        ),
        "unclaimed": Waiting(
            count=row.unclaimed_files, bytes=row.unclaimed_bytes, oldest_at=row.unclaimed_oldest_at
        ),
        "uploads": Waiting(count=row.uploads_files, bytes=row.uploads_bytes, oldest_at=row.uploads_oldest_at),
        "quarantined": row.quarantined,
        "unfinished": row.unfinished,
        "custody": Waiting(count=row.custody_files, bytes=row.custody_bytes, oldest_at=row.custody_oldest_at),
    }  # fmt: skip
