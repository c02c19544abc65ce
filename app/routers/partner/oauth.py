"""The token endpoint for third-party clients (RFC 6749, 4.4). Its errors have the shape of RFC 6749, not problem+json."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.core.errors import Problem
from app.http.sessions import RuntimeOf
from app.schemas.clients import ClientToken, TokenRefusal
from app.services.identity.brake import Brake
from app.services.identity.client_tokens import FORM, give_client_token, read_token_request
from app.services.identity.errors import OAuthProblem, TooManyAttemptsProblem
from app.services.runtime import Runtime

router = APIRouter(prefix="/oauth", tags=["oauth"])

_UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM_BODY: dict[str, Any] = {
    "security": [],
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"const": "client_credentials"},
                        "scope": {"type": "string", "description": "Separated by spaces; all when left out"},
                        "client_id": {"type": "string", "description": "Unless by HTTP Basic"},
                        "client_secret": {"type": "string", "description": "Unless by HTTP Basic"},
                    },
                },
                "example": {"grant_type": "client_credentials", "scope": "hazards:read"},
            }
        },
    },
}


_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {
        "model": TokenRefusal,
        "description": "Not a request for a token, or a scope the client does not have",
    },
    401: {"model": TokenRefusal, "description": "Unknown client, or a wrong secret"},
    429: {"model": TokenRefusal, "description": "Too many attempts; see Retry-After"},
}


@router.post("/token", response_model=ClientToken, openapi_extra=_FORM_BODY, responses=_REFUSALS)
async def post_token(request: Request, runtime: RuntimeOf) -> Response:
    """A token for a client's id and secret, by HTTP Basic or in the form (public: the secret authenticates; braked)."""
    try:
        given = await _give(request, runtime)
    except (OAuthProblem, TooManyAttemptsProblem) as refused:
        return _refusal(refused)
    return JSONResponse(given.model_dump(), headers=_UNCACHED)


async def _give(request: Request, runtime: Runtime) -> ClientToken:
    headers = request.headers
    body = await request.body()
    asked = read_token_request(headers.get("content-type", ""), body, headers.get("authorization", ""))
    address = request.client.host if request.client else ""
    brake = Brake(runtime.keys, {"client_from": f"{asked.client_id}\n{address}", "client_address": address})
    await brake.begin(runtime.database)
    async with runtime.database.write() as session:
        given = await give_client_token(session, runtime.keys, runtime.settings, asked)
        await brake.release(session)
    return given


def _refusal(refused: Problem) -> Response:
    error = refused.code if isinstance(refused, OAuthProblem) else "temporarily_unavailable"
    headers = {**_UNCACHED, **refused.headers}
    if refused.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="anshao", charset="UTF-8"'
    body = TokenRefusal(error=error, error_description=refused.text("en")).model_dump()
    return JSONResponse(body, refused.status, headers)
