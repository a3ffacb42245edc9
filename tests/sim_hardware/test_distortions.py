"""What faults make of registers: words swapped, currents that drift, zeros after a reboot, a wrong clock."""

import struct
from collections.abc import Sequence

import pytest

from protocols.ports import Table
from protocols.registers import Shape
from sim_hardware.devices.image import Nature, Value
from sim_hardware.devices.sdm630 import Sdm630, float_words
from sim_hardware.devices.sunspec_models import M103, M701
from sim_hardware.distortions import changed, encode, swapped
from sim_hardware.faults import ZEROS_S, Faults, FaultyImage, NoAnswer, Word
from sim_hardware.home import SimHome
from sim_hardware.physics.terminal import Terminal


class Image:
    """Registers from 100: one of each kind that a fault could touch."""

    WORDS = (0x0001, 0x0002, 0x8000, 0xFFFF, 0xFFFE, 0x0003, 0x0004, 0x0005, 0x0006, 0x0007)
    LAYOUT = (
        Value(100, Shape.U32, Nature.COUNT),
        Value(102, Shape.S16, Nature.FLOW, absent=-0x8000),
        Value(103, Shape.S32, Nature.FLOW),
        Value(105, Shape.U64, Nature.SETTING),
        Value(109, Shape.U16, Nature.CLOCK),
    )

    def __init__(self) -> None:
        self.words = list(self.WORDS)
        self.restarts = 0

    def layout(self, table: Table) -> Sequence[Value]:
        return self.LAYOUT if table is Table.HOLDING else ()

    def read(self, table: Table, address: int, count: int) -> list[int]:
        return self.words[address - 100 : address - 100 + count]

    def write(self, address: int, words: Sequence[int]) -> None:
        self.words[address - 100 : address - 100 + len(words)] = words

    def after(self, dt_s: float) -> None:
        pass

    def restart(self) -> None:
        self.restarts += 1


class Time:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def faulty(word: str, argument: float | None = None) -> tuple[Image, FaultyImage, Time]:
    image, time = Image(), Time()
    faults = Faults(now_s=time)
    seen = FaultyImage(image, faults)
    faults.begin(word, argument)
    return image, seen, time


@pytest.mark.parametrize(
    ("shape", "number", "words"),
    [
        (Shape.U16, 70_000, [0xFFFF]),
        (Shape.U16, -1, [0]),
        (Shape.S16, -70_000, [0x8000]),
        (Shape.S16, 1.6, [2]),
        (Shape.S32, -2, [0xFFFF, 0xFFFE]),
        (Shape.U32, 65_538, [1, 2]),
        (Shape.F32, 240.5, [0x4370, 0x8000]),  # the SDM630 paper, 3.7
    ],
)
def test_numbers_become_words(shape: Shape, number: float, words: list[int]) -> None:
    assert encode(shape, number) == words


def test_words_are_swapped_inside_numbers_only() -> None:
    assert swapped(Image(), Table.HOLDING, 100, Image.WORDS) == [2, 1, 0x8000, 0xFFFE, 0xFFFF, 6, 5, 4, 3, 7]
    assert swapped(Image(), Table.INPUT, 100, Image.WORDS) == list(Image.WORDS)


def test_a_half_of_a_number_is_left_alone() -> None:
    assert swapped(Image(), Table.HOLDING, 101, Image.WORDS[1:4]) == [2, 0x8000, 0xFFFF]
    assert swapped(Image(), Table.HOLDING, 105, Image.WORDS[5:7]) == [3, 4], "two of four words"
    assert changed(Image(), Table.HOLDING, 103, [0xFFFF], lambda nature, number: 5.0) == [0xFFFF]


def test_an_absent_number_stays_absent() -> None:
    assert changed(Image(), Table.HOLDING, 102, [0x8000], lambda nature, number: 5.0) == [0x8000]
    assert changed(Image(), Table.HOLDING, 102, [0x8001], lambda nature, number: 5.0) == [5]


def test_not_a_number_stays_so() -> None:
    meter = Sdm630(Terminal())
    nan = [0x7FC0, 0x0000]
    assert changed(meter, Table.INPUT, 0, nan, lambda nature, number: 5.0) == nan


def test_word_swap_strikes_reads_and_writes() -> None:
    image, seen, _ = faulty("word_swap")
    assert seen.read(Table.HOLDING, 100, 2) == [2, 1]
    seen.write(100, [7, 8])
    assert image.words[:2] == [8, 7]
    assert seen.read(Table.HOLDING, 100, 2) == [7, 8], "who swaps both ways does not notice"


def test_drift_grows_with_time_and_strikes_flows_only() -> None:
    _, seen, time = faulty("drift", 0.5)
    assert seen.read(Table.HOLDING, 103, 2) == [0xFFFF, 0xFFFE]
    time.now_s = 7200.0
    assert seen.read(Table.HOLDING, 100, 10) == [1, 2, 0x8000, 0xFFFF, 0xFFFC, 3, 4, 5, 6, 7], "-2 became -4"
    assert seen.faults.seen[Word.DRIFT] == 2


def test_clock_jump_strikes_the_devices_clock() -> None:
    _, seen, _ = faulty("clock_jump", -5)
    assert seen.read(Table.HOLDING, 100, 10) == [*Image.WORDS[:9], 2]


def test_a_reboot_is_silent_then_blank_then_over() -> None:
    image, seen, time = faulty("reboot", 20)
    assert image.restarts == 1
    for now_s in (0.0, 19.9):
        time.now_s = now_s
        with pytest.raises(NoAnswer):
            seen.read(Table.HOLDING, 100, 2)
        with pytest.raises(NoAnswer):
            seen.write(100, [1, 2])
    for now_s in (20.0, 20.0 + ZEROS_S - 0.1):
        time.now_s = now_s
        assert seen.read(Table.HOLDING, 100, 10) == [0, 0, 0x8000, 0, 0, 3, 4, 5, 6, 7]
    time.now_s = 20.0 + ZEROS_S
    assert seen.read(Table.HOLDING, 100, 10) == list(Image.WORDS)
    seen.faults.begin("drop")
    seen.faults.end("drop")
    assert image.restarts == 1, "one reboot"
    seen.faults.end("reboot")
    seen.faults.begin("reboot", 1)
    assert image.restarts == 2


def test_without_a_layout_words_stay() -> None:
    class Plain:
        def read(self, table: Table, address: int, count: int) -> list[int]:
            return [1, 2]

        def write(self, address: int, words: Sequence[int]) -> None: ...

        def after(self, dt_s: float) -> None: ...

    faults = Faults()
    seen = FaultyImage(Plain(), faults)
    faults.begin("word_swap")
    assert seen.read(Table.HOLDING, 0, 2) == [1, 2]


@pytest.mark.parametrize(
    ("word", "argument"),
    [
        ("drift", 0),
        ("drift", float("nan")),
        ("delay", float("inf")),
        ("clock_jump", None),
        ("single_connection", None),
        ("single_connection", "share"),
        ("single_connection", 1),
        ("babble", 1),
        ("word_swap", 1),
        ("reboot", -1),
        ("late", "long"),
    ],
)
def test_a_wrong_argument_is_refused(word: str, argument: float | str | None) -> None:
    with pytest.raises(ValueError, match=f"fault {word}: takes"):
        Faults().begin(word, argument)


# The devices' own layouts


def test_the_meters_currents_and_powers_drift_and_nothing_else() -> None:
    terminal = Terminal(power_w=(100.0, 200.0, 300.0), reactive_var=(10.0, 20.0, 30.0))
    terminal.after(3600.0)
    meter, time = Sdm630(terminal), Time()
    faults = Faults(now_s=time)
    seen = FaultyImage(meter, faults)
    faults.begin("drift", 0.1)
    time.now_s = 3600.0
    grew = set()
    for address in (*range(0, 0x50, 2), *range(0x156, 0x17E, 2)):
        (true,) = struct.unpack(">f", struct.pack(">2H", *meter.read(Table.INPUT, address, 2)))
        (shown,) = struct.unpack(">f", struct.pack(">2H", *seen.read(Table.INPUT, address, 2)))
        if shown != true:
            assert shown == pytest.approx(1.1 * true)
            grew.add(address)
    # The paper's table 1.2.1: currents 6-A, powers C-10, VA 12-16, var 18-1C, mean and sum of currents, W, VA, var.
    assert grew == {*range(0x06, 0x1E, 2), 0x2E, 0x30, 0x34, 0x38, 0x3C}


def test_a_blank_meter_shows_no_energy_and_keeps_its_serial_number() -> None:
    terminal = Terminal(power_w=(1000.0, 0.0, 0.0))
    terminal.after(3600.0)
    meter, time = Sdm630(terminal), Time()
    faults = Faults(now_s=time)
    seen = FaultyImage(meter, faults)
    faults.begin("reboot", 1.0)
    time.now_s = 2.0
    assert seen.read(Table.INPUT, 0x48, 2) == [0, 0]
    assert seen.read(Table.HOLDING, 0xFC00, 2) == meter.read(Table.HOLDING, 0xFC00, 2)
    time.now_s = 100.0
    assert tuple(seen.read(Table.INPUT, 0x48, 2)) == float_words(1.0)


@pytest.mark.parametrize(("device", "model", "power"), [("pv", M103, "W"), ("battery", M701, "W")])
def test_a_sunspec_devices_power_is_a_flow_and_its_identity_is_not(device: str, model: object, power: str) -> None:
    image = SimHome(1).images[device]
    natures = {value.address: value.nature for value in image.layout(Table.HOLDING)}  # type: ignore[attr-defined]
    number = 103 if device == "pv" else 701
    energy = "WH" if device == "pv" else "TotWhInj"
    address = image.address  # type: ignore[attr-defined]
    assert natures[address(number, power)] is Nature.FLOW
    assert natures[address(number, "Hz")] is Nature.LEVEL
    assert natures[address(number, energy)] is Nature.COUNT
    assert natures[address(704, "WMaxLimPct")] is Nature.SETTING
    assert address(1, "Mn") not in natures


def test_a_rebooted_inverter_has_forgotten_its_limit() -> None:
    home = SimHome(1)
    image = home.images["pv"]
    start = image.address(704, "WMaxLimPctEna")  # type: ignore[attr-defined]
    image.write(start, [1])
    image.write(start + 1, [100])  # 10 %
    assert home.plant.limit_w == 500.0
    time = Time()
    faults = Faults(now_s=time)
    seen = FaultyImage(image, faults)
    faults.begin("reboot", 5.0)
    assert home.plant.limit_w == 5000.0
    time.now_s = 6.0
    assert seen.read(Table.HOLDING, start, 2) == [0, 1000]


def test_a_rebooted_battery_rests() -> None:
    home = SimHome(1)
    image = home.images["battery"]
    start = image.address(704, "WSetEna")  # type: ignore[attr-defined]
    image.write(start, [1, 1])
    image.write(image.address(704, "WSet"), [0xFFFF, 0xFC18])  # type: ignore[attr-defined]
    assert home.store.request_w == 1000.0
    faults = Faults(now_s=Time())
    FaultyImage(image, faults)
    faults.begin("reboot", 5.0)
    assert home.store.request_w is None
