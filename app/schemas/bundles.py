"""Bundle files: what is inside, and what became of it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.schemas.common import View, Wire
from app.schemas.mobile.packages import Sha256


class BundledFile(Wire):
    """A file in the bundle, at `evidence/<id>`."""

    id: UUID
    package_id: UUID
    hash: Sha256
    size: Annotated[int, Field(gt=0, lt=2**53)]


class BundleManifest(Wire):
    """`manifest.json`: everything that is in the bundle, and nothing else is."""

    schema_: Annotated[Literal["anshao.bundle/1"], Field(alias="schema")]
    packages: Annotated[list[UUID], Field(max_length=20_000)]
    evidence: Annotated[list[BundledFile], Field(max_length=20_000)]


class BundledPackage(Wire):
    """`packages/<id>.json`: a sealed package, unchanged, with its phone's signature."""

    sealed: str
    key_id: Annotated[str, Field(max_length=100)]
    signature: Annotated[str, Field(max_length=200)]


class BundleKeyView(View):
    """The key that bundle files of this authority's phones are encrypted to (age-encryption.org/v1)."""

    authority_id: UUID
    format: Literal["age-encryption.org/v1"]
    recipient: str
    valid_from: datetime


class BundledResult(View):
    """What became of one object. `accepted`: new; `known`: here already; `custody`: of a revoked phone, a person decides;
    `set_aside`: kept, a person decides; `refused`: not kept, and why."""

    kind: Literal["package", "evidence"]
    id: UUID
    hash: str | None
    status: Literal["accepted", "known", "custody", "set_aside", "refused"]
    code: str | None = None
    zh: str | None = None
    en: str | None = None


class BundleReport(View):
    """What became of a bundle file, object by object: every package, then every file."""

    hash: str
    results: list[BundledResult]
