"""The whole way of evidence on an installation that keeps its objects in S3."""

import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Photo, sha256_of
from app.core.ids import new_id
from app.main import create_app
from app.storage.s3 import S3Store
from app.storage.store import PARTS, original_key
from tests.evidence.conftest import Team
from tests.evidence.files import camera_jpeg
from tests.evidence.test_examination import examine_all
from tests.evidence.uploading import Tus, large_file
from tests.factories.field import Field, photo
from tests.factories.world import World
from tests.support.objects import s3_settings


@pytest.fixture(scope="module")
def on_s3(
    s3_address: str, database_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("on-s3")
    settings = s3_settings(
        s3_address, folder, f"city/{new_id().hex}", database_url=database_address, pool_size=5
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def team(on_s3: TestClient) -> Team:
    runtime = on_s3.app.state.runtime  # type: ignore[attr-defined]

    def in_database(work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        async def unit() -> Any:
            async with runtime.database.write() as session:
                return await work(session)

        assert on_s3.portal is not None
        return on_s3.portal.call(unit)

    world = World(on_s3, runtime, in_database)
    field = Field(world)
    officers = (world.person("inspector", region=world.town), world.person("inspector", region=world.town))
    return Team(world, field, officers, field.phone(officers[0].user_id))


def test_photographs_are_received_examined_shown_and_linked(team: Team) -> None:
    runtime = team.world.runtime
    assert isinstance(runtime.storage, S3Store)
    small, large = Photo(camera_jpeg(), None), Photo(os.urandom(3 * 1024 * 1024), None)
    package = team.sent(small, large)
    assert [team.phone.put_photo(package, one).status_code for one in (small, large)] == [201, 201]
    assert team.phone.put_photo(package, small).status_code == 200
    assert team.phone.receipt(package.id) is not None
    examine_all(team.world, runtime)
    officer = team.officers[0]
    original = officer.get(
        f"/api/v1/evidence/{large.id}/original", headers={"Range": "bytes=1000000-2999999"}
    )
    assert (original.status_code, original.content) == (206, large.content[1_000_000:3_000_000])
    copy = officer.get(f"/api/v1/evidence/{small.id}/derivatives/320")
    assert (copy.status_code, copy.headers["content-type"]) == (200, "image/jpeg")
    link = officer.post(f"/api/v1/evidence/{small.id}/links", json={"size": "original"}).json()
    assert "X-Amz-Signature" in link["url"]
    assert httpx.get(link["url"], trust_env=False).content == small.content


def test_a_desk_file_and_a_refused_file_end_as_they_should(team: Team) -> None:
    package = team.sent(photo())
    content = os.urandom(2 * 1024 * 1024)
    made = team.officers[0].post(
        "/api/v1/evidence", files={"file": ("a.bin", content)}, data={"package_id": str(package.id)}
    )
    assert made.status_code == 201, made.text
    stranger = photo()
    assert team.phone.put_photo(package, stranger).status_code == 409

    async def exists(_: AsyncSession) -> bool:
        from anshao_phone import sha256_of
        from app.storage.store import original_key

        return await team.world.runtime.storage.exists(original_key(sha256_of(stranger.content)))

    assert team.world.in_database(exists) is False


def test_readyz_says_when_the_storage_does_not_answer(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.storage.store import StorageUnavailable

    client = team.world.client
    assert client.get("/readyz").status_code == 200

    async def away(_: object) -> None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(S3Store, "check", away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_a_storage_that_is_away_is_503_and_the_phone_comes_back(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.storage.store import StorageUnavailable

    async def away(*_: object, **__: object) -> bool:
        raise StorageUnavailable("away")

    one = photo()
    package = team.sent(one)
    with monkeypatch.context() as patched:
        patched.setattr(S3Store, "put", away)
        answer = team.phone.put_photo(package, one)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "retry-after" in answer.headers
    assert team.phone.put_photo(package, one).status_code == 201


def test_a_resumable_upload_is_parts_in_the_bucket_and_then_one_file(team: Team) -> None:
    runtime = team.world.runtime
    file = large_file(3 * 1024 * 1024)
    package, tus = team.sent(file), Tus(team.phone)
    path = tus.begin(file, package.id)
    first = 1_500_000
    assert tus.append(path, 0, file.content[:first]).status_code == 204
    assert tus.offset(path) == first

    async def parts(_: AsyncSession) -> list[str]:
        return [key async for keys in runtime.storage.list_older(PARTS, -3600) for key in keys]

    assert len(team.world.in_database(parts)) == 1
    assert tus.append(path, first, file.content[first:]).status_code == 204
    assert team.world.in_database(parts) == []

    async def read(_: AsyncSession) -> bytes:
        return await runtime.storage.read(original_key(sha256_of(file.content)))

    assert team.world.in_database(read) == file.content
    assert team.phone.receipt(package.id) is not None
