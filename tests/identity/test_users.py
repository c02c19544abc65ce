"""Accounts at the console: opened with a password told once, changed, closed at once, within the administrator's regions."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today, standing_at, utc_now
from app.models.history import AuditEntry
from app.models.identity import User
from app.services.runtime import Runtime
from tests.factories.field import Field
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

PATH, SESSION = "/api/v1/users", "/api/v1/session"
NEXT_PASSWORD = "a long enough password"


def request_for(world: World, **changes: Any) -> dict[str, Any]:
    body = {"login": f"li.{world.code}", "name": "李小安", "phone": "13812341234"}
    return {**body, "authority_id": str(world.authority), "region_id": str(world.town), **changes}


@pytest.fixture
def admin(world: World) -> Person:
    return world.person("administrator")


def opened(admin: Person, world: World, **changes: Any) -> dict[str, Any]:
    answer = admin.post(PATH, json=request_for(world, **changes))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def log_in(world: World, login: str, password: str) -> Any:
    return world.client.post(f"{SESSION}/login", json={"login": login, "password": password})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_new_user_must_change_the_initial_password_before_anything_else(
    world: World, admin: Person
) -> None:
    made = opened(admin, world)
    login, initial = made["user"]["login"], made["initial_password"]
    grant = {"role": "supervisor", "region_id": str(world.town), "starts_on": shanghai_today().isoformat()}
    path = f"{PATH}/{made['user']['id']}/grants"
    assert admin.post(path, json=grant, version=1).status_code == 201
    token = log_in(world, login, initial).json()["access_token"]
    refused = world.client.get("/api/v1/hazards", headers=bearer(token))
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
    assert world.client.get(SESSION, headers=bearer(token)).json()["must_change_password"] is True
    same = {"current": initial, "new": initial}
    assert world.client.post(f"{SESSION}/password", json=same, headers=bearer(token)).status_code == 422
    change = {"current": initial, "new": NEXT_PASSWORD}
    assert world.client.post(f"{SESSION}/password", json=change, headers=bearer(token)).status_code == 204
    assert world.client.get("/api/v1/hazards", headers=bearer(token)).status_code == 200
    assert log_in(world, login, initial).status_code == 401
    assert admin.get(f"{PATH}/{made['user']['id']}").json()["has_initial_password"] is False


def test_an_initial_password_is_told_once_and_expires(world: World, admin: Person) -> None:
    made = opened(admin, world)
    stored = world.in_database(lambda session: session.get(User, made["user"]["id"]))
    assert made["initial_password"] not in (stored.password_hash, *admin.get(f"{PATH}/{stored.id}").json())
    hours = world.runtime.settings.initial_password_hours
    with standing_at(utc_now() + timedelta(hours=hours, seconds=1)):
        late = log_in(world, made["user"]["login"], made["initial_password"])
    assert (late.status_code, late.json()["code"]) == (401, "wrong_credentials")
    assert log_in(world, made["user"]["login"], made["initial_password"]).status_code == 201


def test_a_reset_ends_the_browser_sessions_and_forces_a_change_while_phones_go_on(
    world: World, admin: Person
) -> None:
    officer = world.person("inspector", region=world.town)
    phone = Field(world).phone(officer.user_id)
    path = f"{PATH}/{officer.user_id}/password-reset"
    assert admin.post(path).status_code == 428
    reset = admin.post(path, version=1).json()
    assert officer.get(SESSION).status_code == 401
    assert phone.request("GET", "/assignments").status_code == 200
    token = log_in(world, reset["user"]["login"], reset["initial_password"]).json()["access_token"]
    refused = world.client.get("/api/v1/hazards", headers=bearer(token))
    assert refused.json()["code"] == "password_change_required"


def test_a_closed_account_is_out_at_once_and_its_old_sessions_stay_ended(world: World, admin: Person) -> None:
    officer = world.person("inspector", region=world.town)
    phone, path = Field(world).phone(officer.user_id), f"{PATH}/{officer.user_id}"
    assert officer.get(SESSION).status_code == 200
    closed = admin.post(f"{path}/deactivation", json={"reason": "调离"}, version=1)
    assert (closed.json()["is_active"], closed.headers["etag"]) == (False, '"2"')
    assert officer.get(SESSION).status_code == phone.request("GET", "/assignments").status_code == 401
    again = admin.post(f"{path}/deactivation", json={"reason": "调离"}, version=2)
    assert again.json()["code"] == "account_state"
    assert admin.post(f"{path}/reactivation", json={"reason": "调回"}, version=2).json()["is_active"] is True
    assert officer.get(SESSION).status_code == phone.request("GET", "/assignments").status_code == 401
    assert world.logged_in(officer.user_id).get(SESSION).status_code == 200


def test_nobody_closes_or_resets_his_own_account(world: World, admin: Person) -> None:
    path = f"{PATH}/{admin.user_id}"
    closed = admin.post(f"{path}/deactivation", json={"reason": "x"}, version=1)
    assert (closed.status_code, closed.json()["code"]) == (409, "own_account")
    assert admin.post(f"{path}/password-reset", version=1).json()["code"] == "own_account"
    assert admin.get(SESSION).status_code == 200


def test_an_administrator_logs_a_user_out_and_his_phones_only_when_told(world: World, admin: Person) -> None:
    officer = world.person("inspector", region=world.town)
    phone, path = Field(world).phone(officer.user_id), f"{PATH}/{officer.user_id}/logout-everywhere"
    assert admin.post(path).status_code == 204
    assert officer.get(SESSION).status_code == 401
    assert phone.request("GET", "/assignments").status_code == 200
    assert admin.post(path, params={"with_phones": True}).status_code == 204
    assert phone.request("GET", "/assignments").status_code == 401


def test_one_ends_ones_own_sessions_one_by_one_or_all_with_the_phones(world: World) -> None:
    officer, colleague = (world.person("inspector", region=world.town) for _ in range(2))
    phone, other = Field(world).phone(officer.user_id), world.logged_in(officer.user_id)
    assert officer.delete(f"{SESSION}/all/{colleague.session_id}").status_code == 404
    assert officer.delete(f"{SESSION}/all/{other.session_id}").status_code == 204
    assert other.get(SESSION).status_code == 401
    assert officer.get(SESSION).status_code == colleague.get(SESSION).status_code == 200
    assert officer.post(f"{SESSION}/logout-everywhere", params={"with_phones": True}).status_code == 204
    assert officer.get(SESSION).status_code == phone.request("GET", "/assignments").status_code == 401


def test_a_phone_number_is_masked_until_somebody_says_why(world: World, admin: Person) -> None:
    identifier = opened(admin, world)["user"]["id"]
    assert admin.get(f"{PATH}/{identifier}").json()["phone"] == "138****1234"
    assert "13812341234" not in admin.get(PATH).text
    path = f"{PATH}/{identifier}/unmasking"
    assert admin.post(path, json={"reason": " "}).status_code == 422
    assert world.person("supervisor").post(path, json={"reason": "联系本人"}).status_code == 403
    assert admin.post(path, json={"reason": "联系本人"}).json()["phone"] == "13812341234"

    async def looks(session: AsyncSession) -> list[Any]:
        wanted = select(AuditEntry.user_id, AuditEntry.detail).where(AuditEntry.action == "users:unmask")
        return list(await session.execute(wanted.where(AuditEntry.object_id == identifier)))

    assert world.in_database(looks) == [(admin.user_id, {"reason": "联系本人"})]


@pytest.mark.parametrize(
    "changes",
    [
        {"login": "a b"},
        {"login": "李安"},
        {"name": ""},
        {"phone": "call me"},
        {"password": "chosen by the administrator"},
    ],
)
def test_an_account_that_cannot_be_is_refused(world: World, admin: Person, changes: dict[str, Any]) -> None:
    answer = admin.post(PATH, json=request_for(world, **changes))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_a_login_is_given_once_whatever_its_case(world: World, admin: Person) -> None:
    opened(admin, world)
    again = admin.post(PATH, json=request_for(world, login=f"LI.{world.code.upper()}"))
    assert (again.status_code, again.json()["code"]) == (409, "login_taken")


def test_a_user_is_changed_moved_and_put_into_a_brigade_of_his_authority(world: World, admin: Person) -> None:
    identifier = opened(admin, world)["user"]["id"]
    path = f"{PATH}/{identifier}"
    brigades = f"/api/v1/authorities/{world.authority}/brigades"
    brigade = admin.post(brigades, json={"name": "一大队"}).json()["id"]
    values = {"name": "李大安", "phone": None, "brigade_id": brigade, "region_id": str(world.other_town)}
    assert admin.patch(path, json=values).status_code == 428
    changed = admin.patch(path, json=values, version=1)
    assert {name: changed.json()[name] for name in values} == values
    assert admin.patch(path, json={"name": None}, version=2).status_code == 422
    office = {
        "code": world.code,
        "name": "东镇",
        "document_word": f"东镇{world.code}",
        "region_id": str(world.town),
    }
    elsewhere = admin.post(
        "/api/v1/authorities", json={**office, "code": f"{world.code}-1", "valid_from": "2020-01-01"}
    )
    wrong = admin.patch(path, json={"authority_id": elsewhere.json()["id"]}, version=2)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "user_placement")


def test_nobody_is_placed_where_the_region_has_ended(world: World, admin: Person) -> None:
    ended = {"valid_until": (shanghai_today() - timedelta(days=1)).isoformat()}
    assert admin.post(f"/api/v1/regions/{world.town}/ending", json=ended, version=1).status_code == 200
    refused = admin.post(PATH, json=request_for(world))
    assert (refused.status_code, refused.json()["code"]) == (422, "user_placement")


def test_a_districts_administrator_does_not_reach_whoever_holds_roles_above(world: World) -> None:
    local = world.person("administrator", region=world.district)
    user = world.person("supervisor", region=world.town)
    chief = world.person("administrator")
    grant = {"role": "auditor", "region_id": str(world.city), "starts_on": shanghai_today().isoformat()}
    assert local.get(f"{PATH}/{user.user_id}").status_code == 200
    assert chief.post(f"{PATH}/{user.user_id}/grants", json=grant, version=1).status_code == 201
    for door, body in (("password-reset", None), ("deactivation", {"reason": "x"})):
        refused = local.post(f"{PATH}/{user.user_id}/{door}", json=body, version=2)
        assert (refused.status_code, refused.json()["code"]) == (403, "user_beyond_region")
    code = local.post("/api/v1/devices/codes", json={"user_id": str(user.user_id)})
    assert (code.status_code, code.json()["code"]) == (403, "user_beyond_region")
    assert local.post(PATH, json=request_for(world, region_id=str(world.other_town))).status_code == 404


def test_users_are_found_by_place_role_state_and_the_beginning_of_name_or_login(
    world: World, admin: Person, runtime: Runtime
) -> None:
    found = opened(admin, world, name="欧阳安")["user"]["id"]
    inspector = str(world.person("inspector", region=world.other_town).user_id)
    closed = str(world.person(region=world.other_town).user_id)
    body = {"reason": "x"}
    assert admin.post(f"{PATH}/{closed}/deactivation", json=body, version=1).status_code == 200

    def ids(**params: Any) -> set[str]:
        with recorded_queries(runtime.database) as sent:
            answer = admin.get(PATH, params=params)
        assert len(sent) <= 3
        return {row["id"] for row in answer.json()["items"]}

    assert ids(prefix="欧阳") == ids(prefix=f"li.{world.code}") == {found}
    assert ids(prefix="阳安") == ids(prefix="%") == set()
    assert ids(role="inspector") == {inspector}
    assert (
        ids(region_id=str(world.other_town))
        == ids(region_id=str(world.other_district))
        == {inspector, closed}
    )
    assert ids(region_id=str(world.other_town), is_active=False) == {closed}
    assert ids(authority_id=str(world.authority)) == {found, inspector, closed, str(admin.user_id)}
