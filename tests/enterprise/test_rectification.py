"""An enterprise answers an order: its photographs are kept like any evidence, its report brings the officers back."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Photo, sha256_of
from app.config import Settings
from app.core.ids import new_id
from app.models.history import AuditEntry
from app.schemas.orders import MOST_LINES
from app.services.hazards import answering
from app.services.runtime import Runtime
from tests.enterprise.test_orders import HAZARDS, ORDERS, Factory
from tests.evidence.files import camera_jpeg
from tests.evidence.test_examination import examine_all
from tests.evidence.test_intake import stored_bytes
from tests.factories.field import Field
from tests.factories.invited import invited_person, invited_to, limited_to
from tests.factories.world import Person, World

NOTE = "已补充辨识并张贴警示标志"


class Answering(Factory):
    """A factory with one order."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.issued = self.order()
        self.path = self.line_of(self.issued["id"], self.hazard)

    def line_of(self, order: str, hazard: UUID) -> str:
        return f"{ORDERS}/{order}/hazards/{hazard}"

    def status(self) -> str:
        """Of the hazard, as its enterprise is told."""
        (line,) = self.person.get(f"{ORDERS}/{self.issued['id']}").json()["lines"]
        return str(line["status"])

    def send(
        self, content: bytes | None = None, who: Person | None = None, key: str | None = None, **fields: Any
    ) -> Any:
        files = {"file": ("整改后.jpg", content or camera_jpeg(), "image/jpeg")}
        headers = {"Idempotency-Key": key} if key else {}
        return (who or self.person).post(
            f"{self.path}/photographs", files=files, data=fields, headers=headers
        )

    def photograph(self) -> str:
        answer = self.send()
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def report(self, *photographs: str, who: Person | None = None, key: str | None = None) -> Any:
        body = {"note": NOTE, "photograph_ids": list(photographs or (self.photograph(),))}
        headers = {"Idempotency-Key": key} if key else {}
        return (who or self.person).post(f"{self.path}/rectifications", json=body, headers=headers)

    def at_console(self, hazard: UUID | None = None) -> dict[str, Any]:
        return dict(self.officer.get(f"{HAZARDS}/{hazard or self.hazard}").json())

    def reinspect(self, *, is_rectified: bool) -> None:
        """The officers go there again and say what they saw."""
        self.visit()
        body = {"visit_id": str(self.field.visit_id), "is_rectified": is_rectified}
        path = f"{HAZARDS}/{self.hazard}"
        answer = self.officer.post(f"{path}/reinspection", json=body, version=self.at_console()["version"])
        assert answer.status_code == 200, answer.text


@pytest.fixture
def factory(world: World) -> Answering:
    return Answering(world)


def test_a_photograph_is_durable_and_never_altered_and_shown_to_the_officers(
    factory: Answering, runtime: Runtime
) -> None:
    content = camera_jpeg()
    answer = factory.send(content, hash=sha256_of(content))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["hash"], answer.json()["name"]) == (sha256_of(content), "整改后.jpg")
    assert stored_bytes(factory.world, runtime, content) == content
    (listed,) = factory.officer.get("/api/v1/evidence", params={"hazard_id": str(factory.hazard)}).json()[
        "items"
    ]
    assert (listed["id"], listed["origin"]) == (answer.json()["id"], "enterprise")
    original = factory.officer.get(f"/api/v1/evidence/{listed['id']}/original")
    assert original.content == content


def test_a_wrong_hash_is_refused_and_leaves_nothing(factory: Answering, runtime: Runtime) -> None:
    content = camera_jpeg()
    answer = factory.send(content, hash=sha256_of(b"other"))
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_evidence")
    assert stored_bytes(factory.world, runtime, content) is None


def test_a_repeated_request_is_answered_again_and_done_once(factory: Answering) -> None:
    content = camera_jpeg()
    first, again = (factory.send(content, key="photo") for _ in range(2))
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    reports = [factory.report(first.json()["id"], key="report") for _ in range(2)]
    assert [one.status_code for one in reports] == [201, 201]
    steps = [one["action"] for one in factory.at_console()["steps"]]
    assert steps.count("report_rectified") == 1
    missing = factory.world.client.post(
        f"{factory.path}/photographs", files={"file": ("a", b"x")},
        headers={"Authorization": f"Bearer {factory.person.token}"},
    )  # fmt: skip
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_required")


def test_a_report_waits_for_the_re_inspection_and_its_author_is_known_inside(factory: Answering) -> None:
    photograph = factory.photograph()
    answer = factory.report(photograph)
    assert (answer.status_code, answer.json()["status"]) == (201, "rectified")
    shown = factory.at_console()
    step = shown["steps"][-1]
    assert (shown["status"], step["action"], step["note"]) == ("rectified", "report_rectified", NOTE)
    assert (step["user_id"], step["invitation_id"]) == (None, str(factory.person.user_id))
    clocks = factory.officer.get("/api/v1/clocks", params={"subject_id": str(factory.hazard)}).json()["items"]
    assert "recheck" in {one["code"] for one in clocks}
    (own,) = factory.person.get(f"{factory.path}/rectifications").json()
    assert (own["note"], own["photograph_ids"]) == (NOTE, [photograph])


def test_its_photographs_stand_beside_those_before_and_after(factory: Answering) -> None:
    photograph = factory.photograph()
    assert factory.report(photograph).status_code == 201
    factory.reinspect(is_rectified=True)
    (reinspection,) = factory.at_console()["reinspections"]
    assert (reinspection["is_rectified"], reinspection["rectification"]) == (True, [photograph])
    assert factory.status() == "reinspected"


def test_what_the_officers_reject_is_answered_again(factory: Answering) -> None:
    assert factory.report().status_code == 201
    late = factory.send()
    assert (late.status_code, late.json()["code"]) == (409, "hazard_state")
    factory.reinspect(is_rectified=False)
    assert factory.status() == "ordered"
    assert factory.report().status_code == 201
    assert len(factory.person.get(f"{factory.path}/rectifications").json()) == 2


def test_a_report_names_its_own_hazard_s_photographs_of_its_own_enterprise(factory: Answering) -> None:
    other = Answering.__new__(Answering)
    other.__dict__ |= factory.__dict__
    hazard = factory.docket.hazard()
    other.path = other.line_of(factory.order(hazard)["id"], hazard)
    files = {"file": ("现场.jpg", camera_jpeg(), "image/jpeg")}
    desk = factory.officer.post(
        "/api/v1/evidence", files=files, data={"hazard_id": str(factory.hazard)}
    ).json()
    for foreign in (other.photograph(), desk["id"], str(new_id())):
        answer = factory.report(factory.photograph(), foreign)
        assert (answer.status_code, answer.json()["code"]) == (422, "photograph_choice")
    assert factory.at_console()["status"] == "ordered"


def test_nobody_else_answers_an_order(factory: Answering) -> None:
    photograph, neighbour = factory.photograph(), Field(factory.world)
    strangers = [
        invited_person(factory.world, neighbour.enterprise_id, factory.field.site_id),
        invited_person(factory.world, factory.field.enterprise_id, neighbour.site_id),
        invited_to(factory.world, neighbour),
    ]
    for stranger in strangers:
        assert factory.send(who=stranger).status_code == 404
        assert factory.report(photograph, who=stranger).status_code == 404
        assert stranger.get(f"{factory.path}/rectifications").status_code == 404
    for staff in (factory.officer, factory.chief):
        assert factory.send(who=staff).json()["code"] == "wrong_audience"
        assert factory.report(photograph, who=staff).json()["code"] == "wrong_audience"
    assert factory.at_console()["status"] == "ordered"


def test_a_hazard_is_answered_under_an_order_that_names_it(factory: Answering) -> None:
    """Each line of an order by itself; what another order names is not found under this one."""
    other = factory.docket.hazard()
    elsewhere = factory.order(other)["id"]
    assert factory.report().status_code == 201
    factory.path = factory.line_of(factory.issued["id"], other)
    assert (
        factory.send().status_code == factory.person.get(f"{factory.path}/rectifications").status_code == 404
    )
    factory.path = factory.line_of(elsewhere, other)
    assert factory.report().status_code == 201
    both = [factory.at_console(one)["status"] for one in (factory.hazard, other)]
    assert both == ["rectified", "rectified"]


def test_every_line_of_the_longest_order_can_be_answered_in_one_day() -> None:
    assert Settings(_env_file=None).enterprise_reports_per_day >= MOST_LINES


def test_a_merged_hazard_is_not_answered(factory: Answering) -> None:
    photograph = factory.photograph()
    factory.change(factory.hazard, merged_into_id=factory.docket.hazard())
    assert factory.report(photograph).status_code == 404


def test_there_is_room_for_so_many_files_and_what_is_refused_leaves_nothing(
    factory: Answering, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "MOST_PHOTOGRAPHS", 2)
    assert [factory.send().status_code for _ in range(2)] == [201, 201]
    content = camera_jpeg()
    answer = factory.send(content)
    assert (answer.status_code, answer.json()["code"]) == (409, "photograph_limit")
    assert stored_bytes(factory.world, runtime, content) is None


def test_two_reports_at_once_make_one_step(factory: Answering) -> None:
    photographs = [factory.photograph() for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(factory.report, photographs))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


COPY = "/enterprise/v1/photographs/{}/derivatives/{}"


def copy_of(photograph: str, who: Person, pixels: int = 320, **headers: str) -> Any:
    return who.get(COPY.format(photograph, pixels), headers=headers)


def test_whoever_brought_a_photograph_looks_at_it_again_and_that_is_written_down(
    factory: Answering, runtime: Runtime
) -> None:
    photograph = factory.photograph()
    assert copy_of(photograph, factory.person).status_code == 404, "no copy is made yet"
    examine_all(factory.world, runtime)
    seen = copy_of(photograph, factory.person)
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/jpeg")
    assert max(Image.open(io.BytesIO(seen.content)).size) <= 320
    assert copy_of(photograph, factory.person, 1280).status_code == 200
    held = copy_of(photograph, factory.person, **{"If-None-Match": seen.headers["etag"]})
    assert held.status_code == 304
    assert copy_of(photograph, factory.person, 99).status_code == 422

    async def written(session: AsyncSession) -> Any:
        wanted = select(AuditEntry).where(
            AuditEntry.object_id == UUID(photograph), AuditEntry.action == "evidence:read"
        )
        return [(one.actor_kind, one.detail["size"]) for one in (await session.execute(wanted)).scalars()]

    assert sorted(factory.world.in_database(written), key=str) == [("enterprise", 1280), ("enterprise", 320)]


def test_nobody_looks_at_a_photograph_that_his_own_invitation_did_not_bring(
    factory: Answering, runtime: Runtime
) -> None:
    """Not a colleague's of the same site, not another enterprise's, and not the officers' of the same hazard."""
    photograph = factory.photograph()
    officers_own = Photo(camera_jpeg(), "RTO-01")
    ids = [one.user_id for one in factory.officers]
    document = factory.field.document(
        factory.field.publish("rto"), ids, visit_id=str(new_id()), answers={"RTO-01": {"value": "no"}}
    )
    phone = factory.field.phone(factory.officer.user_id)
    package = phone.seal(document, [officers_own])
    assert phone.put_package(package).status_code == 201
    assert phone.put_photo(package, officers_own).status_code == 201
    examine_all(factory.world, runtime)
    assert copy_of(photograph, factory.person).status_code == 200
    colleague = invited_to(factory.world, factory.field)
    stranger = invited_to(factory.world, Field(factory.world))
    for who in (colleague, stranger):
        assert copy_of(photograph, who).status_code == 404
    assert copy_of(str(officers_own.id), factory.person).status_code == 404
    assert copy_of(photograph, factory.officer).status_code == 403


def test_only_so_many_reports_of_rectification_are_made_in_a_day(
    factory: Answering, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited_to(monkeypatch, app, 1)
    photograph = factory.photograph()
    first = factory.report(photograph, key="first")
    assert first.status_code == 201
    assert factory.report(photograph, key="first").json() == first.json(), "a repetition is none"
    factory.reinspect(is_rectified=False)
    refused = factory.report(photograph)
    assert (refused.status_code, refused.json()["code"], refused.json()["retry"]) == (
        429,
        "daily_limit",
        "after",
    )
    assert 0 < int(refused.headers["retry-after"]) <= 24 * 3600
    assert factory.at_console()["status"] == "ordered"
    assert factory.person.post("/enterprise/v1/reports", json={"description": "自查发现"}).status_code == 201
    assert factory.report(photograph, who=invited_to(factory.world, factory.field)).status_code == 201
