"""Officers as documents name them."""

from uuid import UUID

from app.schemas.common import View


class OfficerView(View):
    """An officer in whose name something was ordered, with the certificate of that day."""

    user_id: UUID
    name: str
    certificate_number: str
