"""Judging the provenance of one photograph: known facts in, explained checks out. Pure; nothing here refuses a file.

Three-valued: a check whose facts are not all known says so and is no flag. Every reason carries the numbers it compared; limits
and weights are data (app/content/evidence/provenance.yaml). Positions are microdegrees of WGS-84 unless a datum is named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.clock import SHANGHAI
from app.core.geo import metres_between, to_wgs84
from app.enums.evidence import Outcome, ProvenanceCheck
from app.services.enterprises.geofence import metres_outside
from app.services.evidence.likeness import Turn
from app.services.evidence.standards import Standards
from app.services.evidence.wording import length, moment, span

HIGHEST_SCORE = 100
KMH = 3.6
_DATUMS = {"wgs-84": "wgs84", "wgs84": "wgs84", "gcj-02": "gcj02", "gcj02": "gcj02", "cgcs2000": "cgcs2000"}

Place = tuple[int, int]
"""Latitude and longitude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A position with its accuracy in metres, when it was stated."""

    place: Place
    accuracy_m: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """What the file says of itself. `taken_at` without an offset is the camera's wall time; `place` is of `datum`."""

    make: str | None = None
    model: str | None = None
    software: str | None = None
    taken_at: datetime | None = None
    satellite_at: datetime | None = None
    place: Place | None = None
    datum: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The capture before this one on the same phone, by its clock; with a position. `is_same_boot`: of the same package."""

    captured_at: datetime
    fix: Fix
    monotonic_ms: int | None = None
    is_same_boot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one photograph; None: not known. `camera` None: the file could not be read as a picture."""

    received_at: datetime
    source: str | None = None
    captured_at: datetime | None = None
    monotonic_ms: int | None = None
    sealed_at: datetime | None = None
    sealed_monotonic_ms: int | None = None
    fix: Fix | None = None
    is_mock: bool | None = None
    camera: Camera | None = None
    fence: tuple[Place, ...] | None = None
    site_place: Place | None = None
    previous: Capture | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check's outcome and reason; `weight` is 0 unless flagged. `compared`: the numbers behind the words."""

    code: ProvenanceCheck
    outcome: Outcome
    weight: int
    zh: str
    en: str
    compared: Mapping[str, Any]


def judge(facts: Facts, standards: Standards) -> list[Check]:
    """Every check but that for duplicates, which depends on who reads it (judge_duplicate)."""
    return [check(facts, standards) for check in _CHECKS]


def score_of(checks: Sequence[Check]) -> int:
    """0 (nothing found) to 100."""
    return min(HIGHEST_SCORE, sum(check.weight for check in checks))


def judge_duplicate(
    standards: Standards, *, is_exact: bool, is_same_visit: bool, bits: int, turn: Turn
) -> Check:
    """The flag for one earlier photograph of the same authority with the same bytes, or that looks the same."""
    kind = ("exact_duplicate" if is_exact else "near_duplicate") + ("_same_visit" if is_same_visit else "")
    where_zh, where_en = ("同一次检查", "of this visit") if is_same_visit else ("另一次", "of another visit")
    limit = standards.likeness["largest_distance"]
    if is_exact:
        zh, en = f"与{where_zh}的既往照片字节完全相同", f"The same bytes as an earlier photograph {where_en}"
    else:
        zh = f"与{where_zh}的既往照片近似（64位感知哈希相差{bits}位，不超过{limit}位{_TURNS_ZH[turn]}）"
        en = f"Looks like an earlier photograph {where_en} ({bits} of 64 bits differ, at most {limit}{_TURNS_EN[turn]})"
    compared = {"bits": bits, "limit_bits": limit, "turn": turn.name.lower()}
    return _flag(ProvenanceCheck.DUPLICATE, standards.weights[kind], zh, en, compared)


_TURNS_ZH = dict.fromkeys(Turn, "，镜像或旋转后") | {
    Turn.UPRIGHT: "",
    Turn.UPSIDE_DOWN: "，旋转180度后",
    Turn.QUARTER: "，旋转90度后",
    Turn.THREE_QUARTERS: "，旋转90度后",
    Turn.MIRRORED: "，镜像后",
}
_TURNS_EN = dict.fromkeys(Turn, ", once mirrored and turned") | {
    Turn.UPRIGHT: "",
    Turn.UPSIDE_DOWN: ", once turned by 180°",
    Turn.QUARTER: ", once turned by 90°",
    Turn.THREE_QUARTERS: ", once turned by 90°",
    Turn.MIRRORED: ", once mirrored",
}


def _flag(code: ProvenanceCheck, weight: int, zh: str, en: str, compared: Mapping[str, Any]) -> Check:
    return Check(code, Outcome.FLAGGED, weight, zh, en, compared)


def _fine(code: ProvenanceCheck, zh: str, en: str, compared: Mapping[str, Any]) -> Check:
    return Check(code, Outcome.FINE, 0, zh, en, compared)


def _unknown(code: ProvenanceCheck, zh: str, en: str) -> Check:
    return Check(code, Outcome.UNKNOWN, 0, zh, en, {})


def _limited(
    code: ProvenanceCheck, standards: Standards, value: float, limit: float, zh: str, en: str, compared: Mapping[str, Any]
) -> Check:  # fmt: skip
    """Flagged when the value, in the whole units in which it is written down, lies above its limit; exactly at it, fine."""
    if round(value) > limit:
        return _flag(code, standards.weights[code.value], zh, en, compared)
    return _fine(code, zh, en, compared)


def _source(facts: Facts, standards: Standards) -> Check:
    code = ProvenanceCheck.SOURCE
    match facts.source:
        case None:
            return _unknown(
                code, "未申报照片来源（如由电脑上传）", "No source was declared (a file from a desk, say)"
            )
        case "camera":
            return _fine(code, "由执法App现场拍摄", "Taken within the app", {"source": "camera"})
        case "gallery":
            zh, en = (
                "从手机相册选取，并非App现场拍摄",
                "Chosen from the phone's gallery, not taken within the app",
            )
        case _:
            zh, en = (
                "从手机文件选取，并非App现场拍摄",
                "Chosen from the phone's files, not taken within the app",
            )
    kind = "source_gallery" if facts.source == "gallery" else "source_file"
    return _flag(code, standards.weights[kind], zh, en, {"source": facts.source})


_NOT_READ = (
    "文件不是可读取的照片，无拍摄信息可比",
    "The file is no picture that can be read: no camera data to compare",
)
_NO_EXIF_TIME = ("照片未写明拍摄时间", "The photograph does not say when it was taken")
_NO_EXIF_PLACE = ("照片未写明拍摄位置", "The photograph does not say where it was taken")
_NO_CAPTURE_TIME = ("手机未申报拍摄时间", "The phone declared no time of capture")
_NO_FIX = ("手机未申报拍摄位置", "The phone declared no position")
_ASSUMED = ("EXIF未写时区，按北京时间理解", "EXIF names no offset: read as Beijing time")


def _exif_missing(facts: Facts, standards: Standards) -> Check:
    code, camera = ProvenanceCheck.EXIF_MISSING, facts.camera
    if camera is None:
        return _unknown(code, *_NOT_READ)
    named = " ".join(part for part in (camera.make, camera.model) if part)
    if not named and camera.taken_at is None:
        zh = "照片不含相机、拍摄时间等信息；经微信等软件转发常会如此"
        en = "The photograph names neither camera nor time; messengers often strip them"
        return _flag(code, standards.weights[code.value], zh, en, {})
    zh, en = f"照片写明：{named or '相机未写明'}", f"The photograph names: {named or 'no camera'}"
    return _fine(code, zh, en, {"camera": named or None})


def _aware(at: datetime) -> tuple[datetime, bool]:
    """The camera's time as a moment, and whether Beijing time had to be assumed."""
    return (at, False) if at.tzinfo else (at.replace(tzinfo=SHANGHAI), True)


def _exif_time(facts: Facts, standards: Standards) -> Check:
    code, camera = ProvenanceCheck.EXIF_TIME, facts.camera
    if camera is None:
        return _unknown(code, *_NOT_READ)
    if camera.taken_at is None:
        return _unknown(code, *_NO_EXIF_TIME)
    if facts.captured_at is None:
        return _unknown(code, *_NO_CAPTURE_TIME)
    return _apart(code, standards, camera.taken_at, facts.captured_at, ("申报拍摄时间", "the declared time"))


def _exif_satellite_time(facts: Facts, standards: Standards) -> Check:
    code, camera = ProvenanceCheck.EXIF_SATELLITE_TIME, facts.camera
    if camera is None:
        return _unknown(code, *_NOT_READ)
    if camera.taken_at is None:
        return _unknown(code, *_NO_EXIF_TIME)
    if camera.satellite_at is None:
        return _unknown(code, "照片未写明卫星时间", "The photograph carries no satellite time")
    return _apart(code, standards, camera.taken_at, camera.satellite_at, ("其卫星时间", "its satellite time"))


def _apart(
    code: ProvenanceCheck, standards: Standards, taken: datetime, other: datetime, names: tuple[str, str]
) -> Check:
    taken_at, is_assumed = _aware(taken)
    limit = standards.durations[code.value]
    seconds = abs((taken_at - other).total_seconds())
    zh = (
        f"EXIF时间{moment(taken_at)}，{names[0]}{moment(other)}，相差{span(seconds).zh}（限{span(limit).zh}）"
    )
    en = f"EXIF time {moment(taken_at)}, {names[1]} {moment(other)}: {span(seconds).en} apart (limit {span(limit).en})"
    if is_assumed:
        zh, en = f"{zh}；{_ASSUMED[0]}", f"{en}; {_ASSUMED[1]}"
    compared = {"difference_s": round(seconds), "limit_s": limit, "offset_assumed": is_assumed}
    return _limited(code, standards, seconds, limit, zh, en, compared)


def _capture_ahead_of_receipt(facts: Facts, standards: Standards) -> Check:
    code = ProvenanceCheck.CAPTURE_AHEAD_OF_RECEIPT
    if facts.captured_at is None:
        return _unknown(code, *_NO_CAPTURE_TIME)
    return _ahead(
        code, standards, facts.captured_at, facts.received_at, ("申报拍摄时间", "The declared time")
    )


def _exif_ahead_of_receipt(facts: Facts, standards: Standards) -> Check:
    code, camera = ProvenanceCheck.EXIF_AHEAD_OF_RECEIPT, facts.camera
    if camera is None:
        return _unknown(code, *_NOT_READ)
    if camera.taken_at is None:
        return _unknown(code, *_NO_EXIF_TIME)
    taken_at, is_assumed = _aware(camera.taken_at)
    found = _ahead(code, standards, taken_at, facts.received_at, ("EXIF时间", "EXIF time"))
    if not is_assumed:
        return found
    zh, en = f"{found.zh}；{_ASSUMED[0]}", f"{found.en}; {_ASSUMED[1]}"
    return Check(code, found.outcome, found.weight, zh, en, found.compared)


def _ahead(
    code: ProvenanceCheck, standards: Standards, taken_at: datetime, received_at: datetime, names: tuple[str, str]
) -> Check:  # fmt: skip
    limit = standards.durations["ahead_of_receipt"]
    seconds = (taken_at - received_at).total_seconds()
    apart, order_zh, order_en = (
        span(abs(seconds)),
        "晚" if seconds > 0 else "早",
        "after" if seconds > 0 else "before",
    )
    zh = f"{names[0]}{moment(taken_at)}比服务器收到时间{moment(received_at)}{order_zh}{apart.zh}（最多可晚{span(limit).zh}）"
    en = (
        f"{names[1]} {moment(taken_at)} is {apart.en} {order_en} the server's receipt {moment(received_at)} "
        f"(at most {span(limit).en} after)"
    )
    return _limited(code, standards, seconds, limit, zh, en, {"ahead_s": round(seconds), "limit_s": limit})


def _late_receipt(facts: Facts, standards: Standards) -> Check:
    code = ProvenanceCheck.LATE_RECEIPT
    if facts.captured_at is None:
        return _unknown(code, *_NO_CAPTURE_TIME)
    seconds = (facts.received_at - facts.captured_at).total_seconds()
    limit = standards.durations[code.value]
    between = span(max(0.0, seconds))
    zh = f"拍摄后{between.zh}服务器才收到（通常在{span(limit).zh}内）"
    en = f"Received {between.en} after capture (usually within {span(limit).en})"
    return _limited(code, standards, seconds, limit, zh, en, {"delay_s": round(seconds), "limit_s": limit})


def _device_clock(facts: Facts, standards: Standards) -> Check:
    code = ProvenanceCheck.DEVICE_CLOCK
    captured, sealed = facts.captured_at, facts.sealed_at
    began, ended = facts.monotonic_ms, facts.sealed_monotonic_ms
    if captured is None or sealed is None or began is None or ended is None:
        return _unknown(
            code,
            "手机未申报拍摄和封装时的运行时长",
            "The phone did not state its running time at capture and sealing",
        )
    if ended < began:
        return _unknown(
            code,
            "拍摄后手机重启过，运行时长不可比",
            "The phone restarted after the capture: nothing to compare",
        )
    by_clock, by_running = (sealed - captured).total_seconds(), (ended - began) / 1000
    seconds, limit = abs(by_clock - by_running), standards.durations[code.value]
    zh = (
        f"拍摄到封装：按手机时钟{_signed(by_clock).zh}，按运行时长{span(by_running).zh}，相差{span(seconds).zh}（限{span(limit).zh}）；"
        "相差大则时钟被更改或手机重启过"
    )
    en = (
        f"From capture to sealing: {_signed(by_clock).en} by the phone's clock, {span(by_running).en} by its running time, "
        f"{span(seconds).en} apart (limit {span(limit).en}); far apart means the clock was changed or the phone restarted"
    )
    return _limited(
        code, standards, seconds, limit, zh, en, {"difference_s": round(seconds), "limit_s": limit}
    )


def _signed(seconds: float) -> Any:
    found = span(abs(seconds))
    return found if seconds >= 0 else type(found)(f"倒退{found.zh}", f"{found.en} backwards")


def _mock_position(facts: Facts, standards: Standards) -> Check:
    code = ProvenanceCheck.MOCK_POSITION
    if facts.is_mock is None:
        return _unknown(
            code, "手机未说明位置是否来自模拟定位", "The phone does not say whether a position was mocked"
        )
    if facts.is_mock:
        zh, en = "手机报告该位置来自模拟定位", "The phone reports that this position was mocked"
        return _flag(code, standards.weights[code.value], zh, en, {"mock": True})
    return _fine(code, "手机未报告模拟定位", "The phone reports no mocking", {"mock": False})


def _readings(camera: Camera) -> list[Place]:
    """The camera's position in WGS-84; by every datum it can be of when it names none, empty when it names a strange one."""
    if camera.place is None:
        return []
    if camera.datum is None:
        return [to_wgs84(*camera.place, datum) for datum in ("wgs84", "gcj02")]
    datum = _DATUMS.get(camera.datum.strip().lower())
    return [to_wgs84(*camera.place, datum)] if datum else []


def _camera_place(code: ProvenanceCheck, facts: Facts) -> tuple[list[Place], Check | None]:
    if facts.camera is None:
        return [], _unknown(code, *_NOT_READ)
    if facts.camera.place is None:
        return [], _unknown(code, *_NO_EXIF_PLACE)
    found = _readings(facts.camera)
    if not found:
        return [], _unknown(code, "EXIF位置的坐标系不明", "EXIF names a datum that is not known here")
    return found, None


def _exif_position(facts: Facts, standards: Standards) -> Check:
    code, fix = ProvenanceCheck.EXIF_POSITION, facts.fix
    readings, unknown = _camera_place(code, facts)
    if unknown is not None:
        return unknown
    if fix is None:
        return _unknown(code, *_NO_FIX)
    metres = min(metres_between(reading, fix.place) for reading in readings)
    limit = standards.distances[code.value]
    return _distant(
        code,
        standards,
        metres,
        limit,
        fix.accuracy_m,
        ("EXIF位置距申报位置", "EXIF position to declared position"),
    )


def _geofence(facts: Facts, standards: Standards) -> Check:
    code, fix = ProvenanceCheck.GEOFENCE, facts.fix
    if fix is None:
        return _unknown(code, *_NO_FIX)
    return _from_site(code, facts, standards, [fix.place], fix.accuracy_m, ("申报位置", "Declared position"))


def _exif_geofence(facts: Facts, standards: Standards) -> Check:
    code = ProvenanceCheck.EXIF_GEOFENCE
    readings, unknown = _camera_place(code, facts)
    return unknown or _from_site(code, facts, standards, readings, None, ("EXIF位置", "EXIF position"))


def _from_site(
    code: ProvenanceCheck, facts: Facts, standards: Standards, readings: Sequence[Place], accuracy_m: int | None,
    names: tuple[str, str],
) -> Check:  # fmt: skip
    if facts.fence is not None:
        fence = facts.fence
        metres = min(metres_outside(fence, *reading) for reading in readings)
        limit = standards.distances["geofence"]
        names = (f"{names[0]}在场所边界之外", f"{names[1]} outside the site's outline by")
    elif facts.site_place is not None:
        site_place = facts.site_place
        metres = min(metres_between(site_place, reading) for reading in readings)
        limit = standards.distances["site_without_geofence"]
        names = (f"{names[0]}距场所（未划定边界）", f"{names[1]} to the site (no outline is drawn)")
    else:
        return _unknown(code, "场所没有位置和边界", "The site has neither position nor outline")
    return _distant(code, standards, metres, limit, accuracy_m, names)


def _distant(
    code: ProvenanceCheck, standards: Standards, metres: float, limit: int, accuracy_m: int | None, names: tuple[str, str]
) -> Check:  # fmt: skip
    """Flagged when the distance lies above limit and accuracy together; an accuracy that was not stated is assumed."""
    assumed = standards.distances["unknown_accuracy"] if accuracy_m is None else accuracy_m
    said_zh, said_en = ("未报，按", "not stated, taken as ") if accuracy_m is None else ("", "")
    zh = f"{names[0]}{length(metres).zh}（限{length(limit).zh}，另加定位误差{said_zh}{length(assumed).zh}）"
    en = f"{names[1]}: {length(metres).en} (limit {length(limit).en}, plus accuracy {said_en}{length(assumed).en})"
    compared = {"distance_m": round(metres), "limit_m": limit, "accuracy_m": accuracy_m}
    return _limited(code, standards, metres, limit + assumed, zh, en, compared)


def _software(facts: Facts, standards: Standards) -> Check:
    code, camera = ProvenanceCheck.SOFTWARE, facts.camera
    if camera is None:
        return _unknown(code, *_NOT_READ)
    if camera.software is None:
        return _unknown(code, "照片未写明软件", "The photograph names no software")
    named = camera.software
    known = next((name for name in standards.editing_software if name in named.lower()), None)
    compared = {"software": named}
    if known is None:
        return _fine(
            code,
            f"写明的软件不是图像编辑软件：{named}",
            f"The software it names is no editor: {named}",
            compared,
        )
    zh, en = f"照片经图像编辑软件处理：{named}", f"The photograph went through an editor: {named}"
    return _flag(code, standards.weights[code.value], zh, en, compared)


def _speed(facts: Facts, standards: Standards) -> Check:
    code, before = ProvenanceCheck.SPEED, facts.previous
    if facts.captured_at is None:
        return _unknown(code, *_NO_CAPTURE_TIME)
    if facts.fix is None:
        return _unknown(code, *_NO_FIX)
    if before is None:
        return _unknown(
            code, "该手机没有更早的带位置拍摄", "This phone has no earlier capture with a position"
        )
    metres = metres_between(facts.fix.place, before.fix.place)
    allowance = sum(
        standards.distances["unknown_accuracy"] if fix.accuracy_m is None else fix.accuracy_m
        for fix in (facts.fix, before.fix)
    )
    seconds = max(standards.durations["least_elapsed"], _elapsed(facts, facts.captured_at, before))
    travelled = max(0.0, metres - allowance)
    is_short = travelled < standards.distances["least_travel"]
    kmh = 0.0 if is_short else travelled / seconds * KMH
    limit = standards.impossible_kmh
    zh = (
        f"距同一手机上一次拍摄{length(metres).zh}（扣除定位误差{length(allowance).zh}），间隔{span(seconds).zh}，"
        f"折合每小时{kmh:.0f}公里（限{limit}公里）"
    )
    en = (
        f"{length(metres).en} from the same phone's capture before (less accuracy {length(allowance).en}), {span(seconds).en} "
        f"later: {kmh:.0f} km/h (limit {limit} km/h)"
    )
    compared = {
        "distance_m": round(metres),
        "allowance_m": allowance,
        "elapsed_s": round(seconds),
        "kmh": round(kmh),
        "limit_kmh": limit,
    }
    return _limited(code, standards, kmh, limit, zh, en, compared)


def _elapsed(facts: Facts, captured_at: datetime, before: Capture) -> float:
    """By the phone's running time within one package, where both captures state it in order; else by its clock."""
    began, ended = before.monotonic_ms, facts.monotonic_ms
    if before.is_same_boot and began is not None and ended is not None and ended >= began:
        return (ended - began) / 1000
    return (captured_at - before.captured_at).total_seconds()


_CHECKS: tuple[Callable[[Facts, Standards], Check], ...] = (
    _source, _exif_missing, _exif_time, _capture_ahead_of_receipt, _exif_ahead_of_receipt, _late_receipt,
    _exif_satellite_time, _device_clock, _mock_position, _exif_position, _geofence, _exif_geofence, _software, _speed,
)  # fmt: skip
