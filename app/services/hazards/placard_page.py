"""What the public reads of a placard: one plain page, Chinese first, without scripts, of what may be published and nothing else."""

import hashlib
import io
from base64 import b64encode
from dataclasses import dataclass
from datetime import date
from html import escape

import segno

from app.core.wording import Wording

STYLE = (
    "body{margin:0 auto;max-width:42rem;padding:1rem;font:1.1rem/1.6 sans-serif;color:#1a1a1a;background:#fff}"
    "h1{border-bottom:.3rem solid #8b0000}dt{font-weight:bold}dd{margin:0 0 .6rem}section{margin:2rem 0}"
)
STYLE_HASH = "sha256-" + b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
"""Of the page's one style sheet, for its Content-Security-Policy: nothing else is loaded or run."""


@dataclass(frozen=True, slots=True)
class Published:
    """What is published: no person, no number of the enterprise, no address, not where the hazard came from.

    `since`: what has become of the hazard since the decision, where the decision's own words no longer hold.
    """

    title: Wording
    number: str
    enterprise: str
    district: Wording
    clause: str
    clause_text: Wording | None
    decided_on: date
    due_on: date | None
    authority: str
    text: Wording
    since: Wording | None = None


GONE = Wording("该挂牌已摘除，不再公示。", "This placard has been taken down and is published no longer.")
UNKNOWN = Wording("没有这块挂牌。", "There is no such placard.")

LABELS = (
    Wording("企业名称", "Enterprise"),
    Wording("所在区域", "District"),
    Wording("判定条款", "Clause"),
    Wording("文号", "Number"),
    Wording("决定日期", "Decided on"),
    Wording("治理期限", "To be removed by"),
    Wording("决定机关", "Authority"),
)


def placard_page(shown: Published) -> str:
    """The page. The words of the law and names of enterprises and authorities stay Chinese within the English part."""
    return _page(shown.title, _part(shown, "zh", shown.district.zh), _part(shown, "en", shown.district.en))


def qr_svg(address: str) -> str:
    """An address as a QR code (ISO/IEC 18004), a quarter of which may be dirt: it hangs at a gate."""
    code = io.BytesIO()
    segno.make(address, error="q", micro=False).save(
        code, kind="svg", scale=8, light="#fff", title=address, encoding="utf-8"
    )
    return code.getvalue().decode()


def sentence_page(sentence: Wording) -> str:
    """A page that says one sentence in both languages."""
    title = Wording("挂牌公示", "Published placard")
    return _page(title, f"<p>{escape(sentence.zh)}</p>", f"<p>{escape(sentence.en)}</p>")


def _page(title: Wording, zh: str, en: str) -> str:
    return (
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title.zh)} · {escape(title.en)}</title>'
        f"<style>{STYLE}</style></head>\n<body><main>"
        f'<section><h1>{escape(title.zh)}</h1>{zh}</section>\n'
        f'<section lang="en"><h2>{escape(title.en)}</h2>{en}</section></main></body></html>\n'
    )  # fmt: skip


def _part(shown: Published, language: str, district: str) -> str:
    clause = f"{shown.clause} {getattr(shown.clause_text, language)}" if shown.clause_text else shown.clause
    due = shown.due_on.isoformat() if shown.due_on else "—"
    chinese = {0, 3, 6}
    values = (
        shown.enterprise, district, clause, shown.number, shown.decided_on.isoformat(), due, shown.authority,
    )  # fmt: skip
    rows = []
    for place, (label, value) in enumerate(zip(LABELS, values, strict=True)):
        mark = ' lang="zh-CN"' if language == "en" and place in chinese else ""
        rows.append(f"<dt>{escape(getattr(label, language))}</dt><dd{mark}>{escape(value)}</dd>")
    since = f"<p><strong>{escape(getattr(shown.since, language))}</strong></p>" if shown.since else ""
    return f"{since}<p>{escape(getattr(shown.text, language))}</p><dl>{''.join(rows)}</dl>"
