"""Tables, one file per area, no behaviour. Every file is imported here so that migrations see all of them."""

from app.models import checklists, enterprises, history, identity, inspections, organizations

__all__ = ["checklists", "enterprises", "history", "identity", "inspections", "organizations"]
