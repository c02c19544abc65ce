"""Normalizing Chinese text and cutting it into search pieces. Queries are built by the repositories."""

import unicodedata


def normalized(text: str) -> str:
    """NFKC (full width becomes half width), trimmed, runs of white space become one space."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def bigrams(text: str) -> list[str]:
    """The distinct adjacent pairs of the case-folded text without spaces, sorted; one character is itself.

    Every pair of a part of a text is among the pairs of the text, so an index may narrow by them;
    the order of pairs is lost, so a match must be rechecked.
    """
    plain = normalized(text).casefold().replace(" ", "")
    if len(plain) < 2:
        return [plain] if plain else []
    return sorted({plain[place : place + 2] for place in range(len(plain) - 1)})


def folded(text: str) -> str:
    """The form in which names are compared: normalized, case folded, without spaces."""
    return normalized(text).casefold().replace(" ", "")


def name_pieces(name: str) -> list[str]:
    """What the index holds of a name: its characters and its adjacent pairs, sorted, each once."""
    return sorted({*folded(name), *bigrams(name)})


def query_pieces(part: str) -> list[str]:
    """What every name that contains `part` has in the index: the pairs of `part`, or its one character; empty for blanks."""
    return bigrams(part)
