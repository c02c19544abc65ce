"""What travels at the push door: rows as RxDB's HTTP replication sends them, and the documents that come back."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.mobile.packages import Issue


class PushedPackage(BaseModel):
    """A sealed package as a document: `sealed` holds its bytes unchanged, as text; further members are the phone's own."""

    model_config = ConfigDict(extra="allow")

    id: UUID
    sealed: str
    key_id: Annotated[str, Field(max_length=100)]
    signature: Annotated[str, Field(max_length=200)]


class PackageRow(BaseModel):
    """One row: the document, and what the phone believes the server to hold (not asked for: a package is made once)."""

    newDocumentState: PushedPackage
    assumedMasterState: dict[str, Any] | None = None


class StampedPackage(BaseModel):
    """The row's document as it came, with what the server says of it in place of whatever stood there.

    `rejected`: as the problem says, which is what the single PUT would have answered (RFC 9457, without request_id); its
    `retry` tells whether sending it again makes sense, and `seconds`, if there, after how long. Otherwise `problem` is null and
    the rest is the single PUT's answer; `missing_evidence` is true of this moment, and pulled documents do not have it.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    hash: str | None
    status: Literal["received", "processed", "rejected"]
    reason: str | None
    issues: list[Issue]
    signable: bool
    missing_evidence: list[UUID]
    receipt: bool
    problem: dict[str, Any] | None
    deleted: Annotated[Literal[False], Field(alias="_deleted")]
