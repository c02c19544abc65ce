"""Verifying the audit log: every sealed entry against its hash, every seal against its chain and signature, the chain's
head against the checkpoints outside the database. Names what was altered, removed, inserted or cut; changes nothing.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, RowMapping, any_, literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.history import AuditEntry, AuditSeal
from app.services.audit.chain import GENESIS, Checkpoint, entry_hash, seal_hash, signed_message
from app.services.identity.keys import KeyRing

SEALS_AT_ONCE = 50
LATE_AFTER = timedelta(minutes=5)
"""Sealing follows within seconds; an open transaction may hold an entry back for a minute."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: `kind` is stable, `place` names the entry, seal or file line, `zh`/`en` say it in words."""

    kind: str
    place: str
    zh: str
    en: str


_TEXTS: Mapping[str, tuple[str, str]] = {
    "entry_altered": ("审计记录被篡改", "the audit entry was altered"),
    "entry_removed": ("审计记录被删除", "the audit entry was removed"),
    "entry_inserted": (
        "审计记录既未封签也不在待封签队列中，系绕过日志插入",
        "the audit entry is neither sealed nor waiting: inserted behind the log's back",
    ),
    "seal_altered": ("封签内容被篡改", "the seal's content was altered"),
    "seal_removed": ("封签缺失", "the seal is missing"),
    "seal_unchained": ("封签与前一封签不衔接", "the seal does not follow from the seal before"),
    "signature_wrong": ("封签签名无效", "the seal's signature is not ours"),
    "tail_cut": ("库外检查点表明链尾被截断", "a checkpoint outside the database shows that the tail was cut"),
    "checkpoint_differs": ("与库外检查点不一致，链被改写", "differs from a checkpoint outside the database: rewritten"),
    "checkpoint_forged": ("检查点签名无效", "the checkpoint's signature is not ours"),
    "checkpoint_unreadable": ("检查点文件行无法读取", "the line of the checkpoint file cannot be read"),
}  # fmt: skip


_WAITING = text(
    """
    SELECT count(*) AS how_many, min(e.at) AS oldest_at
      FROM unsealed_entries u JOIN audit_entries e ON e.id = u.entry_id
    """
)
_REMOVED_BEFORE_SEALING = text(
    """
    SELECT u.entry_id FROM unsealed_entries u LEFT JOIN audit_entries e ON e.id = u.entry_id
     WHERE e.id IS NULL ORDER BY u.entry_id
    """
)
# which entries are sealed is read from the seals themselves, not from the index table beside them
_INSERTED = text(
    """
    SELECT e.id FROM audit_entries e
      LEFT JOIN (SELECT jsonb_array_elements_text(entry_ids)::bigint AS id FROM audit_seals) s ON s.id = e.id
      LEFT JOIN unsealed_entries u ON u.entry_id = e.id
     WHERE s.id IS NULL AND u.entry_id IS NULL ORDER BY e.id
    """
)


def _finding(kind: str, place: str) -> Finding:
    return Finding(kind, place, *_TEXTS[kind])


@dataclass(slots=True)
class AuditReport:
    """What was checked and what is wrong. `unsealed` entries are as yet proven by nothing: normally the last second's.

    `late` entries claim a time over five minutes before their seal: the worker stood still then, or they were backdated.
    """

    entries: int = 0
    seals: int = 0
    unsealed: int = 0
    oldest_unsealed_at: datetime | None = None
    late: int = 0
    checkpoints: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """True when nothing is wrong."""
        return not self.findings


async def verify_audit(
    session: AsyncSession,
    keys: KeyRing,
    checkpoints: Iterable[Checkpoint],
    unreadable_checkpoints: Iterable[str] = (),
) -> AuditReport:
    """Check the whole log in one consistent view (give a `database.snapshot()` session), fifty seals at a time."""
    report = AuditReport()
    report.findings += [_finding("checkpoint_unreadable", place) for place in unreadable_checkpoints]
    chain = _Chain(keys, report, checkpoints)
    async for seals in _seals_in_order(session):
        entries = await _entries_of(session, seals)
        for seal in seals:
            chain.follow(seal)
            _check_entries(report, seal, entries)
    chain.end()
    await _check_unsealed(session, report)
    return report


class _Chain:
    """Walks the seals in order and compares them with one another and with the checkpoints."""

    def __init__(self, keys: KeyRing, report: AuditReport, checkpoints: Iterable[Checkpoint]) -> None:
        self._keys = keys
        self._report = report
        self._number, self._hash = 0, GENESIS
        self._checkpoints: dict[int, list[Checkpoint]] = {}
        for checkpoint in checkpoints:
            report.checkpoints += 1
            if self._is_ours(checkpoint):
                self._checkpoints.setdefault(checkpoint.number, []).append(checkpoint)
            else:
                self._note("checkpoint_forged", checkpoint.number)

    def follow(self, seal: RowMapping) -> None:
        """Check one seal; the next one is expected to name its hash."""
        number = seal["number"]
        self._report.seals += 1
        for missing in range(self._number + 1, number):
            self._note("seal_removed", missing)
        content = seal_hash(
            number, seal["sealed_at"], seal["entry_ids"], seal["entry_hashes"], seal["previous_hash"]
        )
        if content != seal["seal_hash"] or len(seal["entry_ids"]) != len(seal["entry_hashes"]):
            self._note("seal_altered", number)
        elif not self._is_ours(Checkpoint(number, content, seal["signature"], seal["key_id"])):
            self._note("signature_wrong", number)
        if number == self._number + 1 and seal["previous_hash"] != self._hash:
            self._note("seal_unchained", number)
        if any(known.seal_hash != seal["seal_hash"] for known in self._checkpoints.pop(number, ())):
            self._note("checkpoint_differs", number)
        self._number, self._hash = number, seal["seal_hash"]

    def end(self) -> None:
        """Whatever checkpoint was not met lies beyond the chain's end, or in a gap already named."""
        beyond = [number for number in self._checkpoints if number > self._number]
        if beyond:
            self._note("tail_cut", max(beyond), f"seals {self._number + 1}-{max(beyond)}")

    def _is_ours(self, checkpoint: Checkpoint) -> bool:
        message = signed_message(checkpoint.number, checkpoint.seal_hash)
        try:
            return self._keys.verifies("audit", checkpoint.key_id, checkpoint.signature, message)
        except ValueError:
            return False

    def _note(self, kind: str, number: int, place: str | None = None) -> None:
        self._report.findings.append(_finding(kind, place or f"seal {number}"))


async def _seals_in_order(session: AsyncSession) -> AsyncIterator[list[RowMapping]]:
    after = -1
    while True:
        page = (
            select(*AuditSeal.__table__.columns)
            .where(AuditSeal.number > after)
            .order_by(AuditSeal.number)
            .limit(SEALS_AT_ONCE)
        )
        seals = list((await session.execute(page)).mappings().all())
        if not seals:
            return
        yield seals
        after = seals[-1]["number"]


async def _entries_of(session: AsyncSession, seals: list[RowMapping]) -> dict[int, Mapping[str, Any]]:
    ids = [entry_id for seal in seals for entry_id in seal["entry_ids"]]
    query = select(*AuditEntry.__table__.columns).where(
        AuditEntry.id == any_(literal(ids, ARRAY(BigInteger)))
    )
    return {row["id"]: dict(row) for row in (await session.execute(query)).mappings()}


def _check_entries(report: AuditReport, seal: RowMapping, entries: Mapping[int, Mapping[str, Any]]) -> None:
    for entry_id, sealed_hash in zip(seal["entry_ids"], seal["entry_hashes"], strict=False):
        report.entries += 1
        entry = entries.get(entry_id)
        if entry is None:
            report.findings.append(_finding("entry_removed", f"entry {entry_id}"))
        elif entry_hash(entry) != sealed_hash:
            report.findings.append(_finding("entry_altered", f"entry {entry_id}"))
        elif entry["at"] < seal["sealed_at"] - LATE_AFTER:
            report.late += 1


async def _check_unsealed(session: AsyncSession, report: AuditReport) -> None:
    waiting = (await session.execute(_WAITING)).mappings().one()
    report.unsealed, report.oldest_unsealed_at = waiting["how_many"], waiting["oldest_at"]
    for kind, query in (("entry_removed", _REMOVED_BEFORE_SEALING), ("entry_inserted", _INSERTED)):
        for entry_id in (await session.execute(query)).scalars():
            report.findings.append(_finding(kind, f"entry {entry_id}"))
