"""Where an OAuth 2 client library finds the token endpoint (RFC 8414)."""

from fastapi import APIRouter, Response

from app.http.sessions import RuntimeOf
from app.schemas.clients import ServerMetadata
from app.services.identity.policy import CLIENT_SCOPES

router = APIRouter(tags=["oauth"])


@router.get("/.well-known/oauth-authorization-server")
async def get_server_metadata(runtime: RuntimeOf, response: Response) -> ServerMetadata:
    """The authorization server's metadata (public)."""
    issuer = runtime.settings.public_url.rstrip("/")
    response.headers["Cache-Control"] = "public, max-age=300"
    return ServerMetadata(
        issuer=issuer,
        token_endpoint=f"{issuer}/partner/v1/oauth/token",
        jwks_uri=f"{issuer}/public/v1/keys",
        scopes_supported=sorted(CLIENT_SCOPES),
        response_types_supported=[],
        grant_types_supported=["client_credentials"],
        token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
        service_documentation=f"{issuer}/partner/v1/docs",
    )
