"""An enterprise answers an order: its photographs are kept like any evidence, its report brings the officers back."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from anshao_phone import sha256_of
from app.core.ids import new_id
from app.services.hazards import answering
from app.services.runtime import Runtime
from tests.enterprise.test_orders import HAZARDS, ORDERS, Factory
from tests.evidence.files import camera_jpeg
from tests.evidence.test_intake import stored_bytes
from tests.factories.field import Field
from tests.factories.invited import invited_person, invited_to
from tests.factories.world import Person, World

NOTE = "已补充辨识并张贴警示标志"


class Answering(Factory):
    """A factory with one order."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.issued = self.order()
        self.path = f"{ORDERS}/{self.issued['id']}"

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
    assert factory.person.get(factory.path).json()["status"] == "reinspected"


def test_what_the_officers_reject_is_answered_again(factory: Answering) -> None:
    assert factory.report().status_code == 201
    late = factory.send()
    assert (late.status_code, late.json()["code"]) == (409, "hazard_state")
    factory.reinspect(is_rectified=False)
    assert factory.person.get(factory.path).json()["status"] == "ordered"
    assert factory.report().status_code == 201
    assert len(factory.person.get(f"{factory.path}/rectifications").json()) == 2


def test_a_report_names_its_own_hazard_s_photographs_of_its_own_enterprise(factory: Answering) -> None:
    other = Answering.__new__(Answering)
    other.__dict__ |= factory.__dict__
    other.path = f"{ORDERS}/{factory.order(factory.docket.hazard())['id']}"
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
