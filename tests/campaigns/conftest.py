"""A site, its team and a planner."""

import pytest

from tests.factories.campaigns import Planning
from tests.factories.world import World


@pytest.fixture
def planning(world: World) -> Planning:
    return Planning(world)
