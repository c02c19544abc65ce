"""A small language of conditions in three-valued logic (Kleene's strong one): true, false, and None for unknown.

Grammar: or < and < not < comparison; names, "texts", numbers, true/false, parentheses. Nothing else: no calls, no
arithmetic. A name is a fact or a constant of the rule set; who resolves it decides what is unknown.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

Value = bool | int | float | str
Truth = bool | None
Lookup = Callable[[str], Value | None]
"""Gives a name's value, None when it is unknown."""


class ExpressionError(ValueError):
    """The text is not a condition of this language."""


@dataclass(frozen=True, slots=True)
class Name:
    """A yes/no fact."""

    name: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A fact compared with a literal or with another name."""

    left: str
    operator: str
    right: "Value | Name"


@dataclass(frozen=True, slots=True)
class Not:
    """Negation; unknown stays unknown."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Both:
    """And: false as soon as one side is."""

    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Either:
    """Or: true as soon as one side is."""

    left: "Expression"
    right: "Expression"


Leaf = Name | Comparison
Expression = Name | Comparison | Not | Both | Either


def conjunction(left: Truth, right: Truth) -> Truth:
    """Kleene's and."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def disjunction(left: Truth, right: Truth) -> Truth:
    """Kleene's or."""
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def evaluate(expression: Expression, lookup: Lookup) -> Truth:
    """The expression's truth. A value of the wrong type is unknown, never false."""
    match expression:
        case Name(name):
            value = lookup(name)
            return value if isinstance(value, bool) else None
        case Comparison():
            return _compare(expression, lookup)
        case Not(operand):
            truth = evaluate(operand, lookup)
            return None if truth is None else not truth
        case Both(left, right):
            return conjunction(evaluate(left, lookup), evaluate(right, lookup))
        case Either(left, right):
            return disjunction(evaluate(left, lookup), evaluate(right, lookup))


def leaves(expression: Expression) -> Iterator[Leaf]:
    """The single conditions, in reading order."""
    match expression:
        case Name() | Comparison():
            yield expression
        case Not(operand):
            yield from leaves(operand)
        case Both(left, right) | Either(left, right):
            yield from leaves(left)
            yield from leaves(right)


def names(expression: Expression) -> list[str]:
    """The names it looks at, each once, in reading order."""
    found: dict[str, None] = {}
    for leaf in leaves(expression):
        found.update(dict.fromkeys(names_of(leaf)))
    return list(found)


def names_of(leaf: Leaf) -> tuple[str, ...]:
    """The names one condition looks at."""
    if isinstance(leaf, Name):
        return (leaf.name,)
    return (leaf.left, leaf.right.name) if isinstance(leaf.right, Name) else (leaf.left,)


def undecided(expression: Expression, lookup: Lookup) -> list[str]:
    """The unknown names that keep an unknown expression from being decided; empty when it is decided."""
    return list(dict.fromkeys(_survey(expression, lookup)[1]))


def _survey(expression: Expression, lookup: Lookup) -> tuple[Truth, list[str]]:
    """The truth of an expression and, while that is unknown, the names that keep it so; each part is looked at once."""
    match expression:
        case Name() | Comparison():
            truth = evaluate(expression, lookup)
            if truth is not None:
                return truth, []
            return None, [name for name in names_of(expression) if lookup(name) is None]
        case Not(operand):
            truth, names_left = _survey(operand, lookup)
            return None if truth is None else not truth, names_left
        case Both(left, right) | Either(left, right):
            (first, first_left), (second, second_left) = _survey(left, lookup), _survey(right, lookup)
            join = conjunction if isinstance(expression, Both) else disjunction
            truth = join(first, second)
            return truth, [*first_left, *second_left] if truth is None else []


def _compare(comparison: Comparison, lookup: Lookup) -> Truth:
    left = lookup(comparison.left)
    right = lookup(comparison.right.name) if isinstance(comparison.right, Name) else comparison.right
    if left is None or right is None:
        return None
    if isinstance(left, str) and isinstance(right, str):
        return {"==": left == right, "!=": left != right}.get(comparison.operator)
    if _is_number(left) and _is_number(right):
        return _ORDER[comparison.operator](left, right)  # type: ignore[arg-type]
    return None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}

_TOKEN = re.compile(
    r"""\s*(?:(?P<operator>==|!=|<=|>=|<|>|\(|\))|(?P<text>"[^"]*")|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*))"""
)


TOKENS_AT_MOST = 300
FIGURE_AT_MOST = 15
"""Signs of a figure: so many are kept exactly."""
NESTED_AT_MOST = 30
"""Parentheses and negations within one another; the longest of Order 10 has three."""


def parse(text: str) -> Expression:
    """The expression a text describes. Raises ExpressionError, naming the place, for anything else."""
    tokens = _tokens(text)
    if len(tokens) > TOKENS_AT_MOST:
        raise ExpressionError(f"longer than {TOKENS_AT_MOST} words and signs")
    parser = _Parser(tokens, text)
    expression = parser.either()
    parser.expect_end()
    return expression


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None or match.lastgroup is None:
            raise ExpressionError(f"unreadable at {at}: {text!r}")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[tuple[str, str]], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._at = 0
        self._depth = 0

    def either(self) -> Expression:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return reduce(Either, parts)

    def expect_end(self) -> None:
        if self._at != len(self._tokens):
            raise self._error()

    def _both(self) -> Expression:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return reduce(Both, parts)

    def _negation(self) -> Expression:
        self._depth += 1
        if self._depth > NESTED_AT_MOST:
            raise ExpressionError(f"nested deeper than {NESTED_AT_MOST}")
        found = self._operand_of_not()
        self._depth -= 1
        return found

    def _operand_of_not(self) -> Expression:
        if self._take("not"):
            return Not(self._negation())
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise self._error()
            return inner
        return self._condition()

    def _condition(self) -> Expression:
        kind, left = self._next()
        if kind != "name" or left in _WORDS:
            raise self._error()
        operator = next((sign for sign in _ORDER if self._take(sign)), None)
        return Name(left) if operator is None else Comparison(left, operator, self._operand())

    def _operand(self) -> "Value | Name":
        kind, token = self._next()
        if kind == "text":
            return token[1:-1]
        if kind == "number":
            if len(token) > FIGURE_AT_MOST:
                raise ExpressionError(f"a figure of more than {FIGURE_AT_MOST} signs")
            return float(token) if "." in token else int(token)
        if kind == "name" and token not in _WORDS:
            return Name(token)
        raise self._error()

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise self._error()
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][1] == token:
            self._at += 1
            return True
        return False

    def _error(self) -> ExpressionError:
        return ExpressionError(f"not a condition, near token {self._at}: {self._text!r}")


_WORDS = frozenset({"and", "or", "not"})
