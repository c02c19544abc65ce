"""A real file system of a few hundred megabytes, to be filled up. Mounting one takes a privilege that not every machine gives."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNMOUNT_SECONDS = 20


class CannotMount(Exception):
    """This machine, or this user, mounts nothing; the message says why."""


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A file system of that size at `folder`, which is made; gone with everything on it at the end. Raises CannotMount."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotMount("there is no `mount`") from error
    except subprocess.CalledProcessError as error:
        raise CannotMount(error.stderr.strip()) from error
    try:
        yield folder
    finally:
        _unmount(folder)


def _unmount(folder: Path) -> None:
    """Processes that were killed let go of it a moment later."""
    until = time.monotonic() + UNMOUNT_SECONDS
    while subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode:
        if time.monotonic() > until:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
            return
        time.sleep(0.2)
