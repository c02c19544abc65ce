"""Both stores, so that every promise is kept by each."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.ids import new_id
from app.storage.local import LocalStore
from app.storage.opening import open_store
from app.storage.store import ObjectStore
from tests.support.objects import s3_server, s3_settings


@pytest.fixture(scope="package")
def s3_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server, for all tests of this folder."""
    folder = tmp_path_factory.mktemp("s3")
    with s3_server(folder) as address:
        # The server makes a bucket when something is first put into it; whichever test comes first finds it there.
        asyncio.run(open_store(s3_settings(address, folder, "first")).put("first", b""))
        yield address


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store of each kind."""
    if request.param == "local":
        return LocalStore(tmp_path / "objects")
    address = request.getfixturevalue("s3_address")
    return open_store(s3_settings(address, tmp_path, new_id().hex))
