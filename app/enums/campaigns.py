"""The vocabulary of campaigns."""

from app.enums.labels import LabelledEnum


class CampaignState(LabelledEnum):
    """Where a campaign stands on a day: before, within or after its period."""

    PLANNED = "planned", "未开始", "Planned"
    RUNNING = "running", "进行中", "Running"
    CLOSED = "closed", "已结束", "Closed"
