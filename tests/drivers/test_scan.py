"""Who answers on a line, and how sure that is."""

from collections.abc import Mapping

import pytest

from drivers.scan import Found, scan
from protocols.faults import LinkDown
from protocols.ports import RegisterBus, Table
from sim_hardware.devices.image import RegisterImage
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.faults import Faults, Word
from sim_hardware.home import SimHome
from sim_hardware.virtual_time import run_virtual
from tests.drivers import memory_bus


def home() -> SimHome:
    made = SimHome(7)
    made.load.hold_w = (100.0, 200.0, 300.0)
    made.after(20.0)
    return made


def found(bus: RegisterBus, *units: int) -> list[Found | int]:
    async def main() -> list[Found | int]:
        return [each async for each in scan(bus, units)]

    return run_virtual(main(), horizon_s=1000.0)


def line(units: Mapping[int, RegisterImage], faults: Mapping[int, Faults] | None = None) -> MemoryBus:
    return MemoryBus(units, faults, timeout_s=0.3)


def test_sunspec_devices_say_what_they_are() -> None:
    site = home()
    pv, battery = found(line({3: site.images["pv"], 4: site.images["battery"]}), 3, 4)
    assert isinstance(pv, Found)
    assert isinstance(battery, Found)
    assert (pv.models, battery.models) == (("sunspec-inverter",), ("sunspec-battery",))
    assert (pv.is_sure, battery.is_sure) == (True, True)
    assert pv.plate is not None
    assert (pv.plate.maker, pv.plate.model) == ("Busbar", "Sim PV inverter")


def test_a_meter_without_an_identity_is_a_guess_and_said_to_be_one() -> None:
    (meter,) = found(line({1: home().images["grid"]}), 1)
    assert isinstance(meter, Found)
    assert meter.models[0] == "sdm630"
    assert not meter.is_sure
    assert "a guess" in meter.note


def test_a_meter_that_names_itself_is_known() -> None:
    """Shelly Pro 3EM: input registers 6 to 15 spell SPEM-003CEBEU; its values stand from 1010 on."""

    class Shelly(memory_bus.MemoryBus):
        async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
            if table is Table.INPUT and (address, count) == (6, 10):
                text = b"SPEM-003CEBEU".ljust(20, b"\0")
                return tuple(int.from_bytes(text[at : at + 2], "big") for at in range(0, 20, 2))
            if table is Table.INPUT and address >= 1000:
                return (0,) * count
            return await super().read(unit, table, address, count)

    (meter,) = found(Shelly(), 1)
    assert isinstance(meter, Found)
    assert (meter.models, meter.is_sure) == (("shelly-pro-3em",), True)


def test_silent_units_are_told_by_their_number_and_the_others_found() -> None:
    site = home()
    all_ = found(line({2: site.images["pv"], 9: site.images["grid"]}), *range(1, 11))
    assert [each for each in all_ if isinstance(each, int)] == [1, 3, 4, 5, 6, 7, 8, 10]
    assert [each.unit for each in all_ if isinstance(each, Found)] == [2, 9]


def test_somebody_who_refuses_everything_is_there_and_unknown() -> None:
    (stranger,) = found(memory_bus.MemoryBus(), 1)
    assert stranger == Found(1, note="answers, and says nothing that any known device would")


@pytest.mark.parametrize("code", [10, 11])
def test_a_gateway_that_speaks_for_nobody_is_not_taken_for_a_device(code: int) -> None:
    faults = Faults()
    faults.begin(Word.EXCEPTION, code)
    assert found(line({5: home().images["grid"]}, {5: faults}), 5) == [5]


def test_a_line_that_is_not_there_ends_the_scan() -> None:
    faults = Faults()
    faults.begin(Word.OFF)
    with pytest.raises(LinkDown):
        found(line({1: home().images["grid"]}, {1: faults}), 1)


def test_nothing_is_written() -> None:
    bus = memory_bus.MemoryBus()
    found(bus, 1)
    assert bus.reads
    assert bus.writes == []
