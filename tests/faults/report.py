"""What a run is told as: on the terminal, and as docs/reliability.md."""

import platform
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import psutil

from tests.faults.proxy import Fault
from tests.faults.run import Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def percentile(values: list[float], share: float) -> float:
    """The value below which that share lies; NaN of nothing."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def figures(outcome: Outcome) -> list[tuple[str, str]]:
    """Each figure with its value, the promises first."""
    findings, ledger = outcome.findings, outcome.ledger
    share = ledger.resent() / ledger.payload() if ledger.payload() else 0.0
    return [
        ("acknowledged bytes lost", str(findings.lost_bytes + len(findings.lost))),
        ("duplicate records", str(len(findings.duplicates))),
        ("mutated files", str(len(findings.mutated))),
        ("orphan files after the sweeps", f"{len(findings.orphans)} ({outcome.swept} were swept)"),
        ("packages without a receipt at the end", str(len(findings.unfinished))),
        ("sent again after an acknowledgment", str(len(outcome.sent_in_vain))),
        ("bytes resent", f"{ledger.resent():,} ({share:.1%} of {ledger.payload():,})"),
        (
            "bound: what was taken in the interruptions",
            f"{outcome.bound:,} in {outcome.interruptions:,}",
        ),
        (
            "packages and files over their own bound",
            str(len(ledger.overdrawn(outcome.unheard))),
        ),
        ("reconnect to fully acknowledged, p50", f"{percentile(outcome.reconnects, 0.5):.1f} s"),
        ("reconnect to fully acknowledged, p95", f"{percentile(outcome.reconnects, 0.95):.1f} s"),
        ("reconnects measured", str(len(outcome.reconnects))),
        (
            "packages, files, reduced copies, acknowledgments",
            f"{findings.packages}, {findings.files}, {findings.copies}, {outcome.acknowledged}",
        ),
        ("bytes of files read back and compared", f"{findings.file_bytes:,}"),
        ("requests through the proxy", f"{len(ledger.exchanges):,}"),
        ("apps killed in the middle of a request", str(outcome.deaths)),
        ("files still waiting for a package", str(len(findings.unclaimed))),
        *_of_small_disk(outcome),
        ("length of the run", f"{outcome.seconds / 60:.1f} minutes"),
    ]


def _of_small_disk(outcome: Outcome) -> list[tuple[str, str]]:
    if outcome.disk_bytes is None:
        return []
    return [
        ("size of the file system", f"{outcome.disk_bytes / 2**20:,.0f} MiB"),
        ("PostgreSQL said that it found no space", str(outcome.found_full.total())),
        ("processes of ours that ended by themselves", str(outcome.ended.total())),
        ("room again to ready, p50", f"{percentile(outcome.back, 0.5):.1f} s"),
        ("room again to ready, longest", f"{percentile(outcome.back, 1):.1f} s"),
    ]


def lines(outcome: Outcome) -> list[str]:
    """For the terminal."""
    told = [f"{name:42} {value}" for name, value in figures(outcome)]
    told += [f"  {count:5} × {kind}" for kind, count in outcome.blows.most_common()]
    told += [
        f"  {count:5} × {fault.value}"
        for fault, count in sorted(outcome.ledger.faults.items(), key=lambda pair: -pair[1])
    ]
    told.append(
        "power cuts dropped: " + ", ".join(f"{name} {count}" for name, count in outcome.power.items())
    )
    told += [f"{count:5} × PostgreSQL said: {said}" for said, count in outcome.found_full.items()]
    return told + [f"FAULT: {fault}" for fault in outcome.faults[:50]]


def published(before: str, outcome: Outcome) -> str:
    """docs/reliability.md with this run in it, and the other one as it was."""
    main, _, small = before.partition(SMALL)
    if outcome.disk_bytes is not None:
        return main + small_disk_section(outcome)
    return page(outcome) + (f"\n{SMALL}{small}" if small else "")


def small_disk_section(outcome: Outcome) -> str:
    """The run on a small file system of its own."""
    assert outcome.disk_bytes is not None
    return SMALL + SMALL_TEXT.format(
        arguments=f"{_arguments(outcome)} --small {outcome.disk_bytes // 2**20}",
        day=date.today().isoformat(),  # noqa: DTZ011  the day on which it was written
        table=_table(figures(outcome)), blows=_table(outcome.blows.most_common()),
    )  # fmt: skip


def _table(rows: Iterable[tuple[str, object]]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in rows)


def _arguments(outcome: Outcome) -> str:
    plan = outcome.plan
    return f"--seed {plan.seed} --phones {plan.phones} --minutes {plan.minutes or 0:g}"


def page(outcome: Outcome) -> str:
    """The page but for the run on a small file system."""
    plan = outcome.plan
    faults = "\n".join(
        f"| {fault.value} | {count} |"
        for fault, count in sorted(outcome.ledger.faults.items(), key=lambda pair: -pair[1])
        if fault is not Fault.NONE
    )
    dropped = (
        ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in outcome.power.items()) or "nothing"
    )
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    return TEXT.format(
        arguments=_arguments(outcome),
        day=date.today().isoformat(),  # noqa: DTZ011  the day on which it was written
        machine=f"{cores} cores shared with other work, {memory:.0f} GiB, Python {platform.python_version()}",
        table=_table(figures(outcome)), blows=_table(outcome.blows.most_common()), faults=faults,
        dropped=dropped, phones=plan.phones, rate=plan.fault_rate,
    )  # fmt: skip


TEXT = """<!-- Written by tests/faults; `make faults ARGS="… --publish"` writes it anew. -->

# Reliability

What happens to evidence when everything goes wrong, measured: `make faults ARGS="{arguments} --publish"` on {day}
({machine}). A shorter run is part of `make test`.

| figure | value |
|---|---|
{table}

## What was done to it

{phones} reference phones ([clients/python](../clients/python/README.md)) seal inspections with 3 to 10 photographs without a
network, come back, and send them through a TCP proxy of ours to `anshao serve` (two processes) and `anshao worker` on the
embedded PostgreSQL. Their clocks are off by up to nine days, otherwise at each start; those of the API and of the worker by up to
ten minutes, each otherwise at each start, while PostgreSQL's is right. Something befalls {rate:.0%} of their requests:

| network | times |
|---|---|
{faults}

Meanwhile the machine is struck, and started again as an init system would:

| machine | times |
|---|---|
{blows}

**A power cut** kills every process at once and leaves of the data directory what was synced: a double of the disk writes
down, at each `fsync` in the served processes, the bytes of the file or the names of the folder as they were when the sync
began, and puts exactly that back. These cuts: {dropped}. PostgreSQL's own files are not put back; it is killed and recovers
from its log, so this run relies on PostgreSQL's fsync and does not test it. **A full disk** lets half of a write through and
fails the rest with ENOSPC, for the files of the store, not for PostgreSQL; the run below fills a real one up.

## How the figures are counted

- *Acknowledged* is what a phone was told: a package or file answered with its own hash, a file named as stored or verified, a
  receipt whose signature, hashes and chain it has checked. The checker reads everything back by the public API, byte by byte,
  and the storage's folder.
- *Duplicates*: a visit, package, file, receipt or finding that is there twice or that nobody made.
- *Mutated*: bytes, from the API or in the storage, whose hash is not the one that was declared; a receipt that is another one
  now.
- *Orphans*: originals, reduced copies and parts of uploads in the storage without a row, after the sweeps, which are run at
  once, whatever the age; temporary files.
- *Resent*: bytes of packages and files that the proxy took from the phones more than once, counted by what they are of: a file
  is the same one in whatever upload it comes, or by PUT. An *interruption* is an exchange that carried such bytes and ended
  without an acknowledgment that the app lived to hear: cut, answered by a portal or a gateway, or refused because the service
  was down, restarting or full. What was taken in it, 512 KiB at most (the phones' piece), may come once more, and nothing else;
  this is the *bound*, and it is kept for each package and file by itself. Nothing was sent again that had been acknowledged:
  after an interruption the phone asks what has arrived before it sends.
- *Reconnect to fully acknowledged*: from the return of a phone's network until it holds and has checked every receipt and
  deleted its files, with all of the above going on, one to three inspections at a time. The phones wait at most four seconds
  between two tries (an app in the field waits up to five minutes), and the times include the restarts of the service.

## Would it notice?

`make faults ARGS="--forget names"` leaves the syncs of folders out of the very same run: a power cut then costs
acknowledged files and the signing keys, and the run says so and fails. `tests/faults` holds the smaller negative controls: a
store whose files or names are not synced loses acknowledged bytes in the double, and the checker reports a planted lost byte,
a duplicate, a mutated file, a missing receipt and an orphan.
"""

SMALL = "## A disk that is really full\n"
SMALL_TEXT = """
`make faults ARGS="{arguments} --publish"` on {day}: database and storage lie on a file system of their own, which a ballast file
fills to the last byte, for five to fifteen seconds at a time, and again whatever somebody gives back meanwhile. In some of these
PostgreSQL's log is written on until the space that it has put by is used up as well, and it dies of that, and again at each
start, until there is room. Nobody starts it then but the service itself. All the other blows fall too. A short one of this kind
is part of `make test`, where mounting is permitted.

| figure | value |
|---|---|
{table}

| machine | times |
|---|---|
{blows}
"""
