"""Numbers as officers read them, in Chinese and English: moments, spans of time, lengths."""

from datetime import datetime
from typing import NamedTuple

from app.core.clock import SHANGHAI

MINUTE, HOUR, DAY = 60, 3_600, 86_400
KILOMETRE = 1_000


class Wording(NamedTuple):
    """The same in Chinese and in English."""

    zh: str
    en: str


def moment(at: datetime) -> str:
    """A moment in Beijing time, to the second."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def span(seconds: float) -> Wording:
    """A span of time in its two largest units; below a minute, in whole seconds."""
    whole = round(seconds)
    for unit, smaller, zh, en in (
        (DAY, HOUR, ("天", "小时"), ("d", "h")),
        (HOUR, MINUTE, ("小时", "分"), ("h", "min")),
        (MINUTE, 1, ("分", "秒"), ("min", "s")),
    ):
        if whole >= unit:
            large, small = whole // unit, whole % unit // smaller
            rest_zh, rest_en = (f"{small}{zh[1]}", f" {small} {en[1]}") if small else ("", "")
            return Wording(f"{large}{zh[0]}{rest_zh}", f"{large} {en[0]}{rest_en}")
    return Wording(f"{whole}秒", f"{whole} s")


def length(metres: float) -> Wording:
    """A length in metres, from ten kilometres on in kilometres."""
    if metres >= 10 * KILOMETRE:
        return Wording(f"{metres / KILOMETRE:.1f}公里", f"{metres / KILOMETRE:.1f} km")
    return Wording(f"{metres:.0f}米", f"{metres:.0f} m")
