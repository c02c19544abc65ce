"""The score: reproducible, explained, and never lowered by a further hazard."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.risks.content import Weights, all_weights, weights_on
from app.services.risks.scoring import Suggestion, parts_of, suggest, total_of

CODES = {
    "major_open", "major_overdue", "general_open", "general_overdue", "aggravated", "came_back", "whistles_open",
}  # fmt: skip
WEIGHTS = all_weights()[-1]
counts = st.integers(0, 40)
facts = st.fixed_dictionaries(dict.fromkeys(sorted(CODES), counts))
grades = st.sampled_from([None, "red", "orange", "yellow", "blue"])
TODAY = date(2026, 11, 25)


def score(given_facts: dict[str, int]) -> int:
    return total_of(parts_of(given_facts, WEIGHTS))


@given(
    facts=facts,
    level=st.sampled_from(["major", "general"]),
    is_late=st.booleans(),
    is_return=st.booleans(),
    is_worse=st.booleans(),
    grade=grades,
)
def test_a_further_hazard_never_lowers_the_score_or_lengthens_the_interval(
    facts: dict[str, int], level: str, is_late: bool, is_return: bool, is_worse: bool, grade: str | None
) -> None:
    more = dict(facts)
    more[f"{level}_open"] += 1
    more[f"{level}_overdue"] += is_late
    more["came_back"] += is_return
    more["aggravated"] += is_worse
    assert score(more) >= score(facts)
    before, after = (suggest(score(one), grade, TODAY, 1, TODAY, WEIGHTS) for one in (facts, more))
    assert after.interval_days <= before.interval_days


@given(facts=facts)
def test_the_same_facts_give_the_same_score_and_its_parts_add_up_to_it(facts: dict[str, int]) -> None:
    parts = parts_of(facts, WEIGHTS)
    assert parts == parts_of(dict(sorted(facts.items(), reverse=True)), WEIGHTS)
    assert total_of(parts) == sum(min(part.count * part.weight.weight, part.weight.cap) for part in parts)
    assert {part.weight.code for part in parts} == CODES


def test_nothing_found_is_nothing() -> None:
    assert score(dict.fromkeys(CODES, 0)) == 0


@pytest.mark.parametrize("code", ["came_back", "aggravated"])
def test_a_return_and_an_aggravation_weigh(code: str) -> None:
    nothing = dict.fromkeys(CODES, 0)
    assert score({**nothing, "general_open": 1, code: 1}) > score({**nothing, "general_open": 1})


def test_an_earlier_version_of_the_weights_knows_no_part_of_a_later_one() -> None:
    first, second = all_weights()[:2]
    later = {part.code for part in second.parts} - {part.code for part in first.parts}
    assert later == {"aggravated"}
    assert weights_on(second.in_force_from - timedelta(days=1)) == first
    assert weights_on(second.in_force_from) == second


@pytest.mark.parametrize("weights", all_weights(), ids=lambda one: one.version)
def test_every_version_keeps_the_promises_of_the_score(weights: Weights) -> None:
    assert {part.code for part in weights.parts} <= CODES
    assert all(part.weight >= 0 and part.cap >= 0 for part in weights.parts)
    begins = [band.score_from for band in weights.bands]
    intervals = [band.interval_days for band in weights.bands]
    assert begins[0] == 0
    assert begins == sorted(set(begins))
    assert intervals == sorted(intervals, reverse=True)
    assert min(intervals) > 0
    assert set(weights.grades) == {"red", "orange", "yellow", "blue"}
    assert weights.to_be_confirmed is True


def test_the_version_in_force_on_the_day_counts() -> None:
    first = all_weights()[0]
    assert len({one.in_force_from for one in all_weights()}) == len(all_weights())
    assert weights_on(first.in_force_from) == weights_on(first.in_force_from - timedelta(days=1)) == first
    assert weights_on(date(2099, 1, 1)) == all_weights()[-1]


def advice(points: int, grade: str | None, last: date | None = TODAY, inspected: int = 1) -> Suggestion:
    return suggest(points, grade, last, inspected, TODAY, WEIGHTS)


def test_grade_or_score_suggest_whichever_asks_for_more() -> None:
    low, high = 0, WEIGHTS.bands[-1].score_from
    assert advice(low, "red").wanted_days == WEIGHTS.grades["red"]
    assert advice(low, "orange").wanted_days == WEIGHTS.grades["orange"]
    assert advice(high, "blue").wanted_days == WEIGHTS.bands[-1].interval_days
    assert (advice(low, None).by, advice(low, "yellow").by) == ("score", "score")
    assert advice(high, None, last=None, inspected=0).next_on is None
    planned = advice(low, None)
    assert planned.next_on == TODAY + timedelta(days=planned.interval_days)


@given(begin=st.dates(date(2026, 1, 1), date(2029, 12, 31)), grade=grades, points=st.integers(0, 300))
def test_no_more_inspections_are_planned_than_the_ceiling_allows(
    begin: date, grade: str | None, points: int
) -> None:
    """Whoever follows the suggestion from any day on, leap years too, passes no year's ceiling."""
    days = [begin]
    for _ in range(12):
        today = days[-1]
        inspected = sum(day.year == today.year for day in days)
        planned = suggest(points, grade, today, inspected, today, WEIGHTS).next_on
        assert planned is not None
        days.append(planned)
    for year in {day.year for day in days}:
        assert sum(day.year == year for day in days) <= WEIGHTS.ceiling.of(grade)


def test_where_the_score_asks_for_more_the_ceiling_says_so() -> None:
    planned = advice(WEIGHTS.bands[-1].score_from, None)
    assert planned.by == "ceiling"
    assert planned.interval_days > planned.wanted_days == WEIGHTS.bands[-1].interval_days


@pytest.mark.parametrize("grade", [None, "red", "orange", "yellow", "blue"])
def test_once_the_ceiling_is_reached_the_next_planned_inspection_is_next_year(grade: str | None) -> None:
    allowed, high = WEIGHTS.ceiling.of(grade), WEIGHTS.bands[-1].score_from
    new_year = date(TODAY.year + 1, 1, 1)
    long_ago = date(TODAY.year, 1, 2)
    reached = advice(high, grade, last=long_ago, inspected=allowed).next_on
    assert reached is not None
    assert reached >= new_year
    assert advice(high, grade, last=TODAY, inspected=allowed + 3).next_on == max(
        new_year, TODAY + timedelta(days=advice(high, grade).interval_days)
    )
    last_year = date(TODAY.year - 1, 6, 1)
    assert advice(0, grade, last=last_year, inspected=allowed).by == "ceiling", "what put it off is named"
    assert advice(0, grade, last=None, inspected=allowed).by == "ceiling"
    below = advice(high, grade, last=long_ago, inspected=allowed - 1)
    assert below.next_on == long_ago + timedelta(days=below.interval_days)


def test_the_ceiling_is_for_the_authority_to_confirm_and_names_its_source() -> None:
    ceiling = WEIGHTS.ceiling
    assert ceiling.to_be_confirmed is True
    assert "应急〔2025〕11号" in ceiling.source.zh
    assert "复查" in ceiling.uncounted.zh
    assert set(ceiling.grades) == set(WEIGHTS.grades)
    assert min(*ceiling.grades.values(), ceiling.ungraded) >= 1, (
        "once a year is not too often for a key enterprise"
    )
