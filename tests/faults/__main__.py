"""`make faults`: the fault run, as long as wanted; ends with status 1 if anything was lost, doubled or altered."""

import argparse
import random
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from tests.faults.report import PAGE, lines, published
from tests.faults.run import Plan, run
from tests.support.small_disk import small_disk


def main() -> int:
    """Run, print, and write the page if asked."""
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="decides what befalls whom")
    parser.add_argument("--phones", type=int, default=8)
    parser.add_argument("--inspections", type=int, default=6, help="of each phone, unless --minutes is given")
    parser.add_argument("--minutes", type=float, help="go on with inspections and blows for so long")
    parser.add_argument("--rate", type=float, default=0.25, help="share of requests that something befalls")
    parser.add_argument(
        "--folder", type=Path, help="work here, and leave everything; else a folder that is removed"
    )
    parser.add_argument(
        "--small",
        type=int,
        metavar="MIB",
        help="the data folder, database and storage, on a file system of that size, which is really filled up (needs root)",
    )
    parser.add_argument("--blow", action="append", help="only these blows, in this order, and then no more")
    parser.add_argument(
        "--forget", choices=("files", "names"), default="", help="negative control: leave these syncs out"
    )
    parser.add_argument("--publish", action="store_true", help=f"write {PAGE.relative_to(PAGE.parents[1])}")
    given = parser.parse_args()
    plan = Plan(
        seed=given.seed,
        phones=given.phones,
        inspections=10**6 if given.minutes else given.inspections,
        minutes=given.minutes,
        fault_rate=given.rate,
        blows=tuple(given.blow) if given.blow else None,
    )
    print(f"seed {plan.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="anshao-faults-") as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with small_disk(folder / "disk", given.small) if given.small else nullcontext() as data:
            outcome = run(plan, folder, lambda line: print(line, flush=True), data=data, forget=given.forget)
    print(*lines(outcome), sep="\n")
    if given.publish and not outcome.faults:
        PAGE.write_text(published(PAGE.read_text(encoding="utf-8"), outcome), encoding="utf-8")
        print(f"written: {PAGE}")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
