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


def test_a_collection_that_is_refused_says_why(carried: Carried) -> None:
    with pytest.raises(PullRefused, match=r"not_found|invalid"):
        carried.phone.pull("secrets")


def test_a_page_that_is_none_changes_nothing(carried: Carried) -> None:
    carried.network.suffer(PULL, answer(200, {"documents": []}))
    with pytest.raises(NoNetwork):
        carried.phone.pull("sites")
    assert carried.phone.holdings.position("sites") == (None, 0)
