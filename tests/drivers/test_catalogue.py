"""Every model of the catalogue can be built and does what its kind says."""

import pytest

from drivers.catalogue import MODELS, BatteryModel, InverterModel, MeterModel
from tests.drivers.memory_bus import MemoryBus


@pytest.mark.parametrize("name", MODELS)
def test_every_entry_builds(name: str) -> None:
    bus = MemoryBus()
    match MODELS[name]:
        case MeterModel(build):
            methods = vars(type(build(bus, 1)))
            assert {"probe", "read"} <= set(methods)
        case InverterModel(build):
            methods = vars(type(build(bus, 1, 3000.0)))
            assert {"probe", "read", "limit"} <= set(methods)
        case BatteryModel(build):
            methods = vars(type(build(bus, 1, None)))
            assert {"probe", "read", "follow"} <= set(methods)


def test_the_names_are_those_of_the_documents() -> None:
    assert set(MODELS) == {"sdm630", "sunspec-inverter", "sunspec-battery"}
