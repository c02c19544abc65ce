"""How the interpreter works while tests run. Imported before everything else."""

import gc
import os
import sys

# Like an operator's program, what is tested is compiled once; also by the more than a hundred processes that tests start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Half a million objects are made while everything is imported and collected, and they stay to the end.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is looked for among what the tests make, as the served program does it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    gc.enable()
