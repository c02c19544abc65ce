"""The states of a template version, as data. Pure."""

from app.enums.checklists import TemplateStatus

TRANSITIONS: dict[str, tuple[TemplateStatus, TemplateStatus]] = {
    "publish": (TemplateStatus.DRAFT, TemplateStatus.PUBLISHED),
    "withdraw": (TemplateStatus.PUBLISHED, TemplateStatus.WITHDRAWN),
}
"""Act: from, to. There is no way back: a withdrawn version stays readable and its old packages stay accepted."""
