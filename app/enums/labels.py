"""A string enumeration whose members carry their Chinese and English labels."""

from enum import StrEnum


class LabelledEnum(StrEnum):
    """Declare members as NAME = "value", "中文", "English"."""

    zh: str
    en: str

    def __new__(cls, value: str, zh: str = "", en: str = "") -> "LabelledEnum":
        member = str.__new__(cls, value)
        member._value_ = value
        member.zh = zh
        member.en = en
        return member
