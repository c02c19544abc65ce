"""Unified social credit codes (GB 32100-2015). Whether a code is registered anywhere is not known here."""

from dataclasses import dataclass

from app.core.text import normalized

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_BODY_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_LENGTH = 18


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """``error`` rejects the code; ``body_digit_differs`` only warns, as some historic codes differ."""

    code: str
    error: str | None
    body_digit_differs: bool = False


def check_character(first_seventeen: str) -> str:
    """The 18th character. Raises ValueError for a character outside the alphabet."""
    total = sum(ALPHABET.index(one) * pow(3, place, 31) for place, one in enumerate(first_seventeen))
    return ALPHABET[-total % 31]


def check_uscc(raw: str) -> CodeCheck:
    """Normalize (full width, lower case, spaces) and check one code; errors are stable snake_case names."""
    code = normalized(raw).upper().replace(" ", "")
    if len(code) != _LENGTH:
        return CodeCheck(code, "wrong_length")
    if any(one not in ALPHABET for one in code):
        return CodeCheck(code, "wrong_character")
    if any(one not in "0123456789" for one in code[2:8]):
        return CodeCheck(code, "wrong_region")
    if check_character(code[:17]) != code[17]:
        return CodeCheck(code, "wrong_check_character")
    return CodeCheck(code, None, _body_digit(code[8:16]) != code[16])


def _body_digit(eight: str) -> str:
    """The check character of an organization code (GB 11714)."""
    weighted = zip(eight, _BODY_WEIGHTS, strict=True)
    value = -sum(_BODY_ALPHABET.index(one) * weight for one, weight in weighted) % 11
    return "X" if value == 10 else str(value)
