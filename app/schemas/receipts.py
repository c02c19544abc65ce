"""A receipt as it is written: what stands in the signed bytes and beside them. Newer versions may add members."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.mobile.packages import Count, Moment, Sha256


class ReceiptPart(BaseModel):
    """Read, never written, by this shape; members it does not know are covered by the signature all the same."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ReceiptPackage(ReceiptPart):
    """The sealed package: `hash` is over its bytes."""

    id: UUID
    hash: Sha256
    visit_id: UUID


class ReceiptTemplate(ReceiptPart):
    """The checklist version that was filled in."""

    id: UUID
    number: Count
    hash: Sha256


class ReceiptEvidence(ReceiptPart):
    """One declared file: stored and compared (`verified`), or lost by the phone and withdrawn by a signed statement."""

    id: UUID
    hash: Sha256
    size: Count
    status: Literal["verified", "withdrawn"]


class ReceiptCheckpoint(ReceiptPart):
    """The audit log's signed head when the receipt was made."""

    number: Count
    seal_hash: Sha256
    signature: str
    key_id: str


class ReceiptContent(ReceiptPart):
    """What is signed. `number` counts the receipts of one phone from 1; `previous_receipt` is the hash of the one before."""

    schema_: Annotated[Literal["anshao.receipt/1"], Field(alias="schema")]
    package: ReceiptPackage
    device_id: UUID
    template: ReceiptTemplate | None
    received_at: Moment
    completed_at: Moment
    evidence: list[ReceiptEvidence]
    number: Annotated[int, Field(ge=1, lt=2**53)]
    previous_receipt: Sha256 | None
    audit_checkpoint: ReceiptCheckpoint | None


class ReceiptDocument(ReceiptPart):
    """The whole: content, and the signature over its canonical JSON (RFC 8785). Beside what is signed nothing else may stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    receipt: ReceiptContent
    alg: Literal["Ed25519"]
    key_id: str
    signature: str
