"""Who looks at evidence is entitled, gets the true bytes by any range, and is written down before they leave."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Photo, SealedPackage, sha256_of
from app.core.ids import new_id
from app.models.hazards import Hazard
from app.services.runtime import Runtime
from tests.evidence.conftest import Team
from tests.evidence.files import camera_jpeg, png_bomb
from tests.evidence.test_examination import examine_all, run
from tests.evidence.test_intake import row_of
from tests.factories.cases import Docket
from tests.factories.field import photo
from tests.support.queries import recorded_queries

CONSOLE = "/api/v1/evidence"


def looks(team: Team, evidence_id: UUID) -> list[tuple[str, str, Any]]:
    async def find(session: AsyncSession) -> list[tuple[str, str, Any]]:
        wanted = text(
            "SELECT action, detail->>'how', detail->'size' FROM audit_entries WHERE kind = 'evidence' AND object_id = :id "
            "AND action LIKE 'evidence:read%' ORDER BY id"
        )
        return [tuple(row) for row in await session.execute(wanted, {"id": evidence_id})]

    return team.world.in_database(find)  # type: ignore[no-any-return]


@pytest.fixture
def examined(team: Team, runtime: Runtime) -> tuple[SealedPackage, Photo]:
    """A package with one photograph that has been examined."""
    one = Photo(camera_jpeg(6), None)
    package = team.sent(one)
    team.phone.put_photo(package, one)
    examine_all(team.world, runtime)
    return package, one


def test_a_packages_files_are_listed_with_what_was_found(team: Team, runtime: Runtime) -> None:
    whole, bomb, missing, lost = (
        Photo(camera_jpeg(), "RTO-01"),
        Photo(png_bomb(), None, "image/png"),
        photo(),
        photo(),
    )
    package = team.sent(whole, bomb, missing, lost)
    for each in (whole, bomb):
        team.phone.put_photo(package, each)
    team.phone.withdraw(package, lost, "手机丢失")
    examine_all(team.world, runtime)
    items = team.officers[0].get(CONSOLE, params={"package_id": str(package.id)}).json()["items"]
    by_id = {item["id"]: item for item in items}
    assert {k: v["status"] for k, v in by_id.items()} == {
        str(whole.id): "verified", str(bomb.id): "verified", str(missing.id): "missing", str(lost.id): "withdrawn",
    }  # fmt: skip
    found = by_id[str(whole.id)]
    assert (found["question"], found["detected_type"], found["flags"]) == ("RTO-01", "image/jpeg", [])
    assert [copy["pixels"] for copy in found["derivatives"]] == [1280, 320]
    assert found["facts"]["model"] == "Mate 60"
    assert by_id[str(bomb.id)]["flags"] == [
        {"code": "too_many_pixels", "zh": "像素数超过上限，未予解码", "en": "More pixels than are decoded: it was not decoded"}
    ]  # fmt: skip
    assert by_id[str(lost.id)]["withdrawal"]["reason"] == "手机丢失"
    one = team.officers[0].get(f"{CONSOLE}/{whole.id}").json()
    assert one == found


def test_lists_are_paged_with_two_statements_whatever_their_length(team: Team, runtime: Runtime) -> None:
    photos = [photo() for _ in range(7)]
    package = team.sent(*photos)
    reader = team.world.person("supervisor", region=team.world.town)
    seen: list[str] = []
    params = {"package_id": str(package.id), "limit": "3"}
    while True:
        with recorded_queries(runtime.database) as statements:
            page = reader.get(CONSOLE, params=params).json()
        assert len(statements) <= 3, statements
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == sorted((str(one.id) for one in photos), reverse=True)


def test_a_visits_and_a_hazards_files_are_listed(team: Team) -> None:
    shown, other = photo(question="RTO-01"), photo()
    document = team.field.document(
        team.field.publish("rto"), [o.user_id for o in team.officers], answers={"RTO-01": {"value": "no"}}
    )
    package = team.phone.seal(document, [shown, other])
    assert team.phone.put_package(package).status_code == 201
    reader = team.officers[0]
    of_visit = reader.get(CONSOLE, params={"visit_id": str(team.field.visit_id)}).json()["items"]
    assert {item["id"] for item in of_visit} == {str(shown.id), str(other.id)}
    hazard = reader.get("/api/v1/hazards").json()["items"][0]
    of_hazard = reader.get(CONSOLE, params={"hazard_id": hazard["id"]}).json()["items"]
    assert [item["id"] for item in of_hazard] == [str(shown.id)]
    assert reader.get(CONSOLE, params={"visit_id": str(new_id())}).status_code == 404
    everything = reader.get(CONSOLE).json()["items"]
    assert {item["id"] for item in everything} == {str(shown.id), str(other.id)}


def test_the_original_comes_byte_for_byte_and_the_look_is_written_down(
    team: Team, examined: tuple[SealedPackage, Photo]
) -> None:
    _, one = examined
    answer = team.officers[0].get(f"{CONSOLE}/{one.id}/original")
    assert (answer.status_code, answer.content) == (200, one.content)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["etag"] == f'"{sha256_of(one.content)}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert looks(team, one.id) == [("evidence:read_original", "download", "original")]
    copy = team.officers[0].get(f"{CONSOLE}/{one.id}/derivatives/320")
    assert (copy.status_code, copy.headers["content-type"]) == (200, "image/jpeg")
    assert looks(team, one.id)[1:] == [("evidence:read", "download", 320)]


def test_a_look_that_cannot_be_written_down_does_not_happen(
    team: Team, examined: tuple[SealedPackage, Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the audit log is full")

    monkeypatch.setattr("app.services.evidence.reading.record_access", fail)
    answer = team.officers[0].get(f"{CONSOLE}/{examined[1].id}/original")
    assert answer.status_code == 500
    assert examined[1].content[:100] not in answer.content


@pytest.mark.parametrize(
    ("wanted", "status", "first", "last"),
    [
        ("bytes=0-99", 206, 0, 99),
        ("bytes=100-", 206, 100, -1),
        ("bytes=-10", 206, -10, -1),
        ("bytes=5-999999999", 206, 5, -1),
        ("bytes=0-0", 206, 0, 0),
        ("bytes=0-1,5-6", 200, 0, -1),
        ("lines=1-2", 200, 0, -1),
        ("bytes=9-3", 200, 0, -1),
        ("bytes=-", 200, 0, -1),
    ],
)
def test_ranges_give_exactly_the_wanted_bytes(
    team: Team, examined: tuple[SealedPackage, Photo], wanted: str, status: int, first: int, last: int
) -> None:
    content = examined[1].content
    start, end = first % len(content), last % len(content)
    answer = team.officers[0].get(f"{CONSOLE}/{examined[1].id}/original", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (status, content[start : end + 1])
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {start}-{end}/{len(content)}"


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(
    team: Team, examined: tuple[SealedPackage, Photo], wanted: str
) -> None:
    answer = team.officers[0].get(f"{CONSOLE}/{examined[1].id}/original", headers={"Range": wanted})
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(examined[1].content)}"


def test_an_outdated_if_range_gives_everything_and_a_known_etag_nothing(
    team: Team, examined: tuple[SealedPackage, Photo]
) -> None:
    _, one = examined
    path, reader = f"{CONSOLE}/{one.id}/original", team.officers[0]
    outdated = reader.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (outdated.status_code, len(outdated.content)) == (200, len(one.content))
    same = reader.get(path, headers={"Range": "bytes=0-9", "If-Range": f'"{sha256_of(one.content)}"'})
    assert same.status_code == 206
    before = len(looks(team, one.id))
    known = reader.get(path, headers={"If-None-Match": f'"x", "{sha256_of(one.content)}"'})
    assert (known.status_code, known.content) == (304, b"")
    assert len(looks(team, one.id)) == before


@pytest.mark.parametrize(
    ("name", "likeness", "encoded"),
    [
        ("现场照片.jpg", "____.jpg", "%E7%8E%B0%E5%9C%BA%E7%85%A7%E7%89%87.jpg"),
        ("cafe\u0301.jpg", "caf_.jpg", "caf%C3%A9.jpg"),
        ("🔥 fire.jpg", "_ fire.jpg", "%F0%9F%94%A5%20fire.jpg"),
        ('a"b\r\nSet-Cookie: x.jpg', "a_bSet-Cookie_ x.jpg", "a_bSet-Cookie_%20x.jpg"),
        ("../../etc/passwd", "_.._etc_passwd", "_.._etc_passwd"),
        ("...", "file", "file"),
        ("100%.jpg", "100_.jpg", "100%25.jpg"),
    ],
)
def test_file_names_travel_safely(name: str, likeness: str, encoded: str) -> None:
    from app.http.objects import content_disposition

    said = content_disposition(name, as_attachment=True)
    assert said == f"attachment; filename=\"{likeness}\"; filename*=UTF-8''{encoded}"


def test_lone_surrogates_and_nul_in_names_break_nothing() -> None:
    from app.http.objects import content_disposition

    said = content_disposition("a\ud800b\x00.jpg", as_attachment=False)
    assert said == "inline; filename=\"a_b.jpg\"; filename*=UTF-8''a_b.jpg"


def test_a_declared_name_is_given_to_the_original(team: Team) -> None:
    class Named(Photo):
        def declaration(self) -> dict[str, Any]:
            return {**Photo.declaration(self), "name": "一车间 喷漆房🔥.jpg"}

    one = Named(camera_jpeg(), None)
    package = team.sent(one)
    team.phone.put_photo(package, one)
    said = team.officers[0].get(f"{CONSOLE}/{one.id}/original").headers["content-disposition"]
    assert "filename*=UTF-8''%E4%B8%80%E8%BD%A6%E9%97%B4" in said


def test_originals_need_their_own_permission_and_regions_stay_apart(
    team: Team, examined: tuple[SealedPackage, Photo]
) -> None:
    _, one = examined
    supervisor = team.world.person("supervisor", region=team.world.town)  # evidence:read only
    assert supervisor.get(f"{CONSOLE}/{one.id}").status_code == 200
    assert supervisor.get(f"{CONSOLE}/{one.id}/derivatives/320").status_code == 200
    assert supervisor.get(f"{CONSOLE}/{one.id}/original").status_code == 403
    link = supervisor.post(f"{CONSOLE}/{one.id}/links", json={"size": "original"})
    assert (link.status_code, link.json()["code"]) == (403, "forbidden")
    foreigner = team.world.person("inspector", region=team.world.other_town)
    for path in ("", "/original", "/derivatives/320"):
        assert foreigner.get(f"{CONSOLE}/{one.id}{path}").status_code == 404
    assert foreigner.get(CONSOLE).json()["items"] == []
    assistant = team.world.person("safety_assistant", region=team.world.town)
    assert assistant.get(f"{CONSOLE}/{one.id}").status_code == 403


def test_whoever_declares_another_phones_file_sees_nothing_of_it(
    team: Team, examined: tuple[SealedPackage, Photo]
) -> None:
    package, one = examined
    stranger = team.field.phone(team.officers[1].user_id)
    officers = [officer.user_id for officer in team.officers]
    second = stranger.seal(team.field.document(team.field.publish("rto"), officers), [one])
    assert stranger.put_package(second).status_code == 201
    (foreign,) = team.officers[1].get(CONSOLE, params={"package_id": str(second.id)}).json()["items"]
    assert (foreign["id"], foreign["status"]) == (str(one.id), "missing")
    assert (foreign["derivatives"], foreign["facts"], foreign["detected_type"]) == ([], None, None)
    items = team.officers[1].get(CONSOLE).json()["items"]
    assert {item["package_id"]: len(item["derivatives"]) for item in items} == {
        str(package.id): 2, str(second.id): 0,
    }  # fmt: skip


def test_unclaimed_files_are_nobodys_to_look_at(team: Team) -> None:
    early = photo()
    team.phone.put_photo(team.seal(early), early)
    assert team.officers[0].get(f"{CONSOLE}/{early.id}/original").status_code == 404


def test_bytes_that_the_storage_lost_are_503_not_an_empty_file(
    team: Team, examined: tuple[SealedPackage, Photo], runtime: Runtime
) -> None:
    row = row_of(team.world, examined[1].id)
    assert row is not None
    run(team.world, lambda: runtime.storage.remove(row["storage_key"]))
    answer = team.officers[0].get(f"{CONSOLE}/{examined[1].id}/original")
    assert (answer.status_code, answer.json()["code"]) == (503, "object_unavailable")


def test_a_phone_fetches_reduced_copies_once_by_their_hash(
    team: Team, examined: tuple[SealedPackage, Photo]
) -> None:
    _, one = examined
    path = f"/evidence/{one.id}/derivatives/320"
    first = team.phone.request("GET", path)
    assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
    again = team.phone.request("GET", path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["etag"] == f'"{sha256_of(first.content)}"'
    assert team.phone.request("GET", f"/evidence/{one.id}/derivatives/99").status_code == 422
    foreign = team.field.phone(team.world.person("inspector", region=team.world.other_town).user_id)
    assert foreign.request("GET", path).status_code == 404


@pytest.mark.parametrize("is_merged", [False, True], ids=["its own", "of what was merged into it"])
def test_an_assignment_shows_before_photos_to_a_squad_from_elsewhere(
    team: Team, runtime: Runtime, is_merged: bool
) -> None:
    shown = Photo(camera_jpeg(), "RTO-01")
    document = team.field.document(
        team.field.publish("rto"), [o.user_id for o in team.officers], answers={"RTO-01": {"value": "no"}}
    )
    package = team.phone.seal(document, [shown])
    team.phone.put_package(package)
    team.phone.put_photo(package, shown)
    examine_all(team.world, runtime)
    squad = [team.world.person("inspector", region=team.world.other_town) for _ in range(2)]
    phone = team.field.phone(squad[0].user_id)
    path = f"/evidence/{shown.id}/derivatives/1280"
    assert phone.request("GET", path).status_code == 404
    hazard = team.officers[0].get("/api/v1/hazards").json()["items"][0]
    assigned = UUID(hazard["id"])
    if is_merged:
        assigned, merged = Docket(team.world).hazard(field=team.field), assigned

        async def merge(session: AsyncSession) -> None:
            await session.execute(update(Hazard).where(Hazard.id == merged).values(merged_into_id=assigned))

        team.world.in_database(merge)
    from app.core.clock import shanghai_today
    from app.models.inspections import Assignment, AssignmentMember

    async def assign(session: AsyncSession) -> None:
        assignment = Assignment(
            id=new_id(), version=1, authority_id=team.world.authority, enterprise_id=team.field.enterprise_id,
            site_id=team.field.site_id, region_id=team.world.town, kind="reinspection", status="assigned",
            planned_from=shanghai_today(), planned_until=shanghai_today(), template_version_ids=[],
            hazard_ids=[assigned], created_by=squad[0].user_id,
        )  # fmt: skip
        session.add(assignment)
        await session.flush()
        session.add(AssignmentMember(assignment_id=assignment.id, user_id=squad[0].user_id))

    team.world.in_database(assign)
    assert phone.request("GET", path).status_code == 200
    assert team.field.phone(squad[1].user_id).request("GET", path).status_code == 404


def test_a_link_gives_its_bytes_without_login_until_it_ends_or_is_altered(
    team: Team, examined: tuple[SealedPackage, Photo], runtime: Runtime
) -> None:
    from datetime import timedelta

    from app.core.clock import standing_at, utc_now

    _, one = examined
    made = team.officers[0].post(f"{CONSOLE}/{one.id}/links", json={"size": "original"})
    assert made.status_code == 201, made.text
    url = made.json()["url"].removeprefix(runtime.settings.public_url)
    client = team.world.client
    opened = client.get(url)
    assert (opened.status_code, opened.content) == (200, one.content)
    assert client.get(url, headers={"Range": "bytes=0-3"}).content == one.content[:4]
    assert looks(team, one.id) == [("evidence:read_original", "link", "original")]
    other_key = url.replace("/originals/", "/derivatives/")
    for altered in (
        other_key,
        url.replace("expires=", "expires=9"),
        url.replace("image%2Fjpeg", "text%2Fhtml"),
        url + "x",
    ):
        answer = client.get(altered)
        assert (answer.status_code, answer.json()["code"]) == (403, "link_invalid"), altered
    with standing_at(utc_now() + timedelta(minutes=6)):
        assert client.get(url).status_code == 403


def test_every_size_has_its_link(team: Team, examined: tuple[SealedPackage, Photo], runtime: Runtime) -> None:
    _, one = examined
    for size in ("1280", "320"):
        made = team.officers[0].post(f"{CONSOLE}/{one.id}/links", json={"size": size}).json()
        got = team.world.client.get(made["url"].removeprefix(runtime.settings.public_url))
        assert (got.status_code, got.headers["content-type"]) == (200, "image/jpeg")
    unknown = team.officers[0].post(f"{CONSOLE}/{new_id()}/links", json={"size": "320"})
    assert unknown.status_code == 404
