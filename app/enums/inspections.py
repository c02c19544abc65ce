"""Kinds of sealed packages and of visits."""

from app.enums.labels import LabelledEnum


class PackageKind(LabelledEnum):
    """What a sealed package records."""

    INSPECTION = "inspection", "执法检查", "Inspection"
    REINSPECTION = "reinspection", "复查", "Re-inspection"
    PATROL = "patrol", "巡查", "Patrol"
    WHISTLE = "whistle", "吹哨", "Whistle"

    @property
    def is_enforcement(self) -> bool:
        """An act of two officers with certificates; the others are an assistant's and are never signed."""
        return self in (PackageKind.INSPECTION, PackageKind.REINSPECTION)


ENFORCEMENT_KINDS = tuple(kind.value for kind in PackageKind if kind.is_enforcement)
