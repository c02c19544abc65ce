"""The service's own clock, set back in the middle of a submission: the receipt proves what it is of all the same."""

from datetime import datetime, timedelta

import pytest

from app.core.clock import standing_at, utc_now
from app.services.inspections.receipt_check import check_receipts, read_keys
from tests.factories.field import photo
from tests.factories.sending import Sending
from tests.factories.world import World


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(days=30)], ids=str)
def test_what_is_completed_by_a_clock_that_was_set_back_is_completed_when_it_was_received(
    world: World, back: timedelta
) -> None:
    """Also where the clock now stands before the day on which the signing key was made."""
    sending = Sending(world)
    picture = photo()
    package = sending.sealed([picture])
    assert sending.phone.put_package(package).status_code == 201
    with standing_at(utc_now() - back):
        assert sending.phone.put_photo(package, picture).status_code == 201
    answer = sending.phone.request("GET", f"/packages/{package.id}/receipt")
    receipt = answer.json()["receipt"]
    assert datetime.fromisoformat(receipt["completed_at"]) >= datetime.fromisoformat(receipt["received_at"])
    keys = read_keys(world.client.get("/public/v1/keys").content)
    report = check_receipts([("receipt", answer.content)], keys)
    assert [one.kind for one in report.findings] == []
