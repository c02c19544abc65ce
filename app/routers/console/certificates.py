"""Enforcement certificates at the console."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.identity import OfficerCertificate
from app.schemas.users import CertificateRequest, CertificateView, RevocationRequest
from app.services.identity.certificate_register import (
    CertificateFilter,
    enter_certificate,
    get_certificate,
    list_certificates,
    revoke_certificate,
)

router = APIRouter(prefix="/certificates", tags=["users"], route_class=IdempotentRoute)
READ = [Depends(allowed("certificates:read"))]
MANAGE = [Depends(allowed("certificates:manage"))]


def _one(certificate: OfficerCertificate, response: Response) -> CertificateView:
    set_etag(response, certificate.version)
    return CertificateView.model_validate(certificate)


@router.get("", dependencies=READ)
async def get_certificates(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    user_id: UUID | None = None,
    valid_on: date | None = None,
    expires_until: Annotated[
        date | None, Query(description="Not revoked, and ending on this day at the latest")
    ] = None,
) -> PageOf[CertificateView]:
    """Certificates of users in the caller's regions, newest first."""
    narrowed = CertificateFilter(user_id, valid_on, expires_until)
    page = await list_certificates(session, actor, paging.request, narrowed)
    return paging.page(page, CertificateView.model_validate)


@router.post("", status_code=201, dependencies=MANAGE)
async def post_certificate(
    body: CertificateRequest, response: Response, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> CertificateView:
    """Enter a certificate."""
    return _one(await enter_certificate(session, actor, body), response)


@router.get("/{certificate_id}", dependencies=READ)
async def get_one_certificate(
    certificate_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> CertificateView:
    """One certificate."""
    return _one(await get_certificate(session, actor, certificate_id), response)


@router.post("/{certificate_id}/revocation", dependencies=MANAGE)
async def post_certificate_revocation(
    certificate_id: UUID,
    body: RevocationRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> CertificateView:
    """Revoke a certificate from a day on."""
    check_version((await get_certificate(session, actor, certificate_id)).version, expected)
    revoked = await revoke_certificate(session, actor, certificate_id, expected, body.revoked_on, body.reason)
    return _one(revoked, response)
