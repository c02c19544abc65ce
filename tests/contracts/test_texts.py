"""What a person must write at a desk is not written with blanks."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

import app.main
from app.schemas.common import Wire

assert app.main.create_app, "with the doors, every body is loaded"

NOT_PROSE = {
    *("login", "code", "password", "current", "new", "refresh_token", "signature"),
    *("penalty_code", "subject_id", "when", "major_when"),
    *("zh", "en"),
}
"""Secrets, which are taken as they are; codes and rules, which are looked up and read; checklists' texts, which have checks of
their own."""


def _bodies(of: type[Wire] = Wire) -> Iterator[type[Wire]]:
    for one in of.__subclasses__():
        yield one
        yield from _bodies(one)


def _texts() -> Iterator[Any]:
    for body in set(_bodies()):
        for name, field in body.model_fields.items():
            whole: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
            schema = TypeAdapter(whole).json_schema()
            branches = [schema, *schema.get("anyOf", [])]
            is_text = any(one.get("type") == "string" and one.get("minLength") for one in branches)
            if is_text and name not in NOT_PROSE and not any("pattern" in one for one in branches):
                yield pytest.param(whole, id=f"{body.__module__}.{body.__name__}.{name}")


@pytest.mark.parametrize("text", sorted(_texts(), key=lambda one: str(one.id)))
def test_blanks_are_no_text(text: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(text).validate_python(" \t\u3000\n" * 5)


def test_there_are_texts_to_ask_about() -> None:
    assert len(list(_texts())) > 20
