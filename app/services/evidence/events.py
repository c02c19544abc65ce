"""News of evidence."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PackageEvidenceCompleted:
    """The last declared file of a package is stored (or withdrawn)."""

    package_id: UUID
