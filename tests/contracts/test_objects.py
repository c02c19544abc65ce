"""The makers of the access tests, which are asked in whatever order the chosen tests come."""

import pytest

from tests.contracts.objects import Home
from tests.factories.world import World


@pytest.mark.parametrize("first", ["case_id", "placard_id", "report_id", "proposal_id"])
def test_an_object_is_made_whatever_was_made_before(world: World, first: str) -> None:
    """Between the home visit and what needs its hazard, another hazard is made, of another kind or elsewhere."""
    home = Home(world)
    home.id_of("package_id")
    home.id_of(first)
    for parameter in ("measure_id", "extension_id", "photograph_id"):
        assert home.id_of(parameter)
