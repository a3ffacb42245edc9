"""Limits through registers: what is written, in which order, what is checked, and what probing finds."""

import pytest

from drivers.catalogue import MODELS, InverterModel
from drivers.register_inverter import InverterType, Limiting
from drivers.setpoints import Register, Step, What
from protocols.faults import DeviceRefused, NotApplied, Unsupported
from protocols.ports import Inverter, Ratings, Table
from protocols.registers import Shape
from tests.drivers.memory_bus import MemoryBus
from tests.drivers.sunspec_image import Image


def sma(**other: int) -> MemoryBus:
    """A Tripower of 10 kW set to 8 kW (30233), limited from outside (40210), falling back (41193) to 2000 W (44037)."""
    bus = MemoryBus()
    bus.fill(30513, [0] * 500)
    bus.fill(30057, [0x0000, 0x0007])
    bus.fill(30233, [0x0000, 0x1F40])  # 8000 W
    bus.fill(40210, [0x0000, other.get("mode", 1079)])
    bus.fill(41193, [0x0000, other.get("fallback", 2507)])
    bus.fill(44037, [0x0003, 0x0D40])  # 200000, FIX2: 2000.00 W
    bus.fill(41255, [0x2710])  # 100.00 %
    return bus


def solaredge(**other: int) -> MemoryBus:
    """A SolarEdge of 10 kW: SunSpec with models 1 and 103, then its own registers, low word first."""
    bus = Image({1: {"Mn": "SolarEdge", "Md": "SE10K", "SN": "7"}, 103: {"W": 500, "W_SF": 0}}).bus
    bus.fill(0xF142, [other.get("advanced", 1), 0x0000])
    bus.fill(0xF300, [0])
    bus.fill(0xF30C, [0x4000, 0x461C])  # 10000.0 W
    bus.fill(0xF310, [0x0078, 0x0000])  # 120 s
    bus.fill(0xF312, [0x0000, 0x42C8])  # 100.0 %
    bus.fill(0xF322, [0x0000, 0x42C8])
    return bus


def huawei() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(32069, [0] * 40)
    bus.fill(30075, [0x0000, 0x2AF8])  # 11000 W
    bus.fill(40126, [0x0000, 0x2AF8])
    return bus


def sungrow() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(5000, [0x0050, *[0] * 40], Table.INPUT)  # 8.0 kW
    bus.fill(5006, [0x0055, 0x03E8])  # off, 100.0 %
    return bus


def inverter(name: str, bus: MemoryBus, fallback_w: float | None = None) -> Inverter:
    model = MODELS[name]
    assert isinstance(model, InverterModel)
    return model.build(bus, 1, fallback_w)


DEVICES = {"sma-stp": sma, "solaredge": solaredge, "huawei-sun2000": huawei, "sungrow-sg": sungrow}


async def test_sma_writes_nothing_but_the_device_control_object() -> None:
    bus = sma()
    await inverter("sma-stp", bus, 2000.0).limit(6000.9, 60.0)
    assert bus.writes == [(41255, (0x1D4D,))]  # 75.01 % of 8000 W, rounded down


async def test_sma_takes_each_write_as_a_sign_of_life() -> None:
    bus = sma()
    device = inverter("sma-stp", bus)
    await device.limit(4000.0, 60.0)
    await device.limit(4000.0, 60.0)
    assert bus.writes == [(41255, (0x1388,))] * 2


@pytest.mark.parametrize(
    ("fallback_w", "setting", "reverts", "lacks"),
    [
        (2000.0, 2507, True, ()),
        (2000.0, 2506, False, ("41193 fallback behavior set to 2507",)),
        (1000.0, 2507, False, ("44037 fallback of maximum power set to the fallback in W",)),
        (None, 2507, False, ("44037 fallback of maximum power set to the fallback in W",)),
    ],
)
async def test_sma_reverts_as_its_installer_has_set_it(
    fallback_w: float | None, setting: int, reverts: bool, lacks: tuple[str, ...]
) -> None:
    plate = await inverter("sma-stp", sma(fallback=setting), fallback_w).probe()
    assert plate.ratings is not None
    assert (plate.ratings.produce_max_w, plate.ratings.reverts_by_itself) == (8000.0, reverts)
    assert plate.lacks == lacks


async def test_sma_that_falls_back_to_more_than_its_limit_falls_back_to_everything() -> None:
    bus = sma()
    bus.fill(44037, [0x000F, 0x4240])  # 10000.00 W
    plate = await inverter("sma-stp", bus).probe()
    assert plate.ratings is not None
    assert plate.ratings.reverts_by_itself


async def test_what_an_installer_has_not_set_is_found_by_probing_and_nothing_is_written() -> None:
    bus = sma(mode=303)
    device = inverter("sma-stp", bus)
    assert (await device.probe()).lacks == ("40210 operating mode set to 1079",)
    with pytest.raises(Unsupported, match="can not be limited, it lacks 40210 operating mode set to 1079"):
        await device.limit(1000.0, 60.0)
    assert bus.writes == []


async def test_solaredge_programs_timer_and_fallback_first_low_word_first() -> None:
    bus = solaredge()
    await inverter("solaredge", bus, 2500.0).limit(5000.0, 30.9)
    assert bus.writes == [
        (0xF310, (0x001E, 0x0000)),  # 30 s
        (0xF312, (0x0000, 0x41C8)),  # 25.0 %
        (0xF300, (1,)),
        (0xF322, (0x0000, 0x4248)),  # 50.0 %
    ]


async def test_solaredge_spares_its_non_volatile_memory() -> None:
    bus = solaredge()
    device = inverter("solaredge", bus, 2500.0)
    await device.limit(5000.0, 30.0)
    bus.writes.clear()
    await device.limit(5000.0, 30.0)
    assert bus.writes == [(0xF322, (0x0000, 0x4248))]


async def test_solaredge_reads_as_sunspec_and_reverts_to_any_fallback() -> None:
    device = inverter("solaredge", solaredge(), 2500.0)
    plate = await device.probe()
    assert (plate.maker, plate.model, plate.serial) == ("SolarEdge", "SE10K", "7")
    assert plate.ratings is not None
    assert (plate.ratings.produce_max_w, plate.ratings.reverts_by_itself) == (10_000.0, True)
    assert (await device.read())["power_w"] == -500.0


async def test_solaredge_without_advanced_power_control_is_not_committed_by_us() -> None:
    bus = solaredge(advanced=0)
    device = inverter("solaredge", bus)
    assert "F142 advanced power control set to 1" in (await device.probe()).lacks
    with pytest.raises(Unsupported, match="F142 advanced power control set to 1"):
        await device.limit(0.0, 60.0)
    assert bus.writes == []


async def test_huawei_in_watts_on_change_only() -> None:
    bus = huawei()
    device = inverter("huawei-sun2000", bus)
    await device.limit(70_000.0, 60.0)  # above the rating is the rating, which stands there
    await device.limit(4321.7, 60.0)
    await device.limit(4321.7, 60.0)
    assert bus.writes == [(40126, (0x0000, 0x10E1))]


async def test_sungrow_sets_the_limit_before_the_switch() -> None:
    bus = sungrow()
    await inverter("sungrow-sg", bus).limit(2000.0, 60.0)
    assert bus.writes == [(5007, (0x00FA,)), (5006, (0x00AA,))]  # 25.0 %, on


@pytest.mark.parametrize(
    ("name", "writes"),
    [
        ("sma-stp", [(41255, (0x2710,))]),
        ("solaredge", [(0xF322, (0x0000, 0x42C8))]),
        ("huawei-sun2000", [(40126, (0x0000, 0x2AF8))]),
        ("sungrow-sg", [(5006, (0x0055,))]),
    ],
)
async def test_lifting(name: str, writes: list[tuple[int, tuple[int, ...]]]) -> None:
    bus = DEVICES[name]()
    device = inverter(name, bus)
    await device.limit(1000.0, 60.0)
    bus.writes.clear()
    await device.limit(None, 60.0)
    assert bus.writes == writes


async def test_lifting_where_a_fallback_is_set_is_a_lease_of_everything() -> None:
    bus = solaredge()
    await inverter("solaredge", bus, 0.0).limit(None, 30.0)
    assert bus.writes[1:] == [(0xF312, (0, 0)), (0xF300, (1,)), (0xF322, (0x0000, 0x42C8))]


@pytest.mark.parametrize(("name", "rated_w"), [("huawei-sun2000", 11_000.0), ("sungrow-sg", 8000.0)])
async def test_no_hardware_fallback_is_said(name: str, rated_w: float) -> None:
    plate = await inverter(name, DEVICES[name]()).probe()
    assert plate.ratings == Ratings(0.0, rated_w, reverts_by_itself=False)


@pytest.mark.parametrize("name", DEVICES)
async def test_a_device_that_keeps_another_value_is_named(name: str) -> None:
    bus = DEVICES[name]()
    bus.on_write = lambda address, words: dict.fromkeys(range(address, address + len(words)), 7)
    with pytest.raises(NotApplied, match=r"at \d+: wrote .*, reads "):
        await inverter(name, bus).limit(1000.0, 60.0)


@pytest.mark.parametrize(
    ("name", "gone", "lack"),
    [
        ("sma-stp", 41255, "41255 active power limitation"),
        ("sma-stp", 30233, "30233 set active power limit"),
        ("solaredge", 0xF322, "F322 dynamic active power limit"),
        ("solaredge", 0xF310, "F310 command timeout"),
        ("huawei-sun2000", 40126, "40126 fixed active power derated"),
        ("sungrow-sg", 5006, "5007 power limitation switch"),
    ],
)
async def test_a_register_that_is_not_there_is_found_by_probing(name: str, gone: int, lack: str) -> None:
    bus = DEVICES[name]()
    del bus.tables[Table.HOLDING][gone]
    device = inverter(name, bus)
    plate = await device.probe()
    assert lack in plate.lacks
    assert plate.ratings is None or not plate.ratings.reverts_by_itself
    with pytest.raises(Unsupported, match=lack):
        await device.limit(1000.0, 60.0)
    assert bus.writes == []


@pytest.mark.parametrize("name", DEVICES)
async def test_a_device_that_refuses_the_write_is_heard(name: str) -> None:
    bus = DEVICES[name]()

    def refuse(address: int, words: tuple[int, ...]) -> dict[int, int]:
        raise DeviceRefused(f"{address}", 4)

    bus.on_write = refuse
    with pytest.raises(DeviceRefused):
        await inverter(name, bus).limit(1000.0, 60.0)


async def test_a_busy_device_lacks_nothing() -> None:
    class Busy(MemoryBus):
        async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
            if address == 40126:
                raise DeviceRefused("40126", 6)
            return await super().read(unit, table, address, count)

    bus = Busy()
    bus.tables = huawei().tables
    with pytest.raises(DeviceRefused):
        await inverter("huawei-sun2000", bus).probe()


@pytest.mark.parametrize("power_w", [float("nan"), float("inf"), -1.0])
@pytest.mark.parametrize("name", DEVICES)
async def test_an_impossible_limit_reaches_no_register(name: str, power_w: float) -> None:
    bus = DEVICES[name]()
    with pytest.raises(ValueError, match="allowed is 0 and more"):
        await inverter(name, bus).limit(power_w, 60.0)
    with pytest.raises(ValueError, match="allowed is more than 0"):
        await inverter(name, bus).limit(100.0, 0.0)
    assert bus.writes == []


async def test_a_number_that_does_not_fit_stops_all_writes() -> None:
    narrow = Register("narrow", 11, Shape.U16)
    kind = InverterType(
        name="x",
        meter=lambda bus, unit: inverter("huawei-sun2000", huawei()),
        sheet=MODELS["huawei-sun2000"].sheet,
        limiting=Limiting(
            rated=Register("rated", 30075, Shape.U32),
            percent=False,
            grant=(Step(Register("first", 10, Shape.U16), 1), Step(narrow, What.VALUE)),
            lift=(),
        ),
    )
    bus = MemoryBus()
    bus.fill(30075, [0x0002, 0x0000])
    bus.fill(10, [0, 0])
    with pytest.raises(ValueError, match="narrow: 70000 is no U16"):
        await kind.build(bus, 1, None).limit(70_000.0, 60.0)
    assert bus.writes == []


@pytest.mark.parametrize(("address", "scale"), [(-1, 1.0), (0xFFFF, 1.0), (1, 0.0), (1, float("nan"))])
def test_an_impossible_register_is_refused(address: int, scale: float) -> None:
    with pytest.raises(ValueError, match="x: "):
        Register("x", address, Shape.U32, scale=scale)
