"""Enterprises' people: invited to a site, and logged in by their invitation."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.core.ids import new_id
from app.models.enterprises import SiteInvitation
from app.models.identity import LoginSession
from app.services.identity.tokens import ENTERPRISE, issue_access_token
from tests.factories.world import Person, World


def invited_person(world: World, enterprise_id: UUID, site_id: UUID) -> Person:
    """Somebody whose invitation is redeemed, without asking for a code; `user_id` is the invitation's id."""
    officer = world.person("inspector")
    identifier, session_id = new_id(), new_id()
    later = utc_now() + timedelta(days=30)

    async def make(session: AsyncSession) -> None:
        session.add(
            SiteInvitation(
                id=identifier, version=1, enterprise_id=enterprise_id, site_id=site_id, invited_by=officer.user_id,
                name="孙安全", phone="13800001234", email=None, code_hash=identifier.hex, code_expires_at=later,
                expires_at=later, redeemed_at=utc_now(),
            )
        )  # fmt: skip
        await session.flush()
        session.add(LoginSession(id=session_id, invitation_id=identifier, expires_at=later))

    world.in_database(make)
    token = issue_access_token(world.runtime.keys, minutes=60, session_id=session_id, audience=ENTERPRISE)
    return Person(world.client, identifier, session_id, token)


def invited_to(world: World, field: Any) -> Person:
    """The same, to a field's site."""
    return invited_person(world, field.enterprise_id, field.site_id)


def limited_to(monkeypatch: pytest.MonkeyPatch, app: FastAPI, reports: int) -> None:
    """So many reports of an invitation in a day from here on."""
    runtime = app.state.runtime
    settings = runtime.settings.model_copy(update={"enterprise_reports_per_day": reports})
    monkeypatch.setitem(app.state._state, "runtime", replace(runtime, settings=settings))
