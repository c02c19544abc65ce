"""What a phone pulls is an exact copy of what its officer may hold, however the pulling breaks off."""

from typing import Any

import pytest

from anshao_phone import NoNetwork, PullRefused
from tests.clients.conftest import Carried, answer, cut_before, portal


def page(*documents: dict[str, Any], cursor: str, has_more: bool = False) -> Any:
    return answer(200, {"documents": list(documents), "checkpoint": {"cursor": cursor}, "has_more": has_more})


def document(identifier: str, **members: Any) -> dict[str, Any]:
    return {"id": identifier, "_deleted": False, **members}


def ids(carried: Carried) -> list[str]:
    return [one["id"] for one in carried.phone.holdings.documents("sites")]


PULL = "GET /mobile/v1/sync/sites/pull"


def test_the_services_own_documents_come_once_and_then_only_what_changed(carried: Carried) -> None:
    assert carried.phone.pull("enterprises") >= 1
    held = carried.phone.holdings.find("enterprises", str(carried.field.enterprise_id))
    assert held is not None
    assert held["name"] == "安市东风涂装有限公司"
    assert carried.phone.pull("enterprises") == 0


def test_a_pull_that_breaks_off_goes_on_from_the_last_page(carried: Carried) -> None:
    carried.network.suffer(PULL, page(document("a"), cursor="1", has_more=True))
    carried.network.suffer(PULL, cut_before)
    with pytest.raises(NoNetwork):
        carried.phone.pull("sites")
    assert (ids(carried), carried.phone.holdings.position("sites")[0]) == (["a"], "1")
    carried.network.suffer(PULL, page(document("b"), {"id": "a", "_deleted": True}, cursor="2"))
    assert carried.phone.pull("sites") == 2
    assert ids(carried) == ["b"]


def test_beginning_anew_keeps_what_is_held_until_the_new_whole_is_there(carried: Carried) -> None:
    carried.network.suffer(PULL, page(document("old"), document("both", n=1), cursor="1"))
    carried.phone.pull("sites")
    item, _ = carried.seal(b"a picture")
    gone = answer(410, {"code": "resync_required", "retry": "now"})
    carried.network.suffer(PULL, gone)
    carried.network.suffer(PULL, page(document("both", n=2), cursor="7", has_more=True))
    carried.network.suffer(PULL, portal)
    with pytest.raises(NoNetwork):
        carried.phone.pull("sites")
    assert ids(carried) == ["both", "old"]
    carried.network.suffer(PULL, page(document("new"), cursor="8"))
    carried.phone.pull("sites")
    assert ids(carried) == ["both", "new"]
    assert [one.id for one in carried.phone.outbox.items("waiting")] == [item.id]


@pytest.mark.parametrize(
    ("status", "code", "retry"), [(400, "sync_cursor_invalid", "manual"), (410, "resync_required", "now")]
)
def test_a_cursor_that_is_good_for_nothing_is_forgotten_once_in_a_call(
    carried: Carried, status: int, code: str, retry: str
) -> None:
    carried.network.suffer(PULL, page(document("old"), cursor="1"))
    carried.phone.pull("sites")
    refusal = answer(status, {"code": code, "retry": retry})
    carried.network.suffer(PULL, refusal)
    carried.network.suffer(PULL, page(document("new"), cursor="2"))
    assert carried.phone.pull("sites") == 1
    assert ids(carried) == ["new"]
    carried.network.suffer(PULL, refusal, times=2)
    with pytest.raises(PullRefused, match=code):
        carried.phone.pull("sites")
    assert ids(carried) == ["new"]


def test_what_another_user_held_is_gone_with_him_and_the_outbox_stays(carried: Carried) -> None:
    carried.network.suffer(PULL, page(document("his"), cursor="1"))
    carried.phone.pull("sites")
    carried.seal(b"a picture")
    carried.phone.close()
    phone = carried.open()
    assert ids(carried) == ["his"]
    phone.holdings.belong_to(carried.officers[1].user_id)
    assert (ids(carried), phone.holdings.position("sites")) == ([], (None, 0))
    assert len(phone.outbox.items("waiting")) == 1


def test_a_collection_that_is_refused_says_why(carried: Carried) -> None:
    with pytest.raises(PullRefused, match=r"not_found|invalid"):
        carried.phone.pull("secrets")


def test_a_page_that_is_none_changes_nothing(carried: Carried) -> None:
    carried.network.suffer(PULL, answer(200, {"documents": []}))
    with pytest.raises(NoNetwork):
        carried.phone.pull("sites")
    assert carried.phone.holdings.position("sites") == (None, 0)
