"""Whatever a phone sends gets a clear answer, and whatever is acknowledged stays readable byte for byte."""

import json
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device
from app.core.clock import SHANGHAI, shanghai_today, utc_now
from app.core.ids import new_id
from app.models.checklists import Template, TemplateVersion
from app.services.checklists.content import content_hash
from app.services.inspections import intake
from tests.factories.checklists import body
from tests.factories.field import Field, SealedPackage, photo
from tests.factories.sending import Sending, codes
from tests.factories.world import World


@pytest.fixture
def sending(world: World) -> Sending:
    return Sending(world)


def is_quarantined(sending: Sending, package: SealedPackage, reason: str | None = None) -> None:
    """The answer says so with its reason, says it again, and the bytes are there."""
    for _ in range(2):
        answer = sending.phone.put_package(package)
        assert (answer.status_code, answer.json()["code"]) == (422, "package_quarantined"), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["retry"], answer.json()["id"]) == ("manual", str(package.id))
        if reason is not None:
            assert answer.json()["reason"] == reason
    assert sending.kept(package.id) == [package.sealed]
    assert sending.status(package.id)[0] == "quarantined"
    waiting = sending.team[0].get("/api/v1/inspections/waiting-packages").json()["items"]
    assert str(package.id) in {row["package_id"] for row in waiting}


def is_processed(sending: Sending, package: SealedPackage) -> set[str]:
    """Taken, kept byte for byte, receipted; the issue codes."""
    answer = sending.phone.put_package(package)
    assert answer.status_code == 201, answer.text
    assert sending.kept(package.id) == [package.sealed]
    assert sending.status(package.id) == ("processed", None)
    receipt = sending.phone.receipt(package.id)
    assert receipt is not None
    assert receipt["receipt"]["package"]["hash"] == package.hash
    return codes(answer)


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not_json"),
    "not UTF-8": ("检查".encode("gb18030"), "not_json"),
    "UTF-16": ('{"schema": "anshao.package/1"}'.encode("utf-16"), "not_json"),
    "a raw NUL": (b'{"schema": "\x00"}', "not_json"),
    "cut off": (b'{"schema": "anshao.package/1", "id"', "not_json"),
    "HTML of a captive portal": (b"<html>please log in</html>", "not_json"),
    "a list": (b"[]", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "another schema": (b'{"schema": "anshao.package/2"}', "unknown_schema"),
    "no schema": (b"{}", "unknown_schema"),
    "a key twice": (b'{"schema": "anshao.package/1", "id": 1, "id": 2}', "duplicate_key"),
    "a key twice, deep": (b'{"schema": "anshao.package/1", "answers": {"q": {"a": 1, "a": 2}}}', "duplicate_key"),
    "NaN": (b'{"schema": "anshao.package/1", "answers": {"q": NaN}}', "not_a_number: NaN"),
    "infinity": (b'{"schema": "anshao.package/1", "answers": {"q": -Infinity}}', "not_a_number: -Infinity"),
    "beyond a double": (b'{"schema": "anshao.package/1", "answers": {"q": 1e400}}', "number_out_of_range"),
    "beyond 64 bits": (b'{"schema": "anshao.package/1", "answers": {"q": 99999999999999999999}}', "number_out_of_range"),
    "ten thousand digits": (b'{"schema": "anshao.package/1", "q": ' + b"9" * 10_000 + b"}", "number_out_of_range"),
    "nested 150 deep": (b'{"schema": "anshao.package/1", "q": ' + b"[" * 150 + b"]" * 150 + b"}", "too_deep"),
    "nested 100,000 deep": (b"[" * 100_000, "not_json"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_envelope_is_kept_aside(sending: Sending, name: str) -> None:
    content, reason = UNREADABLE[name]
    is_quarantined(sending, sending.raw(content), reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": str(new_id())}, "other_id"),
        ({"user_id": str(new_id())}, "other_author"),
        ({"device_id": str(new_id())}, "other_author"),
        ({"kind": "raid"}, "kind: enum"),
        ({"officers": []}, "officers: too_short"),
        ({"officers": ["nobody"]}, "officers/0: uuid_parsing"),
        ({"legal_date": "2026-02-30"}, "legal_date: date_from_datetime_parsing"),
        ({"answers": [1]}, "answers: dict_type"),
        ({"party": {"outcome": "ignored"}}, "party/outcome: literal_error"),
        ({"supersedes": {"id": str(new_id()), "reason": ""}}, "supersedes/reason: string_too_short"),
        ({"supersedes": {"id": str(new_id()), "reason": "写错"}}, "superseded_package_unknown"),
        ({"authority_id": str(new_id())}, "unknown_authority"),
        ({"enterprise_id": str(new_id())}, "unknown_enterprise"),
        ({"position": {"latitude": 91_000_000, "longitude": 0, "datum": "wgs84"}}, "position/latitude: less_than_equal"),
        ({"position": {"latitude": 1, "longitude": 1, "datum": "mars"}}, "position/datum: literal_error"),
        ({"evidence": [{"id": str(new_id())}]}, "evidence/0/hash: missing"),
        ({"evidence": [{"id": str(new_id()), "hash": "md5:00", "size": 1, "media_type": "x"}]},
         "evidence/0/hash: string_pattern_mismatch"),
        ({"evidence": [{"id": str(new_id()), "hash": "sha-256:" + "0" * 64, "size": 0, "media_type": "x"}]},
         "evidence/0/size: greater_than"),
    ],
)  # fmt: skip
def test_an_envelope_with_a_wrong_member_is_kept_aside(
    sending: Sending, changes: dict[str, Any], reason: str
) -> None:
    is_quarantined(sending, sending.whole(**changes), reason)


@pytest.mark.parametrize(
    "change", [{"hash": "sha-256:" + "1" * 64}, {"code": "no-such-checklist"}, {"code": "a\x00b"}]
)
def test_an_unknown_template_is_kept_aside(sending: Sending, change: dict[str, Any]) -> None:
    is_quarantined(sending, sending.sealed(template={**sending.template, **change}), "unknown_template")


def test_what_waits_for_a_person_is_shown_in_its_own_district_only(sending: Sending) -> None:
    package = sending.sealed(template={**sending.template, "hash": "sha-256:" + "1" * 64})
    is_quarantined(sending, package, "unknown_template")
    for region, is_shown in ((sending.world.town, True), (sending.world.other_district, False)):
        supervisor = sending.world.person("supervisor", region=region)
        waiting = supervisor.get("/api/v1/inspections/waiting-packages").json()["items"]
        assert (str(package.id) in {row["package_id"] for row in waiting}) is is_shown


def own_template(sending: Sending, status: str) -> dict[str, Any]:
    """A checklist of the test's own that stands in this state."""
    code = f"t-{new_id().hex}"
    content = body(code=code)
    moments: dict[str, Any] = {} if status == "draft" else {"published_at": utc_now()}
    if status == "withdrawn":
        moments["withdrawn_at"] = utc_now()

    async def make(session: AsyncSession) -> None:
        template = Template(id=new_id(), code=code)
        session.add(template)
        await session.flush()
        session.add(
            TemplateVersion(
                template_id=template.id, number=1, status=status, title_zh="样例", title_en="Sample",
                in_force_from=shanghai_today(), body=content, content_hash=content_hash(content), **moments,
            )
        )  # fmt: skip

    sending.world.in_database(make)
    return {"code": code, "version": 1, "hash": content_hash(content)}


def test_a_withdrawn_template_is_taken_and_flagged(sending: Sending) -> None:
    template = own_template(sending, "withdrawn")
    assert "template_withdrawn" in is_processed(sending, sending.sealed(template=template))


def test_a_draft_template_is_as_unknown_as_none(sending: Sending) -> None:
    is_quarantined(sending, sending.sealed(template=own_template(sending, "draft")), "unknown_template")


def test_an_old_version_of_a_template_is_taken_for_ever(sending: Sending) -> None:
    template = own_template(sending, "published")
    assert "template_withdrawn" not in is_processed(
        sending, sending.sealed(template={**template, "version": 99})
    )


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"RTO-999": {"value": "yes"}}, "unknown_question"),
        ({"RTO-01\x00": {"value": "yes"}}, "unknown_question"),
        ({"RTO-01": {"value": 5}}, "wrong_type"),
        ({"RTO-01": "yes"}, "wrong_type"),
        ({"RTO-01": None}, "unanswered"),
        ({"RTO-01": [[[["yes"]]]]}, "wrong_type"),
        ({"RTO-01": {"value": "perhaps"}}, "wrong_type"),
        ({"RTO-04": {"value": 1e308}}, "out_of_range"),
        ({"RTO-04": {"value": -9223372036854775808}}, "out_of_range"),
        ({"RTO-04": {"value": "12"}}, "wrong_type"),
        ({"RTO-04": {"value": 12}}, "missing_evidence"),
    ],
)  # fmt: skip
def test_a_bad_answer_is_kept_and_flagged(sending: Sending, answers: dict[str, Any], code: str) -> None:
    assert code in is_processed(sending, sending.sealed(answers=answers))


TEXTS = {
    "NUL": "前\x00后",
    "half a pair": "前\ud800后",
    "the other half": "\udfff",
    "pairs turned round": "\udf00\ud83d",
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_no_database_holds_is_kept_in_the_bytes_and_shown_replaced(sending: Sending, name: str) -> None:
    typed = TEXTS[name]
    party = {**sending.document()["party"], "name": typed}
    package = sending.whole(party=party, answers={"RTO-01": {"value": "no", "note": typed}})
    assert "text_not_storable" in is_processed(sending, package)
    assert json.loads(sending.kept(package.id)[0])["party"]["name"] == typed

    async def shown(session: AsyncSession) -> str:
        found = text("SELECT party ->> 'name' FROM packages WHERE id = :id")
        return str((await session.execute(found, {"id": package.id})).scalar_one())

    assert "\ufffd" in sending.world.in_database(shown)


@pytest.mark.parametrize(
    "name",
    ["李工😀👩‍🚒", unicodedata.normalize("NFD", "é Å ガ"), "𠮷野家", "\u202e反", "\\u0000", "a\tb\nc"],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_names_stay_as_they_were_typed(sending: Sending, name: str, ascii_only: bool) -> None:
    """Decomposed, outside the basic plane, escaped or not: byte for byte, and never composed anew."""
    document = json.loads(sending.sealed().sealed)
    package = sending.sealed()
    document |= {"id": str(package.id), "party": {**document["party"], "name": name}}
    picture = {**photo().declaration(), "name": name}
    document["evidence"] = [picture]
    sent = SealedPackage(package.id, json.dumps(document, ensure_ascii=ascii_only).encode(), ())
    answer = sending.phone.put_package(sent)
    assert answer.status_code == 201, answer.text
    assert "text_not_storable" not in codes(answer)
    assert sending.kept(sent.id) == [sent.sealed]

    async def shown(session: AsyncSession) -> tuple[str, str]:
        found = text(
            "SELECT p.party ->> 'name', d.name FROM packages p JOIN evidence_declarations d ON d.package_id = p.id "
            "WHERE p.id = :id"
        )
        return tuple((await session.execute(found, {"id": sent.id})).one())  # type: ignore[return-value]

    assert sending.world.in_database(shown) == (name, name)


def at(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat()


NOW = utc_now()
TIMES: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({}, {"sealed_at": at(NOW + timedelta(days=1))}, "sealed_in_the_future"),
    ({}, {"sealed_at": "9998-12-31T23:59:59-08:00"}, "sealed_in_the_future"),
    ({}, {"started_at": at(NOW + timedelta(hours=1))}, "started_after_sealing"),
    ({}, {"started_at": "0002-01-01T00:00:00+08:00"}, "absurd_duration"),
    ({}, {"started_at": "1970-01-01T00:00:00Z"}, "absurd_duration"),
    ({"legal_date": (shanghai_today() + timedelta(days=2)).isoformat()}, {}, "legal_date_outside_window"),
    ({"legal_date": "9998-12-31"}, {}, "legal_date_outside_window"),
    (
        {"legal_date": (shanghai_today() - timedelta(days=9)).isoformat()},
        {"last_server_contact_at": at(NOW)},
        "legal_date_outside_window",
    ),
]


@pytest.mark.parametrize(("changes", "times", "code"), TIMES)
def test_an_absurd_time_is_taken_and_flagged(
    sending: Sending, changes: dict[str, Any], times: dict[str, str], code: str
) -> None:
    sound = {"started_at": at(NOW - timedelta(hours=1)), "sealed_at": at(NOW)}
    assert code in is_processed(sending, sending.sealed(times={**sound, **times}, **changes))


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "tomorrow"])
def test_a_moment_of_no_calendar_is_kept_aside(sending: Sending, moment: str) -> None:
    is_quarantined(sending, sending.sealed(times={"started_at": moment, "sealed_at": at(NOW)}))


def test_a_clock_that_is_a_few_minutes_fast_is_not_flagged(sending: Sending) -> None:
    fast = at(utc_now() + timedelta(minutes=5))
    found = is_processed(sending, sending.sealed(times={"started_at": fast, "sealed_at": fast}))
    assert not found & {"sealed_in_the_future", "started_after_sealing", "legal_date_outside_window"}


@pytest.mark.parametrize(
    ("position", "code"),
    [
        (None, "position_missing"),
        ({"latitude": 0, "longitude": 0, "datum": "wgs84"}, "position_zero"),
        (
            {"latitude": 30_000_000, "longitude": 120_000_000, "datum": "bd09", "mock": True},
            "position_mocked",
        ),
    ],
)
def test_a_doubtful_position_is_flagged(sending: Sending, position: dict[str, Any] | None, code: str) -> None:
    assert code in is_processed(sending, sending.sealed(position=position))


def test_a_position_on_the_equator_is_no_zero(sending: Sending) -> None:
    position = {"latitude": 0, "longitude": 120_000_000, "datum": "wgs84"}
    assert "position_zero" not in is_processed(sending, sending.sealed(position=position))


def test_too_many_answers_or_files_are_refused_and_nothing_is_acknowledged(sending: Sending) -> None:
    many = {f"RTO-{number}": {"value": "yes"} for number in range(10_000)}
    row = {"hash": "sha-256:" + "0" * 64, "size": 1, "media_type": "image/jpeg"}
    for changes, member, limit in (
        ({"answers": many}, "answers", 2000),
        ({"evidence": [{**row, "id": str(new_id())} for _ in range(501)]}, "evidence", 500),
    ):
        package = sending.whole(**changes)
        answer = sending.phone.put_package(package)
        assert (answer.status_code, answer.json()["code"]) == (413, "package_too_many_rows")
        assert (answer.json()["member"], answer.json()["limit"]) == (member, limit)
        assert sending.kept(package.id) == []


def test_as_many_answers_as_are_allowed_are_taken(sending: Sending) -> None:
    answers = {f"X-{number}": {"value": "yes"} for number in range(2000)}
    assert "unknown_question" in is_processed(sending, sending.sealed(answers=answers))


def test_ten_megabytes_are_refused_and_seven_are_taken(sending: Sending) -> None:
    heavy = sending.sealed(padding="重" * (10 * 1024 * 1024 // 3))
    answer = sending.phone.put_package(heavy)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert sending.kept(heavy.id) == []
    is_processed(sending, sending.sealed(padding="x" * 7 * 1024 * 1024))


def test_two_identical_puts_at_once_make_one_record(sending: Sending) -> None:
    package = sending.sealed()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: sending.phone.put_package(package), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert answers[0].json() == answers[1].json()
    assert sending.kept(package.id) == [package.sealed]


def test_two_different_puts_at_once_keep_both(sending: Sending) -> None:
    package = sending.sealed()
    other = SealedPackage(package.id, package.sealed.replace("李工".encode(), "王工".encode()), ())
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(sending.phone.put_package, (package, other)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert sorted(sending.kept(package.id)) == sorted([package.sealed, other.sealed])


def test_other_bytes_under_an_id_are_a_conflict_whatever_they_are(sending: Sending) -> None:
    package = sending.sealed()
    assert sending.phone.put_package(package).status_code == 201
    others = [SealedPackage(package.id, content, ()) for content in (b"", b"{}", package.sealed + b" ")]
    for other in others:
        answer = sending.phone.put_package(other)
        assert (answer.status_code, answer.json()["code"]) == (409, "package_conflict")
    assert sending.kept(package.id) == [package.sealed, *(other.sealed for other in others)]
    assert sending.phone.receipt(package.id)["receipt"]["package"]["hash"] == package.hash  # type: ignore[index]


def test_another_phones_package_id_is_not_found(sending: Sending) -> None:
    package = sending.sealed()
    sending.phone.put_package(package)
    colleague = sending.field.phone(sending.team[1].user_id)
    answer = colleague.put_package(SealedPackage(package.id, b"{}", ()))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert sending.kept(package.id) == [package.sealed]


@pytest.mark.parametrize(
    ("last_day", "is_signable"), [(0, True), (-1, False)], ids=["its last day", "the day after"]
)
def test_a_certificate_counts_to_its_last_day(world: World, last_day: int, is_signable: bool) -> None:
    sending = Sending(world)
    until = shanghai_today() + timedelta(days=last_day)
    other = world.person("inspector", region=world.town, certificate=(date(2020, 1, 1), until))
    answer = sending.put(officers=[str(sending.team[0].user_id), str(other.user_id)])
    assert answer.json()["signable"] is is_signable
    assert ("certificate_not_valid" in codes(answer)) is not is_signable


@pytest.mark.parametrize("role", ["safety_assistant", "supervisor", "case_officer"])
def test_no_other_role_counts_as_an_officer_whatever_its_papers(world: World, role: str) -> None:
    sending = Sending(world)
    other = world.person(role, region=world.town, certificate=True)
    answer = sending.put(officers=[str(sending.team[0].user_id), str(other.user_id)])
    assert answer.json()["signable"] is False
    assert "certificate_not_valid" in codes(answer)


def test_one_officer_alone_or_twice_is_not_signable(sending: Sending) -> None:
    alone = str(sending.team[0].user_id)
    for officers in ([alone], [alone, alone]):
        answer = sending.put(officers=officers)
        assert answer.json()["signable"] is False
        assert "too_few_officers" in codes(answer)


def test_a_revoked_phone_is_pointed_to_the_intake(sending: Sending) -> None:
    path = f"/api/v1/devices/{sending.phone.device_id}"
    package = sending.sealed()
    administrator = sending.world.person("administrator")
    body = {"reason": "手机遗失"}
    assert administrator.post(f"{path}/revocation", version=1, json=body).status_code == 200
    answer = sending.phone.put_package(package)
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (
        403,
        "device_revoked",
        "manual",
    )
    assert "/mobile/v1/intake" in answer.json()["en"]
    assert sending.kept(package.id) == []


@pytest.mark.parametrize("where", ["foreign", "nowhere"])
def test_a_foreign_site_and_an_unknown_one_answer_alike(sending: Sending, where: str) -> None:
    abroad = Field(sending.world, region=sending.world.other_town)
    site = abroad.site_id if where == "foreign" else new_id()
    package = sending.sealed(site_id=str(site))
    answer = sending.phone.put_package(package)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert sending.kept(package.id) == []


def test_an_assignment_elsewhere_opens_no_foreign_site(world: World) -> None:
    """Membership of one assignment lets a squad into that site only."""
    sending, abroad = Sending(world), Field(world, region=world.other_town)
    assigned = world.person("supervisor").post(
        "/api/v1/inspections/assignments",
        json={
            "site_id": str(sending.field.site_id),
            "authority_id": str(world.authority),
            "planned_from": shanghai_today().isoformat(),
            "planned_until": shanghai_today().isoformat(),
            "officers": [str(officer.user_id) for officer in sending.team],
            "template_version_ids": [str(sending.field.version_id("rto"))],
            "hazard_ids": [],
        },
    )
    assert assigned.status_code == 201, assigned.text
    assignment = assigned.json()["id"]
    assert sending.put(assignment_id=assignment, site_id=str(abroad.site_id)).status_code == 404


def test_another_sites_enterprise_is_flagged(sending: Sending) -> None:
    other = Field(sending.world)
    package = sending.sealed(enterprise_id=str(other.enterprise_id))
    assert "enterprise_other_site" in is_processed(sending, package)


@pytest.mark.parametrize("which", ["signature", "key_id", "nonsense"])
def test_a_wrong_signature_is_kept_aside(sending: Sending, which: str) -> None:
    package = sending.sealed()
    phone, other = sending.phone, sending.field.phone(sending.team[0].user_id)
    if which == "signature":
        phone.key = other.key
    elif which == "key_id":
        phone.key_id = other.key_id
    else:
        phone.sign = lambda _: "%%%"  # type: ignore[method-assign]
    is_quarantined(sending, package, "wrong_signature")


def test_a_package_without_its_signature_is_refused(sending: Sending) -> None:
    package = sending.sealed()
    answer = sending.phone.request("PUT", f"/packages/{package.id}", content=package.sealed)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert sending.phone.request("PUT", "/packages/not-an-id", content=b"").status_code == 422


def test_a_file_with_a_wrong_hash_or_size_is_refused_and_may_come_again(sending: Sending) -> None:
    picture = photo()
    package = sending.sealed([picture])
    assert sending.phone.put_package(package).status_code == 201
    for content in (picture.content[:-1], picture.content + b"x", b"x" * len(picture.content)):
        damaged = type(picture)(content, None, id=picture.id)
        answer = sending.phone.put_photo(package, damaged)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_evidence")
        assert answer.json()["retry"] == "now"
    assert sending.phone.put_photo(package, picture).status_code == 201
    assert sending.phone.receipt(package.id) is not None


def test_what_is_set_aside_is_bounded_and_never_dropped(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_SET_ASIDE", 2)
    first, second, third = (sending.raw(b"%d" % number) for number in range(3))
    assert [sending.phone.put_package(one).status_code for one in (first, second)] == [422, 422]
    answer = sending.phone.put_package(third)
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (
        429,
        "set_aside_quota",
        "after",
    )
    assert int(answer.headers["retry-after"]) > 0
    assert sending.kept(third.id) == []
    assert sending.phone.put_package(first).status_code == 422
    sound = sending.sealed()
    assert sending.phone.put_package(sound).status_code == 201
    others = [SealedPackage(sound.id, b"%d" % number, ()) for number in range(3)]
    assert [sending.phone.put_package(one).status_code for one in others] == [409, 409, 429]
    assert sending.phone.put_package(others[0]).status_code == 409
    assert sending.kept(sound.id) == [sound.sealed, others[0].sealed, others[1].sealed]


def test_what_is_set_aside_is_bounded_over_all_phones_of_a_person(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_SET_ASIDE_OF_USER", 2)
    assert sending.phone.user_id is not None
    second = sending.field.phone(sending.phone.user_id, "second")
    stranger = sending.field.phone(sending.world.person("inspector", region=sending.world.town).user_id)

    def code(phone: Device, package: SealedPackage) -> str | None:
        answer = phone.put_package(package)
        return answer.json().get("code")

    first, other = (sending.raw(b"%d" % number) for number in range(2))
    assert [code(sending.phone, first), code(second, other)] == ["package_quarantined"] * 2
    for phone in (sending.phone, second):
        assert code(phone, sending.raw(b"{")) == "set_aside_quota"
    assert code(second, other) == "package_quarantined"
    assert code(stranger, sending.raw(b"{")) == "package_quarantined"
    sound = sending.sealed()
    assert code(sending.phone, sound) is None
    further = [SealedPackage(sound.id, b"%d" % number, ()) for number in range(3)]
    assert [code(sending.phone, one) for one in further] == ["package_conflict"] * 2 + ["set_aside_quota"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = (
    "kind", "visit_id", "assignment_id", "supersedes", "authority_id", "enterprise_id", "officers", "legal_date",
    "template", "times", "position", "evidence", "party", "hazards", "patrol", "whistle",
)  # fmt: skip
MANY = settings(max_examples=40)


@MANY
@given(
    answers=st.dictionaries(
        st.sampled_from(["RTO-01", "RTO-04", "RTO-12/e1/x", ""]) | st.text(max_size=10), JSON, max_size=6
    )
)
def test_whatever_the_answers_are_the_record_is_taken(sending: Sending, answers: dict[str, Any]) -> None:
    is_processed(sending, sending.whole(answers=answers))


@MANY
@given(member=st.sampled_from(MEMBERS), value=JSON)
def test_whatever_a_member_is_the_bytes_are_kept_and_the_answer_is_clear(
    sending: Sending, member: str, value: Any
) -> None:
    package = sending.whole(**{member: value})
    answer = sending.phone.put_package(package)
    assert answer.status_code in (201, 422), answer.text
    assert sending.kept(package.id) == [package.sealed]
    assert sending.status(package.id)[0] == ("processed" if answer.status_code == 201 else "quarantined")


@MANY
@given(content=st.binary(max_size=200))
def test_whatever_the_bytes_are_they_are_kept(sending: Sending, content: bytes) -> None:
    package = sending.raw(content)
    assert sending.phone.put_package(package).status_code == 422
    assert sending.kept(package.id) == [content]
