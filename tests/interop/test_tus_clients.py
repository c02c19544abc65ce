"""tuspy and tus-js-client upload through a network that cuts their connections at random, and every byte arrives once."""

import hashlib
import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tusclient import client as tuspy
from tusclient.exceptions import TusCommunicationError

from anshao_phone import Photo, SealedPackage, sha256_of
from app.storage.store import original_key
from tests.evidence.conftest import Team
from tests.evidence.uploading import Tus, large_file
from tests.factories.field import Field
from tests.interop.conftest import Script
from tests.support.cutting import CuttingProxy
from tests.support.served import Target

MIB = 1024 * 1024


@dataclass
class Sending:
    """One file of one phone, and where it will lie."""

    target: Target
    team: Team
    file: Photo
    package: SealedPackage
    place: Path

    @property
    def told(self) -> dict[str, str]:
        """tus metadata."""
        return {
            "evidence_id": str(self.file.id),
            "package_id": str(self.package.id),
            "sha256": hashlib.sha256(self.file.content).hexdigest(),
            "filetype": self.file.media_type,
        }

    def tuspy(self, proxy: CuttingProxy, **options: Any) -> Any:
        """An uploader of tuspy."""
        headers = {"Authorization": f"Bearer {self.team.phone.access_token}"}
        client = tuspy.TusClient(f"http://127.0.0.1:{proxy.port}/mobile/v1/uploads", headers=headers)
        stream = io.BytesIO(self.file.content)
        return client.uploader(file_stream=stream, metadata=self.told, retries=20, retry_delay=0.2, **options)

    def assert_arrived(self) -> None:
        """The very bytes are stored, verified, receipted and no part is left."""
        stored = self.target.data / "objects" / original_key(sha256_of(self.file.content))
        assert stored.read_bytes() == self.file.content
        receipt = self.team.phone.receipt(self.package.id)
        assert receipt is not None
        assert [row["status"] for row in receipt["receipt"]["evidence"]] == ["verified"]
        rows = "SELECT received, state FROM evidence_uploads WHERE evidence_id = %s"
        assert self.target.query(rows, self.file.id) == [(len(self.file.content), "complete")]
        assert not [one for one in (self.target.data / "objects" / "uploads").rglob("*.*") if one.is_file()]


@pytest.fixture
def sending(target: Target, tmp_path: Path) -> Sending:
    world = target.world()
    field = Field(world)
    officers = (world.person("inspector", region=world.town), world.person("inspector", region=world.town))
    team = Team(world, field, officers, field.phone(officers[0].user_id))
    file = large_file(5 * MIB + 321)
    place = tmp_path / "video.mp4"
    place.write_bytes(file.content)
    return Sending(target, team, file, team.sent(file), place)


def cuts_for(size: int, number: int, seed: int) -> list[int]:
    """Random places, anywhere from the first header byte on."""
    chance = random.Random(seed)
    return [chance.choice([chance.randrange(1, 900), chance.randrange(1, size // 7)]) for _ in range(number)]


@pytest.mark.parametrize(
    "options", [{}, {"chunk_size": 700_001}, {"chunk_size": MIB, "upload_checksum": True}],
    ids=["in one go", "in chunks", "with checksums"],
)  # fmt: skip
@pytest.mark.parametrize("seed", [1, 2])
def test_tuspy_brings_a_file_through_cuts(sending: Sending, options: dict[str, Any], seed: int) -> None:
    cuts = cuts_for(len(sending.file.content), 6, seed)
    with CuttingProxy(sending.target.installation.port, cuts).running() as proxy:
        for _ in range(20):  # the creation has no retries of its own
            uploader = sending.tuspy(proxy, **options)
            try:
                uploader.upload()
            except TusCommunicationError:
                continue
            break
        assert proxy.cut == len(cuts), cuts
        sending.assert_arrived()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunkSize": 600_001},
        {"uploadDataDuringCreation": True},
        {"uploadDataDuringCreation": True, "chunkSize": MIB},
        {"overridePatchMethod": True, "chunkSize": 2 * MIB},
    ],
    ids=["in one go", "in chunks", "with creation", "with creation in chunks", "patch as post"],
)
def test_tus_js_client_brings_a_file_through_cuts(
    sending: Sending, run_script: Script, options: dict[str, Any]
) -> None:
    cuts = cuts_for(len(sending.file.content), 6, len(str(options)))
    with CuttingProxy(sending.target.installation.port, cuts).running() as proxy:
        said = run_script(
            "upload.mjs",
            file=str(sending.place),
            token=sending.team.phone.access_token,
            metadata=sending.told,
            options={
                "endpoint": f"http://127.0.0.1:{proxy.port}/mobile/v1/uploads",
                "retryDelays": [200] * 30,
                "chunkSize": 10 * MIB,
                **options,
            },
        )
        assert proxy.cut == len(cuts), cuts
    assert said["errors"], "nothing was cut"
    assert said["url"].startswith(f"http://127.0.0.1:{proxy.port}/mobile/v1/uploads/")
    sending.assert_arrived()


def test_what_is_sent_again_is_bounded_by_the_cuts(sending: Sending) -> None:
    """A cut costs what was under way between the two ends, at a phone's speed little, never what had been received."""
    size = len(sending.file.content)
    cuts = [size // 6] * 5
    with CuttingProxy(sending.target.installation.port, cuts, bytes_per_second=1.5 * MIB).running() as proxy:
        path = Tus(sending.team.phone).begin(sending.file, sending.package.id)
        uploader = sending.tuspy(proxy)
        uploader.set_url(f"http://127.0.0.1:{proxy.port}/mobile/v1{path}")
        uploader.upload()
        assert proxy.cut == len(cuts)
        assert proxy.passed - size < len(cuts) * (256 * 1024)
    sending.assert_arrived()


def test_tuspy_begins_again_on_another_day_without_knowing_the_address(sending: Sending) -> None:
    """The phone was restarted and forgot the upload's address: the same evidence finds it again."""
    with CuttingProxy(sending.target.installation.port, []).running() as proxy:
        first = sending.tuspy(proxy, chunk_size=MIB)
        first.upload(stop_at=2 * MIB)
        second = sending.tuspy(proxy, chunk_size=MIB)
        second.upload()
        assert second.url == first.url
        assert UUID(second.url.rpartition("/")[2])
        assert proxy.passed < len(sending.file.content) + 1.5 * MIB
    sending.assert_arrived()
