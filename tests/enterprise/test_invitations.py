"""An invitation binds a person to one site: its code works once, and all that came of it ends with it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.enums.identity import Role
from app.models.enterprises import SiteInvitation
from app.models.history import AuditEntry
from app.models.identity import LoginAttempt
from app.services.enterprises.erasing import BATCH, erase_ended, person_hash
from app.services.identity.brake import LIMITS
from app.services.identity.keys import KeyRing
from app.services.identity.policy import INVITED_ACTIONS, PERMISSIONS
from app.services.identity.refreshing import first_refresh_token
from app.services.identity.tokens import ENTERPRISE, issue_access_token
from tests.factories.field import Field
from tests.factories.invited import invited_to
from tests.factories.world import Person, World

INVITATIONS, SESSION = "/api/v1/invitations", "/enterprise/v1/session"


class Office:
    """An officer of the town, and a site there."""

    def __init__(self, world: World) -> None:
        self.world, self.field = world, Field(world)
        self.officer = world.person("inspector", region=world.town)

    def invite(self, who: Person | None = None, **changes: Any) -> Any:
        body = {
            "site_id": str(self.field.site_id),
            "name": "孙安全",
            "phone": "13800001234",
            "email": "sun@factory.cn",
        }
        return (who or self.officer).post(INVITATIONS, json=body | changes)

    def redeem(self, code: str) -> Any:
        return self.world.client.post(f"{SESSION}/redemption", json={"code": code})

    def refresh(self, token: str) -> Any:
        return self.world.client.post(f"{SESSION}/refresh", json={"refresh_token": token})

    def whoami(self, token: str) -> Any:
        return self.world.client.get(SESSION, headers={"Authorization": f"Bearer {token}"})

    def come_in(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """(invitation, tokens) of somebody who has used his code."""
        made = self.invite().json()
        answer = self.redeem(made["code"])
        assert answer.status_code == 201, answer.text
        return made["invitation"], answer.json()

    def revoke(self, invitation: dict[str, Any]) -> Any:
        path = f"{INVITATIONS}/{invitation['id']}"
        version = self.officer.get(path).json()["version"]
        return self.officer.post(f"{path}/revocation", json={"reason": "人员离职"}, version=version)

    def set(self, invitation: dict[str, Any], **values: Any) -> None:
        async def write(session: AsyncSession) -> None:
            await session.execute(
                update(SiteInvitation).where(SiteInvitation.id == invitation["id"]).values(**values)
            )

        self.world.in_database(write)


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def test_a_code_opens_a_session_bound_to_the_site_and_its_enterprise(office: Office) -> None:
    _, tokens = office.come_in()
    told = office.whoami(tokens["access_token"]).json()
    assert (told["site_id"], told["enterprise_id"]) == (
        str(office.field.site_id), str(office.field.enterprise_id))  # fmt: skip
    assert (told["name"], tokens["expires_in"]) == ("孙安全", 15 * 60)


def test_a_code_works_once_in_its_time_and_every_wrong_one_is_answered_alike(office: Office) -> None:
    used, late, revoked = (office.invite().json() for _ in range(3))
    assert office.redeem(used["code"].lower()).status_code == 201
    office.set(late["invitation"], code_expires_at=utc_now() - timedelta(seconds=1))
    assert office.revoke(revoked["invitation"]).status_code == 200
    answers = [office.redeem(one["code"]) for one in (used, late, revoked)] + [office.redeem("NOSUCHCODE23")]
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(403, "invitation_refused")}


def test_a_revoked_invitation_ends_its_sessions_at_once(office: Office) -> None:
    invitation, tokens = office.come_in()
    assert office.revoke(invitation).json()["state"] == "revoked"
    assert office.whoami(tokens["access_token"]).status_code == 401
    assert office.refresh(tokens["refresh_token"]).status_code == 401
    again = office.revoke(invitation)
    assert (again.status_code, again.json()["code"]) == (409, "invitation_ended")


def test_an_expired_invitation_ends_its_sessions_at_once(office: Office) -> None:
    invitation, tokens = office.come_in()
    office.set(invitation, expires_at=utc_now() - timedelta(seconds=1))
    assert office.whoami(tokens["access_token"]).status_code == 401
    assert office.refresh(tokens["refresh_token"]).status_code == 401
    assert office.officer.get(f"{INVITATIONS}/{invitation['id']}").json()["state"] == "expired"


def test_a_refresh_token_is_used_once_and_a_stolen_one_ends_the_session(office: Office) -> None:
    _, tokens = office.come_in()
    second = office.refresh(tokens["refresh_token"]).json()
    assert office.refresh(tokens["refresh_token"]).json()["refresh_token"] == second["refresh_token"]
    third = office.refresh(second["refresh_token"]).json()
    assert office.whoami(third["access_token"]).status_code == 200
    assert office.refresh(tokens["refresh_token"]).status_code == 401
    assert office.whoami(third["access_token"]).status_code == 401


def test_a_refresh_token_works_at_the_doors_of_its_own_audience_only(office: Office) -> None:
    _, tokens = office.come_in()
    token = {"refresh_token": tokens["refresh_token"]}
    assert office.world.client.post("/api/v1/session/refresh", json=token).status_code == 401
    login = office.world.logged_in(office.officer.user_id)

    async def opened(session: AsyncSession) -> str:
        return await first_refresh_token(
            session, office.world.runtime.keys, login.session_id, timedelta(hours=1)
        )

    assert office.refresh(office.world.in_database(opened)).status_code == 401


def test_the_audience_of_a_token_is_part_of_what_it_opens(office: Office) -> None:
    keys = office.world.runtime.keys
    invited = invited_to(office.world, office.field)
    without = issue_access_token(keys, minutes=5, session_id=invited.session_id)
    assert office.whoami(without).status_code == 401
    borrowed = issue_access_token(keys, minutes=5, session_id=office.officer.session_id, audience=ENTERPRISE)
    assert office.whoami(borrowed).status_code == 401


def test_leaving_ends_the_session_and_the_code_brings_nobody_back(office: Office) -> None:
    made = office.invite().json()
    tokens = office.redeem(made["code"]).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert office.world.client.post(f"{SESSION}/logout", headers=headers).status_code == 204
    assert office.whoami(tokens["access_token"]).status_code == 401
    assert office.refresh(tokens["refresh_token"]).status_code == 401
    assert office.redeem(made["code"]).status_code == 403


def test_guessing_codes_is_braked(office: Office) -> None:
    async def forget(session: AsyncSession) -> None:
        for row in (await session.execute(select(LoginAttempt))).scalars():
            await session.delete(row)

    office.world.in_database(forget)
    answers = [office.redeem(f"WRONG{number:07}") for number in range(LIMITS["invited_address"] + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {403}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    office.world.in_database(forget)


def test_officers_of_the_site_s_region_invite_and_nobody_else(office: Office) -> None:
    world = office.world
    for role in Role:
        answer = office.invite(world.person(role, region=world.town))
        expected = 201 if role in (Role.INSPECTOR, Role.CASE_OFFICER) else 403
        assert answer.status_code == expected, role
    assert office.invite(world.person("inspector", region=world.other_town)).status_code == 404
    mixed = world.person("supervisor", region=world.town)
    assert office.revoke(office.invite().json()["invitation"]).status_code == 200
    assert mixed.post(f"{INVITATIONS}/{office.invite().json()['invitation']['id']}/revocation",
                      json={"reason": "人员离职"}, version=1).status_code == 403  # fmt: skip


def test_the_list_is_masked_and_every_act_is_audited_without_the_person(office: Office) -> None:
    invitation, _ = office.come_in()
    (listed,) = office.officer.get(INVITATIONS, params={"site_id": str(office.field.site_id)}).json()["items"]
    assert (listed["name"], listed["phone"], listed["email"], listed["state"]) == (
        "孙*", "138****1234", "s***@factory.cn", "active")  # fmt: skip
    assert "code" not in listed
    office.revoke(invitation)

    async def entries(session: AsyncSession) -> list[Any]:
        wanted = select(AuditEntry).where(AuditEntry.object_id == invitation["id"]).order_by(AuditEntry.id)
        return [
            (row.action, row.actor_kind, str(row.detail)) for row in (await session.execute(wanted)).scalars()
        ]

    kept = office.world.in_database(entries)
    assert [(action, kind) for action, kind, _ in kept] == [
        ("enterprises:invite", "user"),
        ("enterprises:redeem_invitation", "enterprise"),
        ("enterprises:revoke_invitation", "user"),
    ]
    assert not any(word in detail for _, _, detail in kept for word in ("孙安全", "13800001234"))


def test_nobody_is_invited_beyond_the_longest_period(office: Office) -> None:
    longest = office.world.runtime.settings.invitation_days
    answer = office.invite(days=longest + 1)
    assert (answer.status_code, answer.json()["code"]) == (422, "invitation_period")
    assert office.invite(days=longest).status_code == 201


def test_no_role_of_staff_holds_what_an_invitation_allows() -> None:
    assert not INVITED_ACTIONS & set(PERMISSIONS)


KEPT = 180


def erase(office: Office) -> None:
    def all_of_them(session: AsyncSession) -> Any:
        return erase_ended(session, office.world.runtime.keys, KEPT)

    while office.world.in_database(all_of_them) == BATCH:
        pass


def person_of(office: Office, invitation: dict[str, Any]) -> tuple[Any, ...]:
    async def read(session: AsyncSession) -> Any:
        row = await session.get_one(SiteInvitation, invitation["id"], populate_existing=True)
        return row.name, row.phone, row.email, row.person_hash

    return tuple(office.world.in_database(read))


@pytest.mark.parametrize("ended_by", ["revocation", "its period", "the code's lapse"])
@pytest.mark.parametrize(("days", "is_erased"), [(KEPT - 1, False), (KEPT + 1, True)])
def test_who_was_invited_is_erased_once_the_invitation_has_been_over_for_so_long(
    office: Office, ended_by: str, days: int, is_erased: bool
) -> None:
    long_ago = utc_now() - timedelta(days=days)
    if ended_by == "the code's lapse":
        invitation = office.invite().json()["invitation"]
        office.set(invitation, code_expires_at=long_ago)
    else:
        invitation, _ = office.come_in()
        over: dict[str, Any] = {"expires_at": long_ago}
        if ended_by == "revocation":
            over = {"revoked_at": long_ago, "revoked_reason": "人员离职"}
        office.set(invitation, **over)
    erase(office)
    shown = office.officer.get(f"{INVITATIONS}/{invitation['id']}").json()
    kept_hash = person_hash(office.world.runtime.keys, "孙安全", "13800001234", "sun@factory.cn")
    if is_erased:
        assert person_of(office, invitation) == ("", None, None, kept_hash)
        assert (shown["name"], shown["phone"], shown["email"]) == ("", None, None)
        assert shown["erased_at"] is not None
        assert (shown["site_id"], shown["invited_by"]) == (invitation["site_id"], invitation["invited_by"])
    else:
        assert person_of(office, invitation) == ("孙安全", "13800001234", "sun@factory.cn", None)
        assert (shown["name"], shown["erased_at"]) == ("孙*", None)


def test_who_is_still_invited_or_may_still_come_is_not_erased(office: Office) -> None:
    active, _ = office.come_in()
    office.set(active, code_expires_at=utc_now() - timedelta(days=KEPT + 9))
    waiting = office.invite().json()["invitation"]
    erase(office)
    assert person_of(office, active)[0] == person_of(office, waiting)[0] == "孙安全"


def test_an_erasure_is_audited_once_and_leaves_what_was_done_by_the_invitation(office: Office) -> None:
    invitation, _ = office.come_in()
    office.revoke(invitation)
    office.set(invitation, revoked_at=utc_now() - timedelta(days=KEPT + 1))
    for _ in range(2):
        erase(office)

    async def entries(session: AsyncSession) -> list[Any]:
        wanted = select(AuditEntry).where(AuditEntry.object_id == invitation["id"]).order_by(AuditEntry.id)
        return [(row.action, row.actor_kind, row.detail) for row in (await session.execute(wanted)).scalars()]

    kept = office.world.in_database(entries)
    assert [action for action, _, _ in kept] == [
        "enterprises:invite", "enterprises:redeem_invitation", "enterprises:revoke_invitation", "enterprises:erase_invited",
    ]  # fmt: skip
    assert kept[-1][1] == "system"
    assert kept[-1][2]["person_hash"] == person_of(office, invitation)[3]
    assert not any(word in str(detail) for _, _, detail in kept for word in ("孙安全", "13800001234"))


def test_the_hash_of_a_person_needs_the_installation_s_secret(office: Office, tmp_path: Path) -> None:
    keys, elsewhere = office.world.runtime.keys, KeyRing(tmp_path / "keys")
    same = [person_hash(keys, "孙安全", "13800001234", None) for _ in range(2)]
    assert same[0] == same[1] != person_hash(elsewhere, "孙安全", "13800001234", None)
    assert same[0] != person_hash(keys, "孙安全", None, "13800001234")
