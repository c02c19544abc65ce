"""The machine: Python, the data folder and its file system, room, clock, keys, checkpoints, fonts."""

import os
import platform
import resource
import secrets
import shutil
import stat
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

from app.config import Settings
from app.doctor.finding import Finding

NEEDED_PYTHON = (3, 11)
LEAST_FREE_BYTES = 1 << 30
COMFORTABLE_FREE_BYTES = 10 << 30
EARLIEST_YEAR = 2026
FORGETFUL = frozenset({"tmpfs", "ramfs"})
REMOTE = frozenset({"nfs", "nfs4", "cifs", "smbfs", "9p", "fuse.sshfs", "vboxsf", "virtiofs"})
SLOW_SYNC_SECONDS = 0.05


def check_python() -> Finding:
    """Python 3.11 or later, 64 bit."""
    is_good = sys.version_info >= NEEDED_PYTHON and sys.maxsize > 2**32
    detail = f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}"
    mend = "Install a 64-bit Python 3.11 or later, then `make clean` and `make demo`"
    return Finding("good" if is_good else "wrong", "Python 版本", "Python", detail, mend)


def check_data_folder(settings: Settings) -> Finding:
    """The data folder exists or can be made, has no space in its path, and takes durable files and links."""
    folder = settings.data_dir.resolve()
    words = ("数据目录", "Data folder")
    if any(character.isspace() for character in str(folder)) and settings.database_url is None:
        mend = "Choose an ANSHAO_DATA_DIR without spaces: the embedded database cannot use it"
        return Finding("wrong", *words, str(folder), mend)
    try:
        seconds = _write_durably(folder)
    except OSError as error:
        mend = f"Let this user write there (chown, chmod), or set ANSHAO_DATA_DIR: {error.strerror}"
        return Finding("wrong", *words, str(folder), mend)
    detail = f"{folder} ({seconds * 1000:.1f} ms to sync a file)"
    if seconds > SLOW_SYNC_SECONDS:
        return Finding(
            "doubtful", *words, detail, "Put it on a faster disk: every acknowledgement waits for it"
        )
    return Finding("good", *words, detail)


def check_file_system(settings: Settings) -> Finding:
    """Neither memory nor a network share."""
    folder = settings.data_dir.resolve()
    kind = _file_system_of(folder)
    words, detail = ("文件系统", "File system"), f"{kind} at {folder}"
    if kind in FORGETFUL:
        return Finding(
            "wrong", *words, detail, "A restart would lose everything: set ANSHAO_DATA_DIR to a disk"
        )
    if kind in REMOTE:
        mend = "PostgreSQL and durable links need a local disk: set ANSHAO_DATA_DIR to one, or use a served database and S3"
        return Finding("doubtful", *words, detail, mend)
    return Finding("good", *words, detail)


def check_room(settings: Settings) -> Finding:
    """Room for evidence: less than 1 GiB is wrong, less than 10 GiB doubtful."""
    free = shutil.disk_usage(_nearest(settings.data_dir.resolve())).free
    state: tuple[str, ...] = ("磁盘空间", "Disk space")
    detail, mend = f"{free / (1 << 30):.1f} GiB free", "Free some, or move ANSHAO_DATA_DIR to a larger disk"
    if free < LEAST_FREE_BYTES:
        return Finding("wrong", state[0], state[1], detail, mend)
    return Finding("good" if free >= COMFORTABLE_FREE_BYTES else "doubtful", state[0], state[1], detail, mend)


def check_clock() -> Finding:
    """The clock is of this age; whether it agrees with the database's is judged there."""
    now = datetime.now(UTC)
    mend = "Set the clock and keep it by NTP: `timedatectl set-ntp true`"
    return Finding("good" if now.year >= EARLIEST_YEAR else "wrong", "时钟", "Clock", now.isoformat(), mend)


def check_keys(settings: Settings) -> Finding:
    """The signing keys are readable by this user alone."""
    folder = settings.resolved_keys_dir.resolve()
    words = ("签名密钥", "Signing keys")
    if not folder.exists():
        return Finding("good", *words, f"{folder} (made at the first start)")
    open_ones = [
        path for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    if open_ones:
        mend = f"chmod -R go-rwx {folder}"
        return Finding(
            "wrong", *words, f"others may read {len(open_ones)} of them, first {open_ones[0]}", mend
        )
    foreign = [path for path in folder.rglob("*") if not os.access(path, os.R_OK)]
    if foreign:
        return Finding("wrong", *words, f"cannot read {foreign[0]}", f"chown -R {os.geteuid()} {folder}")
    return Finding("good", *words, str(folder))


def check_checkpoints(settings: Settings) -> Finding:
    """Audit checkpoints best lie on another disk than the database."""
    folder, words = settings.resolved_checkpoints_dir.resolve(), ("审计检查点", "Audit checkpoints")
    if (
        settings.database_url is None
        and _nearest(folder).stat().st_dev == _nearest(settings.data_dir).stat().st_dev
    ):
        mend = (
            "Set ANSHAO_CHECKPOINTS_DIR to another disk: whoever rewrites the database should not reach them"
        )
        return Finding("doubtful", *words, f"{folder}, on the database's own disk", mend)
    return Finding("good", *words, str(folder))


def check_open_files(settings: Settings) -> Finding:
    """As many files may be open at once as one API process can need: it raises its own limit as far as the machine lets it."""
    limit, needed = resource.getrlimit(resource.RLIMIT_NOFILE)[1], settings.open_files
    is_good = limit >= needed or limit == resource.RLIM_INFINITY
    detail = "unlimited" if limit == resource.RLIM_INFINITY else str(limit)
    mend = (
        f"Let it have {needed} (`ulimit -Hn`, LimitNOFILE of its systemd unit, --ulimit nofile of its container), "
        "or lower ANSHAO_SYNC_STREAMS"
    )
    return Finding("good" if is_good else "doubtful", "打开文件数上限", "Open files", detail, mend)


def check_fonts() -> Finding:
    """Chinese fonts, for printed documents."""
    words, mend = ("中文字体", "Chinese fonts"), "apt install fonts-noto-cjk"
    finder = shutil.which("fc-list")
    if finder is None:
        return Finding("optional", *words, "not found", mend)
    command = [finder, ":lang=zh", "family"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    families = sorted({line.split(",")[0] for line in listed.stdout.splitlines() if line.strip()})
    return Finding("good" if families else "optional", *words, ", ".join(families[:2]) or "not found", mend)


def check_browser() -> Finding:
    """A browser without a window, for pictures of pages."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
        None,
    )
    return Finding(
        "good" if found else "optional", "Chromium", "Chromium", found or "not found", "apt install chromium"
    )


def _write_durably(folder: Path) -> float:
    """Do once what each piece of evidence asks for: write, sync, link, sync the folder. Seconds taken."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".doctor-{secrets.token_hex(8)}"
    linked = probe.with_suffix(".link")
    try:
        began = time.perf_counter()
        with probe.open("xb") as file:
            file.write(b"doctor")
            file.flush()
            os.fsync(file.fileno())
        os.link(probe, linked)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return time.perf_counter() - began
    finally:
        probe.unlink(missing_ok=True)
        linked.unlink(missing_ok=True)
        for path in made:
            with suppress(OSError):
                path.rmdir()


def _nearest(path: Path) -> Path:
    """The path itself, or its nearest parent that exists."""
    return next(one for one in (path.resolve(), *path.resolve().parents) if one.exists())


def _file_system_of(folder: Path) -> str:
    """The kind of the file system the folder lies, or would lie, on."""
    nearest = _nearest(folder)
    partitions = sorted(psutil.disk_partitions(all=True), key=lambda one: len(one.mountpoint), reverse=True)
    return next((one.fstype for one in partitions if nearest.is_relative_to(one.mountpoint)), "unknown")
