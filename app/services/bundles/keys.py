"""The keys that bundle files are encrypted to: age (X25519), one current key per authority, files outside the database.

keys/bundles/<authority id>/<made at>-<end of the recipient>.age; the newest is published, every older one goes on decrypting what
phones made before they fetched it.
"""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pyrage import x25519

from app.core.clock import utc_now
from app.services.identity.keys import alone, make_folder, write_secret

_STAMP = "%Y%m%dT%H%M%S%f"


class BundleKeys:
    """The folder of bundle keys; read anew each time it is asked, which is seldom."""

    def __init__(self, keys_folder: Path) -> None:
        self._folder = keys_folder / "bundles"

    def recipient(self, authority_id: UUID) -> tuple[str, datetime]:
        """The public key (age1...) to encrypt to now, and since when it is the one; made when first asked for."""
        folder = self._folder / str(authority_id)
        if not self._newest(folder):
            self._make(folder)
            with alone(folder):
                if not self._newest(folder):
                    self.rotate(authority_id)
        newest = self._newest(folder)
        stamp = datetime.strptime(newest[0].name.partition("-")[0], _STAMP).replace(tzinfo=UTC)
        return str(_identity(newest[0]).to_public()), stamp

    def rotate(self, authority_id: UUID) -> str:
        """A new key for the authority's phones to encrypt to; gives its recipient."""
        folder = self._folder / str(authority_id)
        self._make(folder)
        identity = x25519.Identity.generate()
        recipient = str(identity.to_public())
        name = f"{utc_now().astimezone(UTC).strftime(_STAMP)}-{recipient[-12:]}.age"
        write_secret(folder / name, f"{identity}\n".encode())
        return recipient

    def rotate_all(self) -> dict[str, str]:
        """A new key for every authority that has one: its new recipient by the authority's id."""
        authorities = [UUID(path.name) for path in sorted(self._folder.glob("*")) if path.is_dir()]
        return {str(one): self.rotate(one) for one in authorities}

    def identities(self) -> list[x25519.Identity]:
        """Every private key, newest first: which one a file was encrypted to, only trying tells."""
        paths = sorted(self._folder.glob("*/*.age"), key=lambda path: path.name, reverse=True)
        return [_identity(path) for path in paths]

    def _make(self, folder: Path) -> None:
        make_folder(self._folder)
        make_folder(folder)

    def _newest(self, folder: Path) -> list[Path]:
        return sorted(folder.glob("*.age"), reverse=True)[:1]


def _identity(path: Path) -> x25519.Identity:
    return x25519.Identity.from_str(path.read_text().strip())
