"""The shipped checklists and the rules any checklist's content keeps."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.enums.checklists import Handling, Severity
from app.services.checklists.content import (
    canonical_bytes,
    content_hash,
    parse_checklist,
    placed_items,
    read_content_file,
    shipped_bodies,
)
from app.services.checklists.diff import diff_bodies
from app.services.checklists.errors import ContentInvalidProblem
from tests.factories.checklists import body, item, section, yes_no

SHIPPED = shipped_bodies()
COUNTS = {"rto": 30, "confined-space": 29, "hot-work": 27, "evacuation": 24, "outsourced-work": 20}
PREFIXES = {
    "rto": "RTO",
    "confined-space": "CS",
    "hot-work": "HW",
    "evacuation": "EV",
    "outsourced-work": "RV",
}

ONE_SIDED: dict[str, set[str]] = {
    "rto": {"MEM10-13-2.in_scope"},
    "hot-work": {"MEM10-13-2.in_scope"},
    "evacuation": {"MEM10-11-1.gathering_place_inside"},
    "confined-space": set(),
    "outsourced-work": set(),
}
"""Keys of which these questions can only ever tell one side; the other stays unknown on purpose."""


def test_five_checklists_ship_with_their_hundred_and_thirty_items() -> None:
    for code, count in COUNTS.items():
        items = [placed.item for placed in placed_items(parse_checklist(SHIPPED[code]))]
        listed = sorted(one.code for one in items if not one.supplementary)
        assert listed == [f"{PREFIXES[code]}-{number:02d}" for number in range(1, count + 1)]
    assert set(SHIPPED) == set(COUNTS)


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_every_listed_item_has_a_fact_key_a_basis_and_a_named_clause_when_major(code: str) -> None:
    for one in (placed.item for placed in placed_items(parse_checklist(SHIPPED[code]))):
        assert one.supplementary or one.facts, one.code
        assert one.basis, one.code
        assert (one.severity is Severity.GENERAL) or one.clauses, one.code
        assert one.handling is not Handling.NO_PENALTY or not one.penalties, one.code
        fire = any(reference.document == "XFF" for reference in one.penalties)
        assert not fire or one.handling is Handling.REFER_FIRE, one.code


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_every_clause_key_is_reached_and_yes_no_keys_can_become_both(code: str) -> None:
    """A clause fact that could only ever be true (or only false) would hide the other side of the law."""
    values: dict[str, set[Any]] = {}
    for one in (placed.item for placed in placed_items(parse_checklist(SHIPPED[code]))):
        for rule in one.facts:
            if not rule.supplementary:
                told = set(rule.map.values()) if rule.map else {True, False}
                values.setdefault(rule.key, set()).update(told)
    one_sided = {key for key, told in values.items() if told < {True, False}}
    assert one_sided <= ONE_SIDED[code]


def test_source_list_agrees_on_photographs_severity_and_clauses(shared_folder: Path) -> None:
    source = yaml.safe_load((shared_folder / "law" / "checklists.yaml").read_text(encoding="utf-8"))
    ours = {
        p.item.code: p.item for shipped in SHIPPED.values() for p in placed_items(parse_checklist(shipped))
    }
    rows = [row for key, part in source.items() if key != "meta" for row in part]
    assert len(rows) == 130
    for row in rows:
        one = ours[row["code"]]
        assert bool(one.evidence) is row["evidence"]["photo_required"], one.code
        assert one.recommends_video is row["evidence"]["video_recommended"], one.code
        assert one.severity == row["severity_default"], one.code
        cited = set(re.findall(r"(?:MEM10|AQ3067)-[\d.]+(?:-\d+)*", row["major_ref"] or ""))
        assert {c.clause for c in one.clauses if c.clause != "GB35181"} == cited, one.code
        assert ("GB 35181" in (row["major_ref"] or "")) is any(c.clause == "GB35181" for c in one.clauses), (
            one.code
        )


def test_unconfirmed_figures_are_settings_with_their_mark() -> None:
    marked = {
        (code, key): setting.value
        for code, shipped in SHIPPED.items()
        for key, setting in parse_checklist(shipped).settings.items()
        if setting.to_be_confirmed
    }
    assert marked[("hot-work", "gas_test_minutes")] == 30
    assert marked[("rto", "chamber_celsius")] == 760
    assert marked[("confined-space", "hydrogen_sulfide_mg")] == 10
    assert ("confined-space", "oxygen_low") not in marked


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_limits_stand_in_settings_never_in_items(code: str) -> None:
    text = json.dumps(SHIPPED[code]["sections"])
    bare = re.findall(r'"(?:at_most|above|max_age_months|max_minutes)": [\d.]+', text)
    assert bare == []


def shuffled(value: Any, draw: Any) -> Any:
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return {key: shuffled(value[key], draw) for key in keys}
    if isinstance(value, list):
        return [shuffled(part, draw) for part in value]
    if isinstance(value, int) and not isinstance(value, bool) and draw(st.booleans()):
        return float(value)
    return value


@given(data=st.data(), code=st.sampled_from(["outsourced-work"]))
def test_hash_ignores_key_order_number_spelling_and_a_round_trip(data: st.DataObject, code: str) -> None:
    original = {**SHIPPED[code], "sections": SHIPPED[code]["sections"][1:2]}
    assert content_hash(shuffled(original, data.draw)) == content_hash(original)
    assert content_hash(json.loads(canonical_bytes(original))) == content_hash(original)


leaves = st.text(max_size=5) | st.integers(-(2**50), 2**50) | st.booleans()
bodies = st.dictionaries(st.text(max_size=4), leaves | st.lists(leaves, max_size=3), max_size=4)


@given(before=bodies, after=bodies)
def test_hashes_are_equal_exactly_when_nothing_differs(before: dict[str, Any], after: dict[str, Any]) -> None:
    first, second = (
        body(**{"x_" + k: v for k, v in before.items()}),
        body(**{"x_" + k: v for k, v in after.items()}),
    )
    assert (content_hash(first) == content_hash(second)) is (diff_bodies(first, second) == [])


def test_hash_moves_with_every_single_change() -> None:
    original = SHIPPED["outsourced-work"]
    seen = {content_hash(original)}
    for index, part in enumerate(original["sections"]):
        for number, _ in enumerate(part["items"]):
            changed = deepcopy(original)
            changed["sections"][index]["items"][number]["question"]["zh"] += "。"
            seen.add(content_hash(changed))
    assert len(seen) == 1 + sum(len(part["items"]) for part in original["sections"])


def test_body_that_is_not_canonical_json_is_refused() -> None:
    for value in (2**60, float("nan"), "\ud800"):
        with pytest.raises(ContentInvalidProblem):
            content_hash({"x": value})


NUMBER = {"type": "number", "unit": "m", "range": [0, 1]}
INVALID = [
    (body(section("s", yes_no("Q"), yes_no("Q"))), "the item's code is used twice"),
    (body(section("s", yes_no("Q")), section("s", yes_no("R"))), "the section's code is used twice"),
    (
        body(section("s", yes_no("Q", visible_when={"item": "R", "one_of": ["yes"]}), yes_no("R"))),
        "only at earlier",
    ),
    (body(section("s", yes_no("Q", visible_when={"item": "Q", "one_of": ["yes"]}))), "only at earlier"),
    (body(section("s", yes_no("Q", basis=[{"document": "X"}]))), "no such document"),
    (body(section("s", item("Q", {**NUMBER, "limits": [{"at_most": "x"}]}))), "no such setting"),
    (body(section("s", item("Q", {**NUMBER, "range": [1, 0]}))), "upside down"),
    (body(section("s", yes_no("Q", facts=[{"key": "k", "map": {"maybe": True}}]))), "cannot be given"),
    (body(section("s", yes_no("Q", facts=[{"key": "k"}]))), "either mapped or taken"),
    (body(section("s", yes_no("Q", freshness={"before": "R", "max_minutes": 1}))), "earlier moment"),
    (body(section("s", yes_no("Q", visible_when={"one_of": ["yes"]}))), "one test of one item"),
    (body(section("s", yes_no("Q", colour="red"))), "Extra inputs"),
    (body(section("s", item("Q", {"type": "colour"}))), "expected tags"),
    (
        body(documents={"AQF": {"zh": "法", "en": "Law", "in_force_from": "2026-06-01"}}),
        "comes into force after",
    ),
    (
        body(
            section("r", yes_no("P"), repeat={"entry": {"zh": "点", "en": "Point"}}),
            section("s", yes_no("Q", visible_when={"item": "P", "one_of": ["yes"]})),
        ),
        "repeated section",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), INVALID)
def test_invalid_content_is_refused_with_the_place_and_the_reason(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ContentInvalidProblem) as refused:
        parse_checklist(wrong)
    assert any(message in error["message"] for error in refused.value.params["errors"])


def test_content_file_holds_json_types_only() -> None:
    text = yaml.safe_dump(body(), allow_unicode=True)
    assert read_content_file(text) == body()
    for spoilt in (text.replace("'2026-01-01'", "2026-01-01"), text + "yes: 1\n"):
        with pytest.raises(ContentInvalidProblem):
            read_content_file(spoilt)


def test_diff_names_what_was_added_removed_and_changed() -> None:
    before = body(section("s", yes_no("A"), yes_no("B")), settings={"k": _setting(1)})
    after = body(section("s", yes_no("A", "no"), yes_no("C")), settings={"k": _setting(2)})
    differences = {(d.change, d.at, d.fields) for d in diff_bodies(before, after)}
    assert differences == {
        ("changed", "setting:k", ("value",)),
        ("changed", "section:s", ("items",)),
        ("changed", "item:A", ("answer",)),
        ("added", "item:C", ()),
        ("removed", "item:B", ()),
    }


def _setting(value: float) -> dict[str, Any]:
    label = {"zh": "限值", "en": "Limit"}
    return {"value": value, "unit": "m", "label": label, "source": "样例", "to_be_confirmed": True}
