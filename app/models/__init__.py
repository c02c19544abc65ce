"""Tables, one file per area, no behaviour. Every file is imported here so that migrations see all of them."""

from app.models import checklists, history, identity, organizations

__all__ = ["checklists", "history", "identity", "organizations"]
