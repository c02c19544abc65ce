"""Bundle files from a phone that has a network, for one that had none. The carrier is never the author."""

from fastapi import APIRouter, Depends, Request

from app.http.bodies import body_pieces
from app.http.openapi import raw_body
from app.http.sessions import CurrentActor, RuntimeOf, allowed
from app.schemas.bundles import BundleKeyView, BundleReport
from app.services.bundles.importing import import_bundle
from app.services.bundles.keys import BundleKeys
from app.services.identity.brake import Brake

BUNDLES = "/mobile/v1/bundles"
router = APIRouter(prefix="/bundles", tags=["bundles"])
CARRY = [Depends(allowed("bundles:carry"))]


@router.get("/key", dependencies=CARRY)
async def get_bundle_key(actor: CurrentActor, runtime: RuntimeOf) -> BundleKeyView:
    """The key to encrypt bundle files to: the caller's authority's, by the age format. Fetch it while there is a network."""
    assert actor.authority_id is not None
    recipient, since = BundleKeys(runtime.settings.resolved_keys_dir).recipient(actor.authority_id)
    return BundleKeyView(
        authority_id=actor.authority_id, format="age-encryption.org/v1", recipient=recipient, valid_from=since
    )


@router.post("", dependencies=CARRY, openapi_extra=raw_body("application/octet-stream"))
async def post_bundle(request: Request, actor: CurrentActor, runtime: RuntimeOf) -> BundleReport:
    """Import somebody's bundle file: a result for every object in it; refused as a whole, nothing is. Again is harmless."""
    await Brake(runtime.keys, {"bundle_carrier": actor.label}).begin(runtime.database)
    return await import_bundle(runtime, actor, body_pieces(request, runtime.settings.max_bundle_bytes))
