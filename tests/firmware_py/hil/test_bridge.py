"""A home that follows a simulator's registers: what is read, scaled and signed, what is written, what is refused."""

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from firmware_py.hil.bridge import BadLink, Bridge, LinkConfig, load_link
from protocols.faults import NoReply
from protocols.ports import Table
from sim_hardware.foreign import ForeignHome
from sim_hardware.virtual_time import run_virtual

LINK = """
url = "tcp://simulator.example:502"
unit = 3
period_s = 0.5
[[take]]
quantity = "grid.voltage_v"
address = 0
shape = "F32"
[[take]]
quantity = "pv.power_w"         # this simulator counts produced power as positive, in units of 10 W
address = 10
shape = "S16"
table = "input"
scale = -10.0
[[take]]
quantity = "battery.power_w"
address = 12
shape = "S32"
low_word_first = true
[[give]]
quantity = "grid.power_w"
address = 100
shape = "F32"
[[give]]
quantity = "battery.setpoint_w"
address = 102
shape = "S16"
scale = -1.0
none = -32768.0
"""


class Simulator:
    """The simulator's registers as a bus, unit 3."""

    def __init__(self) -> None:
        volts = struct.unpack(">2H", struct.pack(">f", 236.5))
        self.holding = dict(enumerate(volts)) | {12: 0xFE0C, 13: 0xFFFF}  # -500 as S32, low word first
        self.input = {10: 150}
        self.written: dict[int, tuple[int, ...]] = {}
        self.is_silent, self.rounds = False, 0

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        if self.is_silent:
            raise NoReply("simulator: nothing within 1 s")
        assert unit == 3
        registers = self.holding if table is Table.HOLDING else self.input
        return tuple(registers[address + place] for place in range(count))

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        assert unit == 3
        self.written[address] = tuple(words)

    async def close(self) -> None:
        pass


def link(folder: Path, old: str = "", new: str = "") -> LinkConfig:
    assert old in LINK
    (folder / "link.toml").write_text(LINK.replace(old, new) if old else LINK)
    return load_link(folder / "link.toml")


def bridge(folder: Path) -> tuple[Bridge, Simulator, ForeignHome]:
    simulator, home = Simulator(), ForeignHome(seed=1)
    return Bridge(link(folder), simulator, home, lambda: 0.0), simulator, home


def test_what_is_read_holds_at_the_terminals_scaled_and_signed(tmp_path: Path) -> None:
    between, _, home = bridge(tmp_path)
    run_virtual(between.round(), horizon_s=1.0)
    told = home.give()
    assert told["grid.voltage_l3_v"] == 236.5
    assert told["pv.power_w"] == pytest.approx(-1500.0)
    assert told["battery.power_w"] == pytest.approx(-500.0)


def test_what_is_given_is_written_and_none_as_it_says(tmp_path: Path) -> None:
    between, simulator, home = bridge(tmp_path)
    run_virtual(between.round(), horizon_s=1.0)
    power_w = home.give()["grid.power_w"]
    assert power_w is not None
    assert simulator.written[100] == struct.unpack(">2H", struct.pack(">f", power_w))
    assert simulator.written[102] == (0x7FFF,)  # none = -32768, and 32768 is more than an S16 can carry
    home.store.request_w = 1200.0
    run_virtual(between.round(), horizon_s=1.0)
    assert simulator.written[102] == (0x10000 - 1200,)


def test_a_silent_simulator_is_counted_and_the_values_before_hold(tmp_path: Path) -> None:
    between, simulator, home = bridge(tmp_path)

    async def play() -> None:
        between.now_s = asyncio.get_running_loop().time
        running = asyncio.create_task(between.run())
        await asyncio.sleep(1.2)
        simulator.is_silent = True
        simulator.holding[0] = 0
        await asyncio.sleep(1.0)
        assert (between.took.count, between.took.lost) == (3, 2)
        assert home.give()["grid.voltage_l1_v"] == 236.5
        simulator.is_silent = False
        await asyncio.sleep(1.0)
        running.cancel()
        await asyncio.wait([running])

    run_virtual(play(), horizon_s=10.0)
    # After the silence a value out of its bounds (0 V is none) is not taken either.
    assert (between.took.count, between.took.lost, between.late.count) == (3, 4, 7)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"grid.voltage_v"', '"grid.volts"', "take.0.quantity = 'grid.volts': Value error, allowed are grid.voltage_v"),
        ('"battery.setpoint_w"', '"load.x"', "give.1.quantity = 'load.x': Value error, allowed are battery.setpoint_w"),
        ('"S16"\nscale', '"I16"\nscale', "shape = 'I16': Value error, allowed are U16"),
        ("scale = -10.0", "scale = 0", "take.1.scale = 0: Value error, any number but 0 is allowed"),
        ('table = "input"', 'table = "coil"', "take.1.table = 'coil'"),
        ("address = 12", "address = 70000", "take.2.address = 70000"),
        ("tcp://simulator", "http://simulator", "scheme 'http' is not known"),
        ("period_s = 0.5", "period_s = 0.5\nperiod = 1", "period = 1: Extra inputs are not permitted"),
        ("[[give]]", "[[give", "a readable TOML file is needed"),
    ],
)
def test_a_bad_table_is_refused_with_key_value_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(BadLink) as caught:
        link(tmp_path, old, new)
    assert said in str(caught.value)
