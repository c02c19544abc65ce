"""A team with a phone at a site: the board is read beside it."""

from tests.evidence.conftest import team

__all__ = ["team"]
