"""The whole run: officers at work over a bad network, before a service that dies again and again; then the checker."""

import asyncio
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from tests.faults.checker import Findings, check
from tests.faults.city import build_city
from tests.faults.machine import Machine
from tests.faults.officers import Officer
from tests.faults.proxy import Ledger, Proxy, Request
from tests.faults.sweeps import sweep_everything

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of what. `minutes`: None works until every officer has made his `inspections`."""

    seed: int
    phones: int = 8
    inspections: int = 6
    photos: tuple[int, int] = (3, 10)
    minutes: float | None = None
    fault_rate: float = 0.25
    pause: tuple[float, float] = (3, 15)
    """Seconds between two blows."""
    full: tuple[float, float] = (5, 15)
    """Seconds for which a small disk is full."""
    blows: tuple[str, ...] | None = None
    """These, in this order, and then the machine is left alone; None: drawn by the seed, as long as anybody works."""
    api_processes: int = 2
    finish_seconds: float = 600
    """How long the phones may take, after the last blow, to hold every receipt."""


@dataclass(slots=True)
class Outcome:
    """What happened and what was found."""

    plan: Plan
    seconds: float
    blows: Counter[str]
    power: Counter[str]
    """What the power cuts dropped."""
    ledger: Ledger
    findings: Findings
    reconnects: list[float]
    deaths: int
    acknowledged: int
    """Acknowledgments: packages, files, receipts."""
    sealed: int = 0
    unheard: list[Request] = field(default_factory=list)
    swept: int = 0
    """Stored files without a row that the sweeps removed."""
    trouble: list[str] = field(default_factory=list)
    """Phones that failed or set something aside."""
    ended: Counter[str] = field(default_factory=Counter)
    """Processes that ended by themselves."""
    found_full: Counter[str] = field(default_factory=Counter)
    """What PostgreSQL said when it found no space for its log."""
    disk_bytes: int | None = None
    """The size of the small disk that was really filled up."""
    back: list[float] = field(default_factory=list)
    """Seconds from the space's return until the service was ready."""

    @property
    def bound(self) -> int:
        """The most bytes that may have been resent: what was taken in each interruption, a chunk at most."""
        return self.ledger.bound(self.unheard)

    @property
    def interruptions(self) -> int:
        """Exchanges with bodies that ended without an acknowledgment, or with one that its app did not live to hear."""
        return len(self.ledger.interrupted(self.unheard))

    @property
    def sent_in_vain(self) -> list[str]:
        """What was sent again although its app had been told that it is there."""
        return self.ledger.sent_in_vain(self.unheard)

    @property
    def faults(self) -> list[str]:
        """Everything that must not be; empty when the promise held."""
        faults = [*self.findings.faults, *self.trouble]
        faults += self.ledger.overdrawn(self.unheard)
        faults += [f"{item} was sent again after it was acknowledged" for item in self.sent_in_vain]
        return faults


class Fate:
    """Blows against the machine, by the seed."""

    KINDS = (
        ("API killed", 4),
        ("one API process killed", 3),
        ("worker killed", 3),
        ("database connection's process killed", 2),
        ("database server killed", 2),
        ("power cut", 3),
        ("disk full", 2),
    )
    OF_SMALL_DISKS = (("disk full, the database's log too", 3),)

    def __init__(self, machine: Machine, plan: Plan, say: Say) -> None:
        self.blows: Counter[str] = Counter()
        self.power: Counter[str] = Counter()
        self.back: list[float] = []
        self._machine = machine
        self._full = plan.full
        self._say = say
        self.dice = random.Random(f"{plan.seed}/fate")
        self._began = time.monotonic()

    def strike(self, kind: str | None = None) -> None:
        """One blow, and the machine is up again, as an init system would have it."""
        kinds = self.KINDS + (self.OF_SMALL_DISKS if self._machine.is_small_disk else ())
        names, weights = zip(*kinds, strict=True)
        chosen = kind or self.dice.choices(names, weights)[0]
        self.blows[chosen] += 1
        self._say(f"{time.monotonic() - self._began:7.1f} s  {chosen}")
        machine = self._machine
        match chosen:
            case "API killed":
                machine.kill_api()
            case "one API process killed":
                machine.kill_api_process(self.dice)
            case "worker killed":
                machine.kill_worker()
            case "database connection's process killed":
                machine.kill_backend(self.dice)
            case "database server killed":
                machine.kill_postgres()
            case "power cut":
                self.power.update(machine.lose_power())
            case _:
                self._fill_disk(chosen)
        time.sleep(self.dice.uniform(0, 2))
        machine.look_after()

    def _fill_disk(self, kind: str) -> None:
        """And see how long the service takes to come back when there is room again."""
        machine = self._machine
        seconds = self._full if machine.is_small_disk else (1, 5)
        machine.fill_disk(self.dice.uniform(*seconds), uses_up_log=kind != "disk full")
        began = time.monotonic()
        machine.look_after()
        self.back.append(time.monotonic() - began)


def run(
    plan: Plan,
    folder: Path,
    say: Say,
    *,
    data: Path | None = None,
    database: str | None = None,
    forget: str = "",
) -> Outcome:
    """Everything, from an empty folder; whatever happens, nothing goes on running.

    `data`: the service's data folder, else one beside the phones'; a small file system of its own is really filled up.
    `database`: an empty one that is not ours to kill, else the embedded one. `forget`: a negative control, see power.py.
    """
    machine = Machine(
        folder, data=data, database=database, api_processes=plan.api_processes, forget=forget, seed=plan.seed
    )
    began = time.monotonic()
    try:
        machine.start()
        city = build_city(machine)
        proxy = Proxy(machine.port, plan.phones, plan.seed, 0.0)
        proxy.start()
        try:
            officers = [
                Officer(
                    number, city, proxy, folder / f"phone{number}", plan.seed, plan.inspections, plan.photos
                )
                for number in range(plan.phones)
            ]
            say(f"{time.monotonic() - began:7.1f} s  the city is there, {plan.phones} phones are enrolled")
            fate = Fate(machine, plan, say)
            _work(plan, officers, proxy, fate, machine, say)
        finally:
            proxy.stop()
        machine.stop_worker()  # nothing is made or swept away while it is compared
        swept = asyncio.run(sweep_everything(machine.settings))
        for officer in officers:
            officer.look_back()
        city.officer.log_in()  # by the clock of the last start
        say("checking, by the public API and the storage")
        findings = check([one.journal for one in officers], city.officer, machine.data / "objects")
        city.http.close()
        outcome = _outcome(plan, time.monotonic() - began, fate, proxy, officers, findings, swept)
        outcome.ended, outcome.found_full = machine.ended, machine.found_full
        outcome.disk_bytes = shutil.disk_usage(machine.data).total if machine.is_small_disk else None
        return outcome
    finally:
        machine.stop()


def _work(plan: Plan, officers: list[Officer], proxy: Proxy, fate: Fate, machine: Machine, say: Say) -> None:
    """Officers work while blows fall; then they come to an end on a machine that is left alone."""
    proxy.rate = plan.fault_rate
    until = time.monotonic() + 60 * plan.minutes if plan.minutes else float("inf")
    for officer in officers:
        officer.start()
    coming: Iterator[str | None] = iter(plan.blows) if plan.blows is not None else repeat(None)
    for kind in coming:
        _pause(fate.dice.uniform(*plan.pause), officers)
        if not any(one.is_alive() for one in officers) or time.monotonic() > until:
            break
        fate.strike(kind)
    for officer in officers:
        if plan.minutes:
            officer.ending.set()
    say("no more blows; the phones finish")
    deadline = time.monotonic() + plan.finish_seconds
    while any(one.is_alive() for one in officers) and time.monotonic() < deadline:
        machine.look_after()
        _pause(0.5, officers)
    for officer in officers:
        officer.given_up.set()
        officer.ending.set()
    for officer in officers:
        officer.join(60)


def _pause(seconds: float, officers: list[Officer]) -> None:
    """Wait so long, or until nobody works any more."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(one.is_alive() for one in officers):
        time.sleep(0.05)


def _outcome(
    plan: Plan, seconds: float, fate: Fate, proxy: Proxy, officers: list[Officer], findings: Findings, swept: int
) -> Outcome:  # fmt: skip
    trouble = [f"{one.name}: {one.failure!r}" for one in officers if one.failure is not None]
    trouble += [f"{one.name} did not come to an end" for one in officers if one.is_alive()]
    trouble += [f"{one.name} set aside: {problem}" for one in officers for problem in one.journal.aside]
    return Outcome(
        plan=plan,
        seconds=seconds,
        blows=fate.blows,
        power=fate.power,
        back=sorted(fate.back),
        ledger=proxy.ledger,
        findings=findings,
        reconnects=sorted(time_ for one in officers for time_ in one.journal.reconnects),
        deaths=sum(one.journal.deaths for one in officers),
        acknowledged=sum(len(one.journal.told) for one in officers),
        sealed=sum(len(one.journal.sealed) for one in officers),
        unheard=[item for one in officers for item in one.journal.unheard],
        swept=swept,
        trouble=trouble,
    )
