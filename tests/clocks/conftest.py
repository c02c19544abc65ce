"""Every test here has a docket of its own."""

import pytest

from tests.factories.cases import Docket
from tests.factories.world import World


@pytest.fixture
def docket(world: World) -> Docket:
    return Docket(world)
