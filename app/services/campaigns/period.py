"""A campaign's state: that of its period on the day, so that no stored word can disagree with the dates."""

from datetime import date

from app.enums.campaigns import CampaignState


def state_on(starts_on: date, ends_on: date, today: date) -> CampaignState:
    """Planned before the first day, running from it to the last, closed afterwards."""
    if today < starts_on:
        return CampaignState.PLANNED
    return CampaignState.RUNNING if today <= ends_on else CampaignState.CLOSED
