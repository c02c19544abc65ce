"""Growing the database to many times its rows: every record copied under new ids, so that indexes and tables really grow."""

import psycopg

NOT_COPIED = frozenset({"number_series", "change_feed", "audit_seals", "sealed_entries", "unsealed_entries"})
BY_PACKAGE = ("package_id", "visit_id", "assignment_id", "hazard_id", "object_id")
"""Columns that tie a row to the record it belongs to: a table with one of them grows with the number of packages."""

OWNERS = frozenset({"packages", "visits", "hazards", "assignments"})
COLUMNS = """
SELECT a.attname, a.attidentity <> '', format_type(a.atttypid, a.atttypmod),
       EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY(i.indkey))
  FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"


def grow(database: str, to_packages: int) -> int:
    """Double what there is until that many packages exist; the number there is then.

    Triggers and foreign keys are switched off for it (a throwaway database): the copies' receipts would not verify, and
    their audit entries stand in no seal.
    """
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        copies = _copies(connection)
        step = 0
        while _count(connection) < to_packages:
            step += 1
            for statement in copies:
                connection.execute(statement.replace("{step}", str(step)))  # type: ignore[arg-type]
        connection.execute("VACUUM ANALYZE")
        return _count(connection)


def _count(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    return int(connection.execute("SELECT count(*) FROM packages").fetchone()[0])  # type: ignore[arg-type, index]


def _copies(connection: "psycopg.Connection[tuple[object, ...]]") -> list[str]:
    """For each table that grows with the packages, the statement that doubles it."""
    found = []
    for (table,) in connection.execute(TABLES).fetchall():
        columns = [row for row in connection.execute(COLUMNS, (f"public.{table}",)).fetchall() if not row[1]]
        names = {row[0] for row in columns}
        if table in NOT_COPIED or not (table in OWNERS or names & set(BY_PACKAGE)):
            continue
        values = [_value(str(table), str(name), str(kind), bool(unique)) for name, _, kind, unique in columns]
        listed = ", ".join(str(row[0]) for row in columns)
        found.append(f"INSERT INTO public.{table} ({listed}) SELECT {', '.join(values)} FROM public.{table}")
    return found


def _value(table: str, name: str, kind: str, is_unique: bool) -> str:
    """Ids get other last digits (the same for all columns that name one record); unique texts an ending."""
    is_own_key = name == "id" and kind == "uuid"
    if kind == "uuid" and (is_own_key or name in BY_PACKAGE):
        return f"(substr({name}::text, 1, 24) || substr(md5({name}::text || '{{step}}'), 1, 12))::uuid"
    if kind == "text" and is_unique and name in ("number", "sha256"):
        return f"{name} || '-{{step}}'"
    if (table, name) == ("receipts", "number"):
        # Each step adds another power of two: no sum of them comes twice.
        return "number + 10000000::bigint * (1 << ({step} - 1))"
    if (table, name) == ("changes", "position"):
        return "-nextval(pg_get_serial_sequence('public.changes', 'id'))"
    return name
