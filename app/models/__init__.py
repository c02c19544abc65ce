"""Tables, one file per area, no behaviour. Every file is imported here so that migrations see all of them."""

from app.models import history, identity, organizations

__all__ = ["history", "identity", "organizations"]
