"""Resident identity numbers (GB 11643-1999). The region is not judged: a withdrawn region code stays in its numbers."""

from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


def is_resident_id(number: str) -> bool:
    """True for 18 characters with a real date of birth and the right check character (X in capitals)."""
    body, check = number[:17], number[17:]
    if len(number) != 18 or not (body.isascii() and body.isdigit()):
        return False
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return _CHECKS[total % 11] == check
