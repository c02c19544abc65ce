"""What is odd about a package besides its answers: times, place, officers. Pure; gives flags, refuses nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from app.core.clock import shanghai_date
from app.schemas.mobile.packages import Envelope, Issue
from app.services.inspections.sealing import holds_unstorable_text

CLOCK_TOLERANCE = timedelta(minutes=10)
LONGEST_VISIT = timedelta(hours=24)
LEAST_OFFICERS = 2


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the server knows beside the package."""

    received_at: datetime
    certified_officers: Collection[UUID]
    authority_covers_site: bool
    is_sites_enterprise: bool
    is_sites_unit: bool
    assignment: "KnownAssignment | None"
    template_withdrawn: bool


@dataclass(frozen=True, slots=True)
class KnownAssignment:
    """The assignment the package names."""

    site_id: UUID
    planned_from: date
    planned_until: date
    members: Collection[UUID]
    is_cancelled: bool


def signable(envelope: Envelope, certified: Collection[UUID], received_at: datetime) -> bool:
    """Two different officers at least, every one certified on the day, the sender among them (行政处罚法 42).

    An assistant's package never is, nor one whose date cannot be true: certificates are judged on that day.
    """
    if not envelope.kind.is_enforcement or not _is_date_possible(envelope, received_at):
        return False
    officers = set(envelope.officers)
    return len(officers) >= LEAST_OFFICERS and officers <= set(certified) and envelope.user_id in officers


def judge_surroundings(envelope: Envelope, known: Surroundings) -> list[Issue]:
    """Every flag, in a stable order."""
    if not envelope.kind.is_enforcement:
        return [
            *_judge_assistant(envelope, known),
            *_judge_times(envelope, known.received_at),
            *_judge_position(envelope),
        ]
    return [
        *_judge_officers(envelope, known.certified_officers),
        *_judge_times(envelope, known.received_at),
        *_judge_position(envelope),
        *_judge_assignment(envelope, known),
    ]


def _judge_officers(envelope: Envelope, certified: Collection[UUID]) -> list[Issue]:
    issues = []
    if len(set(envelope.officers)) < LEAST_OFFICERS:
        issues.append(
            _issue(
                "too_few_officers",
                "officers",
                "执法人员不足两人，不能签章",
                "Fewer than two officers: not signable",
            )
        )
    if envelope.user_id not in envelope.officers:
        issues.append(
            _issue(
                "sender_not_an_officer",
                "officers",
                "提交人不在执法人员之列",
                "The sender is not one of the officers",
            )
        )
    for officer in dict.fromkeys(envelope.officers):
        if officer not in certified:
            issues.append(
                _issue(
                    "certificate_not_valid",
                    f"officers/{officer}",
                    "执法人员当日没有有效执法证，不能签章",
                    "The officer holds no certificate valid on the day: not signable",
                )
            )
    return issues


def _judge_times(envelope: Envelope, received_at: datetime) -> list[Issue]:
    times, issues = envelope.times, []
    if times.sealed_at > received_at + CLOCK_TOLERANCE:
        issues.append(
            _issue(
                "sealed_in_the_future",
                "times/sealed_at",
                "封存时间晚于服务器接收时间",
                "Sealed later than it was received",
            )
        )
    if times.started_at > times.sealed_at:
        issues.append(
            _issue(
                "started_after_sealing",
                "times/started_at",
                "开始时间晚于封存时间",
                "Started after it was sealed",
            )
        )
    elif times.sealed_at - times.started_at > LONGEST_VISIT:
        issues.append(
            _issue("absurd_duration", "times", "检查时长超过24小时", "The visit took longer than 24 hours")
        )
    if not _is_date_possible(envelope, received_at):
        issues.append(
            _issue(
                "legal_date_outside_window",
                "legal_date",
                "检查日期不在最后一次联网与接收之间",
                "The legal date lies outside last server contact and receipt",
            )
        )
    return issues


def _is_date_possible(envelope: Envelope, received_at: datetime) -> bool:
    """The declared date lies between the phone's last contact, as far as it is told, and the receipt."""
    contact = envelope.times.last_server_contact_at
    is_past = envelope.legal_date <= shanghai_date(received_at)
    return is_past and (contact is None or envelope.legal_date >= shanghai_date(contact))


def _judge_position(envelope: Envelope) -> list[Issue]:
    position = envelope.position
    if position is None:
        return [_issue("position_missing", "position", "没有定位信息", "There is no position")]
    if position.latitude == 0 and position.longitude == 0:
        return [
            _issue(
                "position_zero", "position", "定位为零点，视为无效", "The position is 0,0 and taken as none"
            )
        ]
    if position.mock:
        return [
            _issue(
                "position_mocked", "position", "定位来自模拟位置", "The position comes from a mock provider"
            )
        ]
    return []


def _judge_authority(known: Surroundings) -> list[Issue]:
    issues = []
    if not known.authority_covers_site:
        issues.append(
            _issue(
                "outside_jurisdiction",
                "authority_id",
                "该场所当日不在执法机关管辖范围内",
                "Outside the authority's jurisdiction",
            )
        )
    if not known.is_sites_enterprise:
        issues.append(
            _issue(
                "enterprise_other_site",
                "enterprise_id",
                "该企业不在此场所经营",
                "The enterprise is not the site's, nor its operator or landlord on the day",
            )
        )
    if not known.is_sites_unit:
        issues.append(
            _issue(
                "risk_unit_other_site",
                "risk_unit_id",
                "所列风险单元不属于该场所，未关联",
                "The risk unit is not one of the site's; the record is not tied to it",
            )
        )
    if known.template_withdrawn:
        issues.append(
            _issue(
                "template_withdrawn",
                "template",
                "检查表版本已停用",
                "The checklist version has been withdrawn",
            )
        )
    return issues


def _judge_assistant(envelope: Envelope, known: Surroundings) -> list[Issue]:
    """An assistant's package names no officers and does no assignment: what it says of them counts for nothing."""
    issues = _judge_authority(known)
    if envelope.officers:
        issues.append(
            _issue(
                "officers_not_counted",
                "officers",
                "专职安全员的记录不列执法人员，所列人员不计",
                "An assistant's record has no officers; those named do not count",
            )
        )
    if envelope.assignment_id is not None:
        issues.append(
            _issue(
                "assignment_not_counted",
                "assignment_id",
                "专职安全员的记录不执行执法任务",
                "An assistant's record does no enforcement assignment",
            )
        )
    return issues


def _judge_assignment(envelope: Envelope, known: Surroundings) -> list[Issue]:
    issues = _judge_authority(known)
    assignment = known.assignment
    if assignment is None:
        if envelope.assignment_id is not None:
            issues.append(
                _issue("assignment_unknown", "assignment_id", "任务不存在", "The assignment is not known")
            )
        return issues
    inside = assignment.planned_from <= envelope.legal_date <= assignment.planned_until
    if not inside or assignment.is_cancelled:
        issues.append(
            _issue(
                "assignment_not_current",
                "assignment_id",
                "任务已取消或不在任务期内",
                "Cancelled, or outside its period",
            )
        )
    if assignment.site_id != envelope.site_id:
        issues.append(
            _issue(
                "assignment_other_site", "site_id", "检查场所与任务不一致", "The site is not the assignment's"
            )
        )
    if not set(envelope.officers) <= set(assignment.members):
        issues.append(
            _issue(
                "officer_not_in_team",
                "officers",
                "执法人员不在任务检查组内",
                "An officer is not of the assignment's team",
            )
        )
    return issues


def judge_evidence(envelope: Envelope) -> list[Issue]:
    """Flags on the manifest: an id or a file declared twice."""
    return [
        *_repeated(
            [str(e.id) for e in envelope.evidence],
            "evidence_id_repeated",
            "证据编号重复",
            "An id is declared twice",
        ),
        *_repeated(
            [e.hash for e in envelope.evidence],
            "evidence_repeated",
            "同一文件重复申报",
            "The same file is declared twice",
        ),
    ]


def judge_text(sealed: bytes) -> list[Issue]:
    """A flag when the text holds what no column can: it reads as U+FFFD, and the sealed bytes hold what was typed."""
    if not holds_unstorable_text(sealed):
        return []
    return [
        _issue(
            "text_not_storable",
            "",
            "文本含空字符或不成对的代理字符，显示时以“\ufffd”代替，原始字节不变",
            "The text holds NUL or half a surrogate pair, shown as U+FFFD; the sealed bytes are unchanged",
        )
    ]


def _repeated(values: Sequence[str], code: str, zh: str, en: str) -> list[Issue]:
    seen: set[str] = set()
    again = [value for value in values if value in seen or seen.add(value)]  # type: ignore[func-returns-value]
    return [_issue(code, f"evidence/{value}", zh, en) for value in dict.fromkeys(again)]


def _issue(code: str, at: str, zh: str, en: str) -> Issue:
    return Issue(code=code, at=at, zh=zh, en=en)
