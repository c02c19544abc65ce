"""Bounds of money that the procedure sets, and what a late fine grows by. Amounts in fen. Pure.

One function for each limit of money among the facts of the law (tests/rules). Nothing asks them yet: a case ends with its
investigation (services/cases/workflow.py). Steps of that table will: the decision on the spot, the late fine, its enforcement.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from app.rules.clocks import Suspension

ON_THE_SPOT_MOST_FEN = {"person": 200_00, "entity": 3_000_00}
"""The most a fine imposed on the spot may be, this amount included (Administrative Penalty Law 51)."""
SURCHARGE_PER_DAY = (3, 100)
"""Three per cent of the fine for each day (Administrative Penalty Law 72(1)(1))."""


def may_be_imposed_on_the_spot(party: str, fen: int) -> bool:
    """Whether a fine on a person or an entity may be imposed by the simple procedure. Raises KeyError for another party."""
    return 0 <= fen <= ON_THE_SPOT_MOST_FEN[party]


def may_be_waived(waived_fen: int, surcharge_fen: int, *, is_agreed: bool, is_remedied: bool) -> bool:
    """Whether so much may be let off: of the surcharge, where enforcement is agreed upon and the party has taken remedial measures;
    never of the fine itself (Administrative Coercion Law 42).
    """
    return 0 <= waived_fen <= (surcharge_fen if is_agreed and is_remedied else 0)


def surcharge_fen(fine_fen: int, due_on: date, until: date, suspensions: Sequence[Suspension] = ()) -> int:
    """What has been added by the end of a day: 3 % of the fine for each day after the last one for paying, never more than the
    fine itself (Administrative Coercion Law 45). Days of a review or a suit do not count (Administrative Penalty Law 73(3)).
    """
    days = sum(
        not any(one.since <= day and (one.until is None or day < one.until) for one in suspensions)
        for day in (due_on + timedelta(days=step) for step in range(1, (until - due_on).days + 1))
    )
    part, whole = SURCHARGE_PER_DAY
    return min(fine_fen, fine_fen * days * part // whole)
