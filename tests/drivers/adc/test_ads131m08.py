"""The ADS131M08 driver against a simulated chip written from the data sheet, and against frames by hand."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.adc.ads131m08 import FRAME_BYTES, Ads131m08, Channel, Wiring, crc16
from drivers.adc.source import AdcSource
from protocols.faults import BadReply, LinkDown, NoReply, NotApplied, Unsupported
from sim_hardware.devices.ads131m08 import Ads131m08Chip

PINS = {"u1": 0, "u2": 1, "u3": 2, "i1": 3, "i2": 4, "i3": 5, "in": 7}
CHANNELS = {name: Channel(ratio=800.0 if name[0] == "u" else 50.0, gain=1 if name[0] == "u" else 2) for name in PINS}
WIRING = Wiring(PINS, CHANNELS)


def volts(n: int) -> Sequence[float]:
    """At the pins: voltages of 325 V / 800, currents of 7 A / 50, nothing on pin 6."""
    wave = [math.cos(2 * math.pi * 50 * n / WIRING.fs_hz - pin) for pin in range(8)]
    return [wave[pin] * (325 / 800 if pin < 3 else 0.0 if pin == 6 else 7 / 50) for pin in range(8)]


def started(wiring: Wiring = WIRING, **options: Any) -> tuple[Ads131m08, Ads131m08Chip]:
    chip = Ads131m08Chip(volts, **options)
    adc = Ads131m08(chip, wiring)
    adc.start()
    return adc, chip


def test_the_registers_are_those_of_the_data_sheet() -> None:
    channels = {**CHANNELS, "i2": Channel(50.0, gain=16, offset_code=-2, gain_factor=1.5)}
    _, chip = started(Wiring(PINS, channels, osr=256))
    assert chip.register(0x02) == 0x0110  # MODE: the RESET bit cleared, 24-bit words
    assert chip.register(0x03) == 0xFF06  # CLOCK: all channels, OSR 256, high resolution
    assert (chip.register(0x04), chip.register(0x05)) == (0x1000, 0x1014)  # gains 2 on pin 3; 16, 2, 1, 2 on 4 to 7
    assert [chip.register(0x09 + 5 * 4 + k) for k in range(1, 5)] == [0xFFFF, 0xFE00, 0xC000, 0x0000]
    assert [chip.register(0x09 + k) for k in range(1, 5)] == [0, 0, 0x8000, 0]


@pytest.mark.parametrize(("osr", "fs_hz"), [(128, 32_000.0), (256, 16_000.0), (512, 8_000.0), (1024, 4_000.0)])
def test_the_data_rates_are_those_of_the_data_sheet(osr: int, fs_hz: float) -> None:
    assert Wiring(PINS, CHANNELS, osr=osr).fs_hz == fs_hz


def test_samples_come_in_volts_and_amperes_each_of_them_once() -> None:
    adc, chip = started(frames_a_sample=3)
    first = chip.samples
    found = np.concatenate([adc.read(7), adc.read(93)], axis=1)
    assert found.shape == (7, 100)
    true = np.array([volts(n) for n in range(first, first + 100)]).T[[0, 1, 2, 3, 4, 5, 7]]
    ratio = np.array([800.0] * 3 + [50.0] * 4)[:, None]
    assert np.abs(found - true * ratio).max() <= 800 * 1.2 / 2**24 * 1.01


def test_the_chip_takes_off_the_offset_and_multiplies_the_gain() -> None:
    adc, _ = started(Wiring(PINS, {**CHANNELS, "u1": Channel(800.0, offset_code=0x100, gain_factor=0.5)}))
    plain, _ = started()
    code_v = 800 * 1.2 / 2**23
    assert adc.read(50)[0] == pytest.approx((plain.read(50)[0] - 0x100 * code_v) * 0.5, abs=code_v)


def test_a_signal_beyond_the_full_scale_clips() -> None:
    adc = Ads131m08(Ads131m08Chip(lambda n: [2.0 if n % 2 else -2.0] * 8), WIRING)
    adc.start()
    assert sorted(set(adc.read(4)[0])) == pytest.approx([-960.0, 960.0 * (1 - 2**-23)])


@given(st.integers(0, FRAME_BYTES * 8 - 1))
def test_any_bit_that_was_turned_is_found(bit: int) -> None:
    adc, chip = started()
    chip.damage = 1 << bit
    if bit < 8:  # the padding behind the check sum says nothing
        adc.read(1)
        return
    with pytest.raises(BadReply, match="check sum"):
        adc.read(1)


def test_the_check_sum_has_the_check_value_of_its_kind() -> None:
    """CRC-16 with 1021h, seed FFFFh, nothing turned round: 29B1h for the digits 1 to 9 in every catalogue."""
    assert crc16(b"123456789") == 0x29B1


def test_a_chip_that_restarts_is_found_and_can_be_started_again() -> None:
    adc, chip = started()
    adc.read(3)
    chip.reset()
    chip.transfer(bytes(FRAME_BYTES))  # takes the answer to the reset
    with pytest.raises(BadReply, match="has restarted"):
        adc.read(1)
    adc.start()
    assert adc.read(1).shape == (7, 1)


def test_a_chip_without_a_clock_is_found() -> None:
    adc, chip = started()
    chip.stopped = True
    with pytest.raises(NoReply, match="no new data"):
        adc.read(1)


class Wire:
    """A bus without the chip: every byte alike."""

    def __init__(self, byte: int, size: int = FRAME_BYTES) -> None:
        self.answer = bytes([byte]) * size

    def transfer(self, out: bytes) -> bytes:
        return self.answer

    def close(self) -> None:
        pass


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_bus_without_a_chip_is_found(byte: int) -> None:
    with pytest.raises(BadReply, match="check sum"):
        Ads131m08(Wire(byte), WIRING).start()


def test_a_short_answer_is_no_answer() -> None:
    with pytest.raises(LinkDown, match="29 bytes from the bus; 30 were asked for"):
        Ads131m08(Wire(0, 29), WIRING).start()


def test_another_chip_and_a_register_that_does_not_keep_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = Ads131m08Chip(volts)
    adc = Ads131m08(chip, WIRING)
    monkeypatch.setattr(adc, "write_register", lambda address, value: None)
    with pytest.raises(NotApplied, match="register 0x02 reads 0x0510 after 0x0110 was written"):
        adc.start()
    monkeypatch.setattr(adc, "read_register", lambda address: 0x2400)
    with pytest.raises(Unsupported, match="ID register 0x2400"):
        adc.start()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Channel(1.0, gain=3), "gain 3: allowed are 1, 2, 4"),
        (lambda: Channel(1.0, offset_code=1 << 23), "24 bits with sign"),
        (lambda: Channel(1.0, gain_factor=2.0), "0 to below 2"),
        (lambda: Wiring(PINS, CHANNELS, osr=100), "osr 100: allowed are 128"),
        (lambda: Wiring({**PINS, "u2": 0}, CHANNELS), "each channel needs one of its own"),
        (lambda: Wiring({**PINS, "u2": 8}, CHANNELS), "each channel needs one of its own"),
        (lambda: Wiring({"u1": 0}, {"u1": Channel(1.0)}), "u1, u2, u3, i1, i2, i3, and perhaps in, are needed"),
    ],
)
def test_what_the_registers_cannot_hold_is_refused(make: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=said):
        make()


class Clock:
    """A monotonic clock that is turned by hand."""

    now = 0.0

    def now_s(self) -> float:
        return self.now


async def test_a_block_that_took_too_long_is_told_and_not_handed_on() -> None:
    clock = Clock()
    chip = Ads131m08Chip(volts)
    took_s = [0.1]

    async def inline(work: Any, *arguments: Any) -> Any:  # noqa: ANN401
        clock.now += took_s[0] if arguments else 0.0
        return work(*arguments)

    source = AdcSource(Ads131m08(chip, WIRING), clock, 0.1, inline)  # type: ignore[arg-type]
    assert (source.fs_hz, source.currents) == (8000.0, 4)
    assert (await source.read()).shape == (7, 800)
    took_s[0] = 0.15
    with pytest.raises(BadReply, match="about 400 samples lost"):
        await source.read()
    took_s[0] = 0.1
    assert (await source.read()).shape == (7, 800)  # started anew
    chip.stopped = True
    with pytest.raises(NoReply):
        await source.read()
    await source.close()
