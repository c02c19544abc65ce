"""What can be checked of a person's numbers, without any register: GB 11643 and telephone numbers."""

import re
from datetime import date

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from app.core.text import normalized
from app.services.enterprises.errors import IdNumberProblem, PhoneProblem

_PHONE = re.compile(r"\+?[0-9]{3,4}-?[0-9]{3,8}(-?[0-9]{1,8})?")


def checked_id_number(raw: str, today: date) -> str:
    """A resident identity number in its one form. Raises IdNumberProblem for its format, its date or its check character.

    The place of birth is not judged: its code may be abolished long since, and residence permits of Hong Kong, Macao and
    Taiwan begin with 81, 82, 83.
    """
    number = normalized(raw).upper().replace(" ", "")
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", number, re.ASCII):
        raise IdNumberProblem
    try:
        born = ric.get_birth_date(number)
    except ValidationError as error:
        raise IdNumberProblem from error
    if ric.calc_check_digit(number) != number[-1] or not date(1850, 1, 1) <= born <= today:
        raise IdNumberProblem
    return number


def checked_phone(raw: str) -> str:
    """A telephone number without spaces; raises PhoneProblem when it is none."""
    number = normalized(raw).replace(" ", "")
    if not _PHONE.fullmatch(number) or not 7 <= len(number.replace("-", "").lstrip("+")) <= 20:
        raise PhoneProblem
    return number
