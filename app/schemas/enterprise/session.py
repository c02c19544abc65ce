"""Coming in by a code, and what one is bound to."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr

from app.schemas.common import View, Wire


class RedemptionRequest(Wire):
    """The code of an invitation."""

    code: Annotated[SecretStr, Field(min_length=1, max_length=100)]


class BindingView(View):
    """Who one is here: the person, the enterprise, the site, and until when."""

    name: str
    enterprise_id: UUID
    enterprise_name: str
    site_id: UUID
    site_name: str
    expires_at: datetime
