"""The simulated SDM630 against the vendor's protocol paper V1.8, byte by byte where it gives bytes."""

import math
import struct

import pytest

from protocols.ports import Table
from sim_hardware.devices.image import IllegalAddress, IllegalValue, ModbusRefusal
from sim_hardware.devices.sdm630 import Sdm630
from sim_hardware.physics.terminal import Terminal

TERMINAL = Terminal(
    voltage_v=(230.0, 231.0, 229.0),
    frequency_hz=50.02,
    power_w=(1000.0, -500.0, 300.0),
    reactive_var=(200.0, 50.0, 0.0),
    import_wh=[1000.0, 2000.0, 3000.0],
    export_wh=[10.0, 20.0, 30.0],
    import_varh=[400.0, 500.0, 600.0],
    export_varh=[1.0, 2.0, 3.0],
)


def value(meter: Sdm630, address: int, table: Table = Table.INPUT) -> float:
    high, low = meter.read(table, address, 2)
    (number,) = struct.unpack(">f", high.to_bytes(2, "big") + low.to_bytes(2, "big"))
    return float(number)


def amps(power_w: float, reactive_var: float, voltage_v: float) -> float:
    return math.sqrt(power_w**2 + reactive_var**2) / voltage_v


I1, I2, I3 = amps(1000, 200, 230), amps(-500, 50, 231), amps(300, 0, 229)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (0x0000, 230.0),
        (0x0002, 231.0),
        (0x0004, 229.0),
        (0x0006, I1),
        (0x0008, I2),
        (0x000A, I3),
        (0x000C, 1000.0),
        (0x000E, -500.0),
        (0x0010, 300.0),
        (0x0012, math.sqrt(1000**2 + 200**2)),
        (0x0014, math.sqrt(500**2 + 50**2)),
        (0x0016, 300.0),
        (0x0018, 200.0),
        (0x001A, 50.0),
        (0x001C, 0.0),
        (0x001E, 1000 / math.sqrt(1000**2 + 200**2)),
        (0x0020, -500 / math.sqrt(500**2 + 50**2)),
        (0x0022, 1.0),
        (0x0024, math.degrees(math.atan(0.2))),
        (0x002A, 230.0),
        (0x002E, (I1 + I2 + I3) / 3),
        (0x0030, I1 + I2 + I3),
        (0x0034, 800.0),
        (0x0038, math.sqrt(800**2 + 250**2)),
        (0x003C, 250.0),
        (0x003E, 800 / math.sqrt(800**2 + 250**2)),
        (0x0046, 50.02),
        (0x0048, 6.0),
        (0x004A, 0.06),
        (0x004C, 1.5),
        (0x004E, 0.006),
        (0x00C8, math.sqrt(230**2 + 231**2 + 230 * 231)),
        (0x0156, 6.06),
        (0x0158, 1.506),
        (0x015A, 1.0),
        (0x015C, 2.0),
        (0x015E, 3.0),
        (0x0160, 0.01),
        (0x0164, 0.03),
        (0x0168, 2.02),
        (0x016E, 0.5),
        (0x0176, 0.003),
        (0x017C, 0.603),
    ],
)
def test_a_parameter_stands_where_the_paper_lists_it(address: int, expected: float) -> None:
    assert value(Sdm630(TERMINAL), address) == pytest.approx(expected, rel=1e-6)


def test_the_papers_example_bytes() -> None:
    # Section 3.8.1: Volts 1 = 230.2 is answered 43 66 33 34 hex; the float nearest to 230.2 is one bit less.
    assert Sdm630(Terminal(voltage_v=(230.2, 0.0, 0.0))).read(Table.INPUT, 0, 2) == [0x4366, 0x3333]


def test_neutral_current_is_the_vector_sum() -> None:
    assert value(Sdm630(Terminal(power_w=(2300.0, 2300.0, 2300.0))), 0x00E0) == pytest.approx(0.0, abs=1e-6)
    assert value(Sdm630(Terminal(power_w=(2300.0, 0.0, 0.0))), 0x00E0) == pytest.approx(10.0)
    # Two equal currents 120 degrees apart add up to one of them.
    assert value(Sdm630(Terminal(power_w=(2300.0, 2300.0, 0.0))), 0x00E0) == pytest.approx(10.0)
    # 10 A in phase on L1, and 10 A on L2 that lag by 90 degrees, 210 behind L1: |10 + 10 (cos 210, -sin 210)|.
    lagging = Terminal(power_w=(2300.0, 0.0, 0.0), reactive_var=(0.0, 2300.0, 0.0))
    assert value(Sdm630(lagging), 0x00E0) == pytest.approx(math.hypot(10.0 - 5.0 * math.sqrt(3.0), 5.0))


def test_a_block_of_forty_parameters_with_holes_as_zero() -> None:
    words = Sdm630(TERMINAL).read(Table.INPUT, 0, 80)
    assert len(words) == 80
    assert words[0x2C:0x2E] == [0, 0]
    assert words[0x48:0x4A] == list(struct.unpack(">HH", struct.pack(">f", 6.0)))


@pytest.mark.parametrize(
    ("table", "address", "count", "refusal"),
    [
        (Table.INPUT, 0, 82, IllegalValue),  # section 1.1: more than 40 values
        (Table.INPUT, 1, 2, IllegalAddress),  # section 3.11: part of a floating point value
        (Table.INPUT, 0, 1, IllegalAddress),
        (Table.INPUT, 0x017E, 2, IllegalAddress),
        (Table.INPUT, 0x017C, 4, IllegalAddress),
        (Table.HOLDING, 0x0004, 2, IllegalAddress),
        (Table.HOLDING, 0xFC02, 2, IllegalAddress),
        (Table.INPUT, 0xFC00, 2, IllegalAddress),
    ],
)
def test_what_the_paper_does_not_offer_is_refused(
    table: Table, address: int, count: int, refusal: type[ModbusRefusal]
) -> None:
    with pytest.raises(refusal):
        Sdm630(TERMINAL).read(table, address, count)


def test_the_serial_number_is_an_integer() -> None:
    assert Sdm630(TERMINAL, serial=0x0143_F7A1).read(Table.HOLDING, 0xFC00, 2) == [0x0143, 0xF7A1]


def test_settings_read_and_write() -> None:
    meter = Sdm630(TERMINAL)
    assert value(meter, 0x001C, Table.HOLDING) == 2.0  # 9600 baud from the factory
    # Section 3.9.2: demand period 60 is written as 42 70 00 00 hex.
    meter.write(0x0002, [0x41F0, 0x0000])
    assert value(meter, 0x0002, Table.HOLDING) == 30.0
    meter.write(0x0002, [0x4270, 0x0000])
    assert value(meter, 0x0002, Table.HOLDING) == 60.0


@pytest.mark.parametrize(
    ("address", "words", "code"),
    [
        (0x0002, [0x4000, 0x0000], 3),  # 2 minutes is none of the periods
        (0x0014, [0x437C, 0x0000], 3),  # node 252
        (0x0002, [0x4270], 2),
        (0x000A, [0x4040, 0x0000], 2),  # behind the password
        (0xFC00, [0, 1], 2),
        (0x0000, [0, 0], 2),
    ],
)
def test_a_wrong_write_is_refused_and_changes_nothing(address: int, words: list[int], code: int) -> None:
    meter = Sdm630(TERMINAL)
    with pytest.raises(ModbusRefusal) as refused:
        meter.write(address, words)
    assert refused.value.code == code
    assert value(meter, 0x0002, Table.HOLDING) == 60.0


def test_phases_that_oppose_each_other_count_both_ways_unless_netting() -> None:
    terminal = Terminal(power_w=(3600.0, -1800.0, 0.0))  # 1,000 s of it; then 1,000 s turned about
    summing, netting = Sdm630(terminal), Sdm630(terminal, netting=True)
    for step in range(2000):
        terminal.power_w = (3600.0, -1800.0, 0.0) if step < 1000 else (-3600.0, 0.0, 0.0)
        terminal.after(1.0)
        summing.after(1.0)
        netting.after(1.0)
    assert (value(summing, 0x0048), value(summing, 0x004A)) == pytest.approx((1.0, 1.5))
    assert (value(netting, 0x0048), value(netting, 0x004A)) == pytest.approx((0.5, 1.0))
