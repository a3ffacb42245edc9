"""Every model of the catalogue can be built and does what its kind says."""

import pytest

from drivers import batteries, inverters
from drivers.catalogue import MODELS, BatteryModel, ChargerModel, InverterModel, MeterModel
from drivers.evidence import Evidence, Sheet
from drivers.links import open_stream
from drivers.meters import TYPES
from drivers.telegrams.models import TelegramModel
from protocols.quantities import QUANTITIES
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
        case ChargerModel(build):
            charger = build(bus, 1, None)
            assert all(callable(getattr(charger, name)) for name in ("probe", "read", "plug", "allow"))


@pytest.mark.parametrize("name", MODELS)
def test_every_entry_says_what_it_measures(name: str) -> None:
    """Every meter must show the power, or no law can use it."""
    sheet = MODELS[name].sheet
    assert "power_w" in sheet.quantities
    assert all(QUANTITIES[quantity] for quantity in sheet.quantities)
    assert len(set(sheet.quantities)) == len(sheet.quantities)


def test_no_name_is_taken_twice() -> None:
    controlled = [*(kind.name for kind in inverters.TYPES), *(kind.name for kind in batteries.TYPES)]
    names = [*controlled, *(kind.name for kind in (*TYPES, *inverters.METERS, *batteries.METERS))]
    assert sorted(names) == sorted(set(names))
    telegrams = {"p1", "sml", "dlms-push", "iec62056-21", "iec62056-21-push"}
    sunspec = {"sunspec-inverter", "sunspec-battery", "sunspec-storage", "fronius", "fronius-gen24-battery"}
    assert {
        *sunspec,
        "go-e",
        "alfen",
        "keba",
        "abb-terra-ac",
        "idm-heat-pump",
        "lambda-heat-pump",
        *telegrams,
        *names,
    } == set(MODELS)


def test_names_are_easy_to_type() -> None:
    assert all(name == name.lower() and " " not in name and "_" not in name for name in MODELS)


def test_a_doubt_about_a_quantity_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="X1: soc_percent unverified, but not among its quantities"):
        Sheet(maker="M", product="X1", quantities=("power_w",), verified=Evidence.LISTS, unverified=("soc_percent",))
