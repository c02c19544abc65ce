"""The public keys that verify what this installation signs."""

from fastapi import APIRouter, Response

from app.http.sessions import RuntimeOf
from app.schemas.audit import PublicKeysView, PublicKeyView
from app.services.identity.keys import PURPOSES

router = APIRouter(prefix="/keys", tags=["keys"])


@router.get("", openapi_extra={"security": []})
async def get_keys(runtime: RuntimeOf, response: Response) -> PublicKeysView:
    """Every key with its period, old ones too, that verifies receipts, audit checkpoints and access tokens (public)."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return PublicKeysView(
        keys=[
            PublicKeyView(
                **key.public_jwk, purpose=purpose, valid_from=key.valid_from, valid_until=key.valid_until
            )
            for purpose in PURPOSES
            for key in runtime.keys.all(purpose)
        ]
    )
