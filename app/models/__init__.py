"""Tables, one file per area, no behaviour. Every file is imported here so that migrations see all of them."""

from app.models import checklists, enterprises, evidence, history, identity, inspections, organizations

__all__ = ["checklists", "enterprises", "evidence", "history", "identity", "inspections", "organizations"]
