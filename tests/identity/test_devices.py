"""A phone is bound by a one-time code, works after a person compared its fingerprint, and stops the moment it is revoked."""

from datetime import timedelta
from typing import Any

import pytest

from anshao_phone import Device
from app.core.clock import standing_at, utc_now
from tests.factories.world import Person, World


def code_for(administrator: Person, user: Person) -> str:
    answer = administrator.post("/api/v1/devices/codes", json={"user_id": str(user.user_id)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


@pytest.fixture
def administrator(world: World) -> Person:
    return world.person("administrator")


@pytest.fixture
def officer(world: World) -> Person:
    return world.person("inspector")


def new_phone(world: World) -> Device:
    return Device(world.client, "phone")  # type: ignore[arg-type]


def confirm(administrator: Person, phone: Device, **changes: Any) -> Any:
    body = {"fingerprint": phone.fingerprint(), **changes}
    return administrator.post(f"/api/v1/devices/{phone.device_id}/confirmation", version=1, json=body)


def works(phone: Device) -> int:
    return int(phone.request("GET", "/assignments").status_code)


def test_a_phone_works_only_after_its_fingerprint_was_confirmed(
    world: World, administrator: Person, officer: Person
) -> None:
    phone = new_phone(world)
    phone.enroll(code_for(administrator, officer))
    assert works(phone) == 403
    assert phone.put_refresh(phone.refresh_token).json()["code"] == "device_pending"
    assert confirm(administrator, phone, fingerprint="another").json()["code"] == "fingerprint_mismatch"
    assert confirm(administrator, phone).json()["status"] == "active"
    assert works(phone) == 200


def test_a_code_serves_one_phone_for_ten_minutes(
    world: World, administrator: Person, officer: Person
) -> None:
    code = code_for(administrator, officer)
    new_phone(world).enroll(code)
    phone, late = new_phone(world), code_for(administrator, officer)
    with pytest.raises(Exception, match="403"):
        phone.enroll(code)
    with standing_at(utc_now() + timedelta(minutes=10, seconds=1)), pytest.raises(Exception, match="403"):
        phone.enroll(late)
    phone.enroll(code_for(administrator, officer))


def test_a_phone_must_hold_the_key_it_enrols(world: World, administrator: Person, officer: Person) -> None:
    code = code_for(administrator, officer)
    phone, other = new_phone(world), new_phone(world)
    phone.key, public = other.key, phone.public_jwk
    proof = phone.sign(f"anshao.enroll/1\n{code}\n{phone.fingerprint()}".encode())
    body = {"code": code, "public_key": public, "proof": proof, "name": "x", "platform": "x"}
    answer = world.client.post("/mobile/v1/devices/enroll", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "device_key_refused")


@pytest.fixture
def phone(world: World, administrator: Person, officer: Person) -> Device:
    phone = new_phone(world)
    phone.enroll(code_for(administrator, officer))
    confirm(administrator, phone)
    return phone


def test_a_repeated_refresh_gives_the_same_successor_until_that_one_is_used(phone: Device) -> None:
    first = phone.refresh_token
    lost = phone.put_refresh(first).json()["refresh_token"]
    assert phone.put_refresh(first).json()["refresh_token"] == lost
    phone.refresh_token = lost
    phone.refresh()
    assert works(phone) == 200


def test_using_a_token_whose_successor_was_used_ends_the_session(phone: Device) -> None:
    stolen = phone.refresh_token
    phone.refresh()
    phone.refresh()
    assert phone.put_refresh(stolen).json()["code"] == "refresh_refused"
    assert phone.put_refresh(phone.refresh_token).json()["code"] == "refresh_refused"
    assert works(phone) == 401


def test_a_phone_whose_enrolment_was_never_answered_comes_with_a_new_code_and_is_confirmed_once(
    world: World, administrator: Person, officer: Person
) -> None:
    phone = new_phone(world)
    unheard = phone.put_enrollment(code_for(administrator, officer)).json()
    phone.enroll(code_for(administrator, officer))
    assert str(phone.device_id) == unheard["device_id"]
    assert works(phone) == 403
    body = {"fingerprint": phone.fingerprint()}
    path = f"/api/v1/devices/{phone.device_id}/confirmation"
    assert administrator.post(path, version=2, json=body).json()["status"] == "active"
    assert works(phone) == 200
    assert phone.put_refresh(unheard["refresh_token"]).json()["code"] == "refresh_refused"


def test_a_confirmed_phone_whose_session_ended_comes_back_as_itself(
    administrator: Person, officer: Person, phone: Device
) -> None:
    before, stolen = phone.device_id, phone.refresh_token
    phone.refresh()
    phone.refresh()
    assert phone.put_refresh(stolen).json()["code"] == "refresh_refused"
    assert works(phone) == 401
    phone.enroll(code_for(administrator, officer))
    assert phone.device_id == before
    assert works(phone) == 200
    phone.refresh()
    listed = administrator.get("/api/v1/devices", params={"user_id": str(officer.user_id)}).json()["items"]
    assert [(row["id"], row["status"]) for row in listed] == [(str(before), "active")]


def test_nobody_elses_code_and_no_used_one_brings_a_phone_back_nor_any_a_revoked_one(
    world: World, administrator: Person, officer: Person, phone: Device
) -> None:
    other = code_for(administrator, world.person("inspector"))
    assert phone.put_enrollment(other).json()["code"] == "device_key_refused"
    assert phone.put_enrollment("ABCDEFGHJKLM").json()["code"] == "enrollment_refused"
    assert works(phone) == 200
    new_phone(world).enroll(other)  # the refusal has not used it up
    path = f"/api/v1/devices/{phone.device_id}/revocation"
    assert administrator.post(path, version=2, json={"reason": "遗失"}).status_code == 200
    assert phone.put_enrollment(code_for(administrator, officer)).json()["code"] == "device_revoked"


def test_a_stolen_refresh_token_is_worth_nothing_without_the_key(world: World, phone: Device) -> None:
    thief = new_phone(world)
    answer = thief.put_refresh(phone.refresh_token)
    assert (answer.status_code, answer.json()["code"]) == (422, "device_key_refused")
    assert works(phone) == 200


def test_a_revoked_phone_stops_at_once_and_is_sent_to_the_intake(
    administrator: Person, phone: Device
) -> None:
    path = f"/api/v1/devices/{phone.device_id}/revocation"
    assert administrator.post(path, version=2, json={"reason": "遗失"}).json()["status"] == "revoked"
    refused = phone.request("GET", "/assignments")
    assert (refused.status_code, refused.json()["code"]) == (403, "device_revoked")
    assert "/mobile/v1/intake" in refused.json()["zh"]
    assert phone.put_refresh(phone.refresh_token).json()["code"] == "device_revoked"


def test_roles_and_regions_bound_who_manages_phones(world: World, officer: Person, phone: Device) -> None:
    assert officer.post("/api/v1/devices/codes", json={"user_id": str(officer.user_id)}).status_code == 403
    abroad = world.person("administrator", region=world.other_district)
    assert abroad.post("/api/v1/devices/codes", json={"user_id": str(officer.user_id)}).status_code == 404
    assert abroad.get(f"/api/v1/devices/{phone.device_id}").status_code == 404
    assert abroad.get("/api/v1/devices").json()["items"] == []
    body = {"reason": "x"}
    revocation = f"/api/v1/devices/{phone.device_id}/revocation"
    assert abroad.post(revocation, version=2, json=body).status_code == 404
    assert world.person("auditor").post(revocation, version=2, json=body).status_code == 403
