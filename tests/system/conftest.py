"""A broker and a house for each test of the whole node."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.system.head_end import HeadEnd, head_end
from tests.system.mosquitto import Mosquitto, mosquitto
from tests.system.site import Site, house


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A Mosquitto with passwords and access list."""
    async with mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def site(tmp_path: Path, broker: Mosquitto) -> AsyncIterator[Site]:
    """A house whose node talks to that broker; the node is not started."""
    async with house() as rig:
        yield Site(tmp_path, broker, rig)


@pytest.fixture
async def listener(broker: Mosquitto) -> AsyncIterator[HeadEnd]:
    """A head-end that hears the node and keeps its records."""
    async with head_end(broker) as listening:
        yield listening
