"""Powers told to registers: what is written, in which order, with which sign, what is checked, what probing finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.catalogue import MODELS, BatteryModel
from protocols.faults import DeviceRefused, NotApplied, Unsupported
from protocols.ports import Battery, Ratings, Table
from tests.drivers.memory_bus import MemoryBus

Writes = list[tuple[int, tuple[int, ...]]]


def luna() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(37758, [0x0000, 0x2710, *[0] * 40])  # 10 kWh
    bus.fill(37046, [0x0000, 0x1388, 0x0000, 0x1194])  # 5000 W, 4500 W
    bus.fill(47083, [0x0078])
    bus.fill(47100, [0])
    bus.fill(47246, [1, 0, 0, 0, 0])
    return bus


def sungrow() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(13022, [0] * 30, Table.INPUT)
    bus.fill(5213, [0, 0], Table.INPUT)
    bus.fill(5627, [0x0064], Table.INPUT)  # 10.0 kW
    bus.fill(5638, [0x03C0], Table.INPUT)  # 9.60 kWh
    bus.fill(13049, [0, 0x00CC, 0])
    return bus


def goodwe() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(35182, [0] * 40)
    bus.fill(37003, [0] * 10)
    bus.fill(35001, [0x2710])  # 10 kW
    bus.fill(47511, [1, 0])
    return bus


def plenticore() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(214, [0, 0])
    bus.fill(514, [50])
    bus.fill(582, [0])
    bus.fill(1034, [0] * 60)
    bus.fill(1068, [0x4000, 0x461C])  # 10000.0 Wh
    bus.fill(1076, [0x8000, 0x45BB])  # 6000.0 W
    bus.fill(1078, [0x8000, 0x4589])  # 4400.0 W
    bus.fill(1080, [2])
    return bus


def storedge() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(0xE004, [4, 1, *[0] * 12])
    bus.fill(0xE142, [0x4000, 0x461C])  # 10000.0 Wh
    bus.fill(0xE144, [0x4000, 0x459C])  # 5000.0 W
    bus.fill(0xE146, [0x4000, 0x459C])
    bus.fill(0xE16C, [0] * 30)
    return bus


def island() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(30775, [0] * 700)
    bus.fill(30233, [0x0000, 0x1770])  # 6000 W
    bus.fill(40149, [0] * 4)
    return bus


def vebus() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(3, [0] * 40)
    bus.fill(130, [0x0000, 0x0BB8])  # 3000 W
    return bus


DEVICES = {
    "huawei-luna": luna,
    "sungrow-sh-battery": sungrow,
    "goodwe-et-battery": goodwe,
    "kostal-plenticore-battery": plenticore,
    "solaredge-battery": storedge,
    "sma-sunny-island": island,
    "victron-vebus": vebus,
}


def battery(name: str, bus: MemoryBus, fallback_w: float | None = None) -> Battery:
    model = MODELS[name]
    assert isinstance(model, BatteryModel)
    return model.build(bus, 1, fallback_w)


# Each told 1500.9 W for 150 s from what the images above hold.
CHARGING: dict[str, Writes] = {
    "huawei-luna": [
        (47246, (0,)),  # by duration
        (47083, (2,)),  # minutes, rounded down
        (47247, (0x0000, 0x05DC)),
        (47100, (1,)),
    ],
    "sungrow-sh-battery": [(13051, (0x05DC,)), (13050, (0x00AA,)), (13049, (2,))],
    "goodwe-et-battery": [(47512, (0x05DC,)), (47511, (11,))],
    "kostal-plenticore-battery": [(1034, (0x9CCD, 0xC4BB))],  # -1500.9 as a float, low word first
    "solaredge-battery": [
        (0xE00A, (7,)),  # own mode afterwards
        (0xE00B, (0x0096, 0x0000)),  # 150 s
        (0xE00E, (0x9CCD, 0x44BB)),  # 1500.9 W
        (0xE00D, (3,)),
    ],
    "sma-sunny-island": [(40149, (0xFFFF, 0xFA24)), (40151, (0x0000, 0x0322))],  # -1500 W, 802
    "victron-vebus": [(37, (0x05DC,))],
}
DISCHARGING: dict[str, Writes] = {
    "huawei-luna": [(47246, (0,)), (47083, (2,)), (47249, (0x0000, 0x05DC)), (47100, (2,))],
    "sungrow-sh-battery": [(13051, (0x05DC,)), (13050, (0x00BB,)), (13049, (2,))],
    "goodwe-et-battery": [(47512, (0x05DC,)), (47511, (12,))],
    "kostal-plenticore-battery": [(1034, (0x9CCD, 0x44BB))],
    "solaredge-battery": [(0xE00A, (7,)), (0xE00B, (0x0096, 0)), (0xE010, (0x9CCD, 0x44BB)), (0xE00D, (4,))],
    "sma-sunny-island": [(40149, (0x0000, 0x05DC)), (40151, (0x0000, 0x0322))],
    "victron-vebus": [(37, (0xFA24,))],
}
RELEASED: dict[str, Writes] = {
    "huawei-luna": [(47100, (0,))],
    "sungrow-sh-battery": [(13049, (0,)), (13050, (0x00CC,))],
    "goodwe-et-battery": [(47511, (1,))],
    "kostal-plenticore-battery": [],  # by silence
    "solaredge-battery": [(0xE00D, (7,))],
    "sma-sunny-island": [(40151, (0x0000, 0x0323))],
    "victron-vebus": [],
}
# The mode in which 0 W is told; None: as a power.
IDLE: dict[str, tuple[int, tuple[int, ...]]] = {
    "huawei-luna": (47100, (1,)),
    "sungrow-sh-battery": (13049, (2,)),
    "goodwe-et-battery": (47511, (8,)),
    "kostal-plenticore-battery": (1034, (0, 0)),
    "solaredge-battery": (0xE00D, (0,)),
    "sma-sunny-island": (40151, (0x0000, 0x0322)),
    "victron-vebus": (37, (0,)),
}
# What each falls back to by itself: its own mode, idle.
REVERTS = {
    "huawei-luna": (True, False),
    "sungrow-sh-battery": (False, False),
    "goodwe-et-battery": (False, False),
    "kostal-plenticore-battery": (True, False),
    "solaredge-battery": (True, True),
    "sma-sunny-island": (False, False),
    "victron-vebus": (False, True),
}
RATED = {
    "huawei-luna": (5000.0, 4500.0, 10_000.0),
    "sungrow-sh-battery": (10_000.0, 10_000.0, 9600.0),
    "goodwe-et-battery": (10_000.0, 10_000.0, None),
    "kostal-plenticore-battery": (6000.0, 4400.0, 10_000.0),
    "solaredge-battery": (5000.0, 5000.0, 10_000.0),
    "sma-sunny-island": (6000.0, 6000.0, None),
    "victron-vebus": (3000.0, 3000.0, None),
}


def test_every_battery_is_here() -> None:
    from drivers.batteries import TYPES

    assert {kind.name for kind in TYPES} == set(DEVICES)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize(("power_w", "expected"), [(1500.9, CHARGING), (-1500.9, DISCHARGING)])
async def test_what_is_written_and_in_which_order(name: str, power_w: float, expected: dict[str, Writes]) -> None:
    bus = DEVICES[name]()
    await battery(name, bus).follow(power_w, 150.0)
    assert bus.writes == expected[name]


@pytest.mark.parametrize("name", DEVICES)
async def test_idle_is_a_power(name: str) -> None:
    bus = DEVICES[name]()
    await battery(name, bus).follow(0.0, 150.0)
    assert bus.writes[-1] == IDLE[name]


@pytest.mark.parametrize("name", DEVICES)
async def test_back_to_its_own_mode(name: str) -> None:
    bus = DEVICES[name]()
    device = battery(name, bus)
    await device.follow(1000.0, 150.0)
    bus.writes.clear()
    await device.follow(None, 150.0)
    assert bus.writes == RELEASED[name]


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("fallback_w", [None, 0.0, 500.0])
async def test_ratings_and_what_it_falls_back_to(name: str, fallback_w: float | None) -> None:
    plate = await battery(name, DEVICES[name](), fallback_w).probe()
    own, idle = REVERTS[name]
    consume_w, produce_w, energy_wh = RATED[name]
    reverts = {None: own, 0.0: idle, 500.0: False}[fallback_w]
    assert plate.ratings == Ratings(consume_w, produce_w, energy_wh, reverts_by_itself=reverts)
    assert set(plate.lacks) <= {"serial number"}


async def test_falling_into_idle_is_programmed_first() -> None:
    bus = storedge()
    bus.fill(0xE00A, [7])
    await battery("solaredge-battery", bus, 0.0).follow(1000.0, 30.0)
    assert bus.writes[0] == (0xE00A, (0,))


async def test_a_renewal_writes_only_what_the_device_counts() -> None:
    bus = storedge()
    device = battery("solaredge-battery", bus)
    await device.follow(1000.0, 30.0)
    bus.writes.clear()
    await device.follow(1000.0, 30.0)
    assert bus.writes == [(0xE00D, (3,))]


async def test_without_a_timer_nothing_is_written_twice() -> None:
    bus = sungrow()
    device = battery("sungrow-sh-battery", bus)
    await device.follow(1000.0, 30.0)
    bus.writes.clear()
    await device.follow(1000.0, 30.0)
    assert bus.writes == []


async def test_a_lease_of_less_than_a_minute_is_one_and_never_for_ever() -> None:
    bus = luna()
    await battery("huawei-luna", bus).follow(1000.0, 20.0)
    assert (47083, (1,)) in bus.writes


@pytest.mark.parametrize("name", sorted(set(DEVICES) - {"sma-sunny-island"}))
async def test_a_device_that_keeps_another_value_is_named(name: str) -> None:
    bus = DEVICES[name]()
    bus.on_write = lambda address, words: dict.fromkeys(range(address, address + len(words)), 0x33)
    with pytest.raises(NotApplied, match=r"at \d+: wrote .*, reads "):
        await battery(name, bus).follow(1000.0, 150.0)


@pytest.mark.parametrize(
    ("name", "table", "gone", "lack"),
    [
        ("huawei-luna", Table.HOLDING, 47100, "47100 forcible charge/discharge"),
        ("huawei-luna", Table.HOLDING, 47083, "47083 period"),
        ("sungrow-sh-battery", Table.HOLDING, 13051, "13051 forced power"),
        ("goodwe-et-battery", Table.HOLDING, 47512, "47512 EMS power"),
        ("kostal-plenticore-battery", Table.HOLDING, 1080, "1080 battery management mode set to 2"),
        ("solaredge-battery", Table.HOLDING, 0xE00A, "E00A default mode"),
        ("victron-vebus", Table.HOLDING, 37, "37 power setpoint"),
    ],
)
async def test_a_register_that_is_not_there_is_found_by_probing(name: str, table: Table, gone: int, lack: str) -> None:
    bus = DEVICES[name]()
    del bus.tables[table][gone]
    device = battery(name, bus)
    plate = await device.probe()
    assert lack in plate.lacks
    assert plate.ratings is not None
    assert not plate.ratings.reverts_by_itself
    with pytest.raises(Unsupported, match=f"follows no power, it lacks .*{lack}"):
        await device.follow(1000.0, 150.0)
    assert bus.writes == []


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("kostal-plenticore-battery", 1080, "1080 battery management mode set to 2"),
        ("solaredge-battery", 0xE004, "E004 storage control mode set to 4"),
    ],
)
async def test_what_an_installer_has_not_allowed_is_not_written_by_us(name: str, address: int, said: str) -> None:
    bus = DEVICES[name]()
    bus.fill(address, [1])
    device = battery(name, bus)
    assert said in (await device.probe()).lacks
    with pytest.raises(Unsupported, match=said):
        await device.follow(1000.0, 150.0)
    assert bus.writes == []


async def test_without_ratings_it_is_said() -> None:
    bus = vebus()
    del bus.tables[Table.HOLDING][130]
    plate = await battery("victron-vebus", bus).probe()
    assert plate.ratings is None
    assert "ratings" in plate.lacks


@pytest.mark.parametrize("name", DEVICES)
async def test_a_device_that_refuses_the_write_is_heard(name: str) -> None:
    bus = DEVICES[name]()

    def refuse(address: int, words: tuple[int, ...]) -> dict[int, int]:
        raise DeviceRefused(f"{address}", 4)

    bus.on_write = refuse
    with pytest.raises(DeviceRefused):
        await battery(name, bus).follow(1000.0, 150.0)


@pytest.mark.parametrize("power_w", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", DEVICES)
async def test_an_impossible_power_reaches_no_register(name: str, power_w: float) -> None:
    bus = DEVICES[name]()
    with pytest.raises(ValueError, match="allowed is any finite number"):
        await battery(name, bus).follow(power_w, 150.0)
    with pytest.raises(ValueError, match="allowed is more than 0"):
        await battery(name, bus).follow(100.0, 0.0)
    assert bus.writes == []


@given(st.floats(-3000.0, 3000.0))
async def test_never_more_power_than_asked_for_and_at_most_a_watt_less(power_w: float) -> None:
    bus = vebus()
    await battery("victron-vebus", bus).follow(power_w, 30.0)
    ((_, (word,)),) = bus.writes
    told_w = word - 0x10000 if word & 0x8000 else word
    assert abs(told_w) <= abs(power_w) + 1e-6
    assert abs(told_w - power_w) < 1.0 + 1e-6
