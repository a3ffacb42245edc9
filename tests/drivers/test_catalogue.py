"""Every model of the catalogue can be built and does what its kind says."""

import pytest

from drivers.catalogue import MODELS, BatteryModel, InverterModel, MeterModel
from drivers.links import open_stream
from drivers.telegrams.models import TelegramModel
from tests.drivers.memory_bus import MemoryBus


@pytest.mark.parametrize("name", MODELS)
def test_every_entry_builds(name: str) -> None:
    bus = MemoryBus()
    match MODELS[name]:
        case MeterModel(build):
            methods = vars(type(build(bus, 1)))
            assert {"probe", "read"} <= set(methods)
        case TelegramModel(build):
            methods = vars(type(build(open_stream("tcp://meter", 1.0), None)))
            assert {"probe", "read"} <= set(methods)
        case InverterModel(build):
            methods = vars(type(build(bus, 1, 3000.0)))
            assert {"probe", "read", "limit"} <= set(methods)
        case BatteryModel(build):
            methods = vars(type(build(bus, 1, None)))
            assert {"probe", "read", "follow"} <= set(methods)


def test_the_names_are_those_of_the_documents() -> None:
    registers = {"sdm630", "sunspec-inverter", "sunspec-battery"}
    assert set(MODELS) == registers | {"p1", "sml", "dlms-push", "iec62056-21", "iec62056-21-push"}
