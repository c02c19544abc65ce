"""Shapes shared by all areas."""

from pydantic import BaseModel, ConfigDict


class Wire(BaseModel):
    """A request body: members it does not know are refused."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """An answer, readable straight from a row."""

    model_config = ConfigDict(from_attributes=True)
