"""Station devices on a network, both ways: what they do to it, and what they show of it."""

import struct
from typing import Any

import numpy as np
import pytest

from protocols.ports import Table
from sim_hardware.devices.image import RegisterImage
from sim_hardware.faults import FaultyImage, NoAnswer
from sim_hardware.world.networked import Networked
from sim_hardware.world.world import World
from tests.sim_hardware.world.networks import STILL, even_w, supply_of_world, world_of

HOMES = 4
NOTHING = np.zeros((HOMES, 3))


def with_station(homes: int | None = None, feeder: dict[str, Any] | None = None, **station: Any) -> Networked:
    config = world_of({"kind": "street"} | (feeder or {}), HOMES, station=[{"name": "s", **station}])
    return supply_of_world(config, homes)


def image_of(supply: Networked) -> RegisterImage:
    return supply.stations.images["s"]


def floats(image: RegisterImage, address: int, count: int) -> list[float]:
    words = image.read(Table.INPUT, address, 2 * count)
    return list(struct.unpack(f">{count}f", struct.pack(f">{2 * count}H", *words)))


def signed(words: list[int]) -> int:
    return int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big", signed=True)


# Tap changer


def test_a_tap_changer_lifts_the_voltage_step_by_step() -> None:
    supply = with_station(kind="tap-changer", at="transformer", steps=4, step_percent=1.25)
    image_of(supply).write(12, [2])
    seen_v = []
    for _ in range(3):
        supply.after(5.0, NOTHING, NOTHING)
        seen_v.append(supply.voltage_v[0, 0])
    # Fewer turns on the high side: 230 V / (1 - 0.0125 n).
    assert seen_v == pytest.approx([230.0 / 0.9875, 230.0 / 0.975, 230.0 / 0.975], rel=3e-4)
    assert image_of(supply).read(Table.HOLDING, 10, 1)[0] == round(10.0 * seen_v[-1])


def test_a_tap_counts_at_once_however_rarely_the_network_is_solved() -> None:
    supply = with_station(feeder={"every_s": 900.0}, kind="tap-changer", at="transformer")
    image_of(supply).write(13, [1])
    supply.after(5.0, NOTHING, NOTHING)
    assert supply.voltage_v[0, 0] > 234.0


def test_all_copies_hang_on_the_one_tap_changer() -> None:
    supply = with_station(homes=2 * HOMES, kind="tap-changer", at="transformer")
    image_of(supply).write(13, [0xFFFF])
    supply.after(5.0, np.zeros((2 * HOMES, 3)), np.zeros((2 * HOMES, 3)))
    assert (supply.voltage_v < 225.0).all()


def test_a_tap_that_stands_off_the_middle_is_shown() -> None:
    transformer = {"name": "t", "from_bus": "mv", "to_bus": "bar", "tap": -1, "tap_least": -3, "tap_most": 2}
    feeder = {
        "kind": "own",
        "source_bus": "mv",
        "bus": [{"name": "mv", "voltage_v": 20e3}, {"name": "bar"}],
        "transformer": [transformer | {"tap_step_pu": 0.02}],
    }
    station = [{"name": "s", "kind": "tap-changer", "at": "t"}]
    supply = supply_of_world(world_of(feeder, [{"bus": "bar"}], station=station))
    assert image_of(supply).read(Table.HOLDING, 1, 4) == [1, 0xFFFE, 3, 200]
    assert supply.voltage_v[0, 0] == pytest.approx(230.0 / 0.98, rel=1e-3)


def test_on_medium_voltage_it_measures_through_a_voltage_transformer() -> None:
    feeder = {
        "kind": "own",
        "source_bus": "hv",
        "bus": [{"name": "hv", "voltage_v": 110e3}, {"name": "mv", "voltage_v": 20e3}, {"name": "bar"}],
        "transformer": [
            {"name": "big", "from_bus": "hv", "to_bus": "mv", "high_v": 110e3, "low_v": 20e3, "power_va": 25e6},
            {"name": "t", "from_bus": "mv", "to_bus": "bar"},
        ],
    }
    station = [
        {"name": "s", "kind": "tap-changer", "at": "big"},
        {"name": "c", "kind": "capacitor-bank", "at": "mv"},
    ]
    supply = supply_of_world(world_of(feeder, [{"bus": "bar"}], station=station))
    bank = supply.stations.images["c"]
    assert image_of(supply).read(Table.HOLDING, 10, 1) == bank.read(Table.HOLDING, 7, 1) == [2300]
    assert image_of(supply).read(Table.HOLDING, 2, 3) == [0xFFF8, 8, 125], "nothing stated: what is common"


# Capacitor bank


def test_a_bank_gives_reactive_power_and_lifts_its_bus() -> None:
    supply = with_station(kind="capacitor-bank", at="joint-4", steps=3, step_var=10e3)
    image_of(supply).write(13, [2])
    for _ in range(3):  # the bank's power follows the voltage of the last solution
        supply.after(1.0, NOTHING, NOTHING)
    x_ohm = 0.06 * 400.0**2 / 400e3 + 0.080 * 0.6
    assert supply.voltage_v[3, 0] - 230.0 == pytest.approx(x_ohm * 20e3 / 3.0 / 230.0, rel=0.05)
    volts = supply.voltage_v[3].mean()
    assert signed(image_of(supply).read(Table.HOLDING, 5, 2)) == pytest.approx(-20e3 * (volts / 230.0) ** 2, rel=1e-3)
    assert image_of(supply).read(Table.HOLDING, 7, 1)[0] == round(10.0 * volts)
    # The no-load current of the transformer (1,350 W of it active) is against it.
    magnetising_var = 400e3 * 0.003375
    assert supply.flow.source_var.sum() < -20e3 * 0.98 + magnetising_var


# Meter


def test_the_meter_of_a_transformer_shows_what_the_street_draws() -> None:
    supply = with_station(kind="meter", at="transformer")
    power_w = even_w(HOMES, 6e3)
    power_w[:, 2] = -1e3
    for _ in range(60):
        supply.after(60.0, power_w, 0.2 * power_w)
    image = image_of(supply)
    shown_w = floats(image, 0x000C, 3)
    assert shown_w == pytest.approx([HOMES * 2e3, HOMES * 2e3, -HOMES * 1e3], rel=0.03)
    assert sum(shown_w) > power_w.sum(), "with the losses of the cables"
    assert floats(image, 0x0034, 1)[0] == pytest.approx(supply.flow.transformer_w.sum(), rel=1e-6)
    assert floats(image, 0x0018, 3) == pytest.approx([0.2 * each for each in shown_w], rel=0.1)
    imported, exported = floats(image, 0x0048, 2)
    assert imported == pytest.approx((shown_w[0] + shown_w[1]) / 1e3, rel=1e-5)
    assert exported == pytest.approx(-shown_w[2] / 1e3, rel=1e-5)
    bar = [bus.name for bus in supply.network.feeder.buses].index("bar")
    assert floats(image, 0x0000, 3) == pytest.approx(supply.flow.voltage_v[bar].tolist(), rel=1e-6)
    assert floats(image, 0x0046, 1) == [50.0]


def test_the_meter_of_a_line_stands_at_its_beginning() -> None:
    """Nothing but the first piece of cable hangs on the bar, so it draws what the transformer gives, at that voltage."""
    grid = STILL | {"frequency_wander_hz": 0.05}
    station = [{"name": "s", "kind": "meter", "at": "main-1"}]
    supply = supply_of_world(world_of({"kind": "street"}, HOMES, station=station, grid=grid))
    power_w = even_w(HOMES, 9e3)
    supply.after(1.0, power_w, 0.3 * power_w)
    image, flow = image_of(supply), supply.flow
    assert floats(image, 0x0034, 1)[0] == pytest.approx(flow.transformer_w.sum(), rel=1e-6)
    assert floats(image, 0x003C, 1)[0] == pytest.approx(flow.transformer_var.sum(), rel=1e-6)
    bar = [bus.name for bus in supply.network.feeder.buses].index("bar")
    assert floats(image, 0x0000, 3) == pytest.approx(flow.voltage_v[bar].tolist(), rel=1e-6)
    assert floats(image, 0x0046, 1) == pytest.approx([supply.frequency_hz], rel=1e-7)
    assert supply.frequency_hz != 50.0


def test_the_meter_of_a_line_counts_what_flows_back_as_export() -> None:
    supply = with_station(kind="meter", at="main-3")
    power_w = np.zeros((HOMES, 3))
    power_w[0], power_w[2:] = 9e3, -1e3
    supply.after(1.0, power_w, NOTHING)
    assert floats(image_of(supply), 0x000C, 3) == pytest.approx([-2e3] * 3, rel=0.01)


def test_a_meter_shows_the_first_copy() -> None:
    supply = with_station(homes=2 * HOMES, kind="meter", at="transformer")
    power_w = np.zeros((2 * HOMES, 3))
    power_w[0], power_w[HOMES] = 2e3, 5e3
    supply.after(1.0, power_w, np.zeros_like(power_w))
    assert floats(image_of(supply), 0x0034, 1)[0] == pytest.approx(6e3, rel=0.01)


# Relay board


def test_a_relay_board_has_the_alarms_of_its_branch() -> None:
    supply = with_station(kind="relay-board", at="main-1")
    board, alarms = FaultyImage(image_of(supply), supply.stations.faults["s"]), []
    heavy_w, sunny_w = even_w(HOMES, 60e3), even_w(HOMES, -45e3)
    for power_w in (NOTHING, heavy_w, sunny_w):
        supply.after(1.0, power_w, NOTHING)
        alarms.append(board.read_bits(False, 0, 4))
    # 240 kW are 348 A on a cable of 270 A; the bar stays within its band.
    assert alarms == [[False, False, False, True], [True, False, False, True], [False, False, False, True]]


def test_its_voltage_alarms_are_those_of_the_bus() -> None:
    for volts, alarms in ((255.0, [True, False]), (205.0, [False, True]), (230.0, [False, False])):
        grid = {"voltage_v": volts, "voltage_wander_v": 0.0}
        station = [{"name": "s", "kind": "relay-board", "at": "transformer"}]
        supply = supply_of_world(world_of({"kind": "street"}, 1, station=station, grid=grid))
        board = FaultyImage(image_of(supply), supply.stations.faults["s"])
        assert board.read_bits(False, 1, 2) == alarms


# In a world


def test_station_devices_have_faults_by_their_own_name() -> None:
    station = [{"name": "oltc", "kind": "tap-changer", "at": "transformer"}]
    world = World(world_of({"kind": "street"}, 2, station=station))
    assert world.stations is not None
    seen = FaultyImage(world.stations.images["oltc"], world.faults["oltc"])
    world.faults["oltc"].begin("drop")
    with pytest.raises(NoAnswer):
        seen.read(Table.HOLDING, 0, 1)
    world.faults["oltc"].end("drop")
    assert seen.read(Table.HOLDING, 0, 1) == [0x5443]
