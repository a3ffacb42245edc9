"""What the composition root decides about a model."""

import pytest

from drivers.catalogue import MODELS, BatteryModel, InverterModel, MeterModel
from firmware_py.compose import _settings, build_device, frozen_after_s, sleeps
from firmware_py.config import DeviceConfig, HomeConfig
from protocols.faults import Fault
from protocols.topics import Topics
from tests.drivers.memory_bus import MemoryBus


@pytest.mark.parametrize("model", ["p1", "sml", "dlms-push", "iec62056-21", "iec62056-21-push"])
def test_a_quiet_house_behind_a_meter_of_whole_watts_is_not_called_frozen(model: str) -> None:
    """DSMR 4 tells no voltage, and its power every 10 s: some minutes alike are ordinary, hours are not."""
    allowed_s = frozen_after_s(model)
    assert allowed_s is not None
    assert 120.0 <= allowed_s <= 900.0


def test_a_register_meter_is_called_frozen_soon_and_what_sleeps_at_night_never() -> None:
    assert frozen_after_s("sdm630") == 20.0
    assert {frozen_after_s(model) for model in MODELS if model.startswith("sunspec")} == {None}


@pytest.mark.parametrize("model", ["sungrow-sh", "goodwe-et", "kostal-plenticore", "victron-gx-battery"])
def test_an_inverter_or_battery_that_is_only_read_sleeps_too(model: str) -> None:
    assert isinstance(MODELS[model], MeterModel)
    assert frozen_after_s(model) is None
    assert sleeps(model)


def test_a_meter_and_a_battery_that_see_no_voltage_are_not_believed_but_an_inverter_is() -> None:
    names = ("sdm630", "p1", "sunspec-battery", "huawei-luna", "sunspec-inverter", "sma-stp")
    assert [sleeps(name) for name in names] == [False, False, False, False, True, True]


@pytest.mark.parametrize("name", [name for name, it in MODELS.items() if isinstance(it, InverterModel | BatteryModel)])
async def test_everything_that_is_controlled_gets_a_line_to_its_own_method(name: str) -> None:
    config = DeviceConfig(name="it", model=name, url="tcp://it", unit=1, fallback_w=0.0)
    device, line = build_device(config, lambda url, timeout_s: MemoryBus())
    assert line is not None
    method = "limit" if isinstance(MODELS[name], InverterModel) else "follow"
    assert line.tell == getattr(device, method)
    assert line.rest_w == 0.0


@pytest.mark.parametrize("name", [name for name, it in MODELS.items() if isinstance(it, InverterModel | BatteryModel)])
async def test_a_device_with_a_serial_number_is_told_nothing_before_it_is_known_to_be_the_one(name: str) -> None:
    config = DeviceConfig(name="it", model=name, url="tcp://it", unit=1, fallback_w=0.0, serial="4711")
    bus = MemoryBus()  # has no registers, so it is nobody
    _, line = build_device(config, lambda url, timeout_s: bus)
    assert line is not None
    with pytest.raises(Fault):
        await line.tell(0.0, 10.0)
    assert bus.reads
    assert bus.writes == []


def test_each_node_has_a_number_of_its_own_for_the_return_after_an_event() -> None:
    def number(node: str) -> float | None:
        given = {"node": {"id": node, "state_dir": "."}, "mqtt": {"url": "mqtt://broker"}}
        meter = {"name": "grid", "model": "sdm630", "url": "tcp://grid"}
        site = {"meter": "grid", "import_limit_w": 17_000.0, "export_limit_w": 10_000.0}
        config = HomeConfig.model_validate({**given, "site": site, "device": [meter]})
        return _settings(config, Topics(node)).params.comfort.drawn

    numbers = [number(f"home-{index}") for index in range(20)]
    assert len(set(numbers)) == 20
    assert None not in numbers
    assert number("home-3") == numbers[3], "the same one after a restart"
