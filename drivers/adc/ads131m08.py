"""Texas Instruments ADS131M08, eight simultaneous 24-bit delta-sigma converters on SPI.

Source: data sheet SBAS950B (October 2019, revised February 2021): register map (table 8-12), full scale 1.2 V / gain,
        the DRDY bits of STATUS; SBASAE8 (the same part for cars) 8.3.12 for the CRC; the command words of table 8-11 as
        they stand in the sheets of the M03, M04 and M06; codes of OSR and PGAGAIN in TI's header file for the M0x;
        GCAL as an unsigned 24-bit number of 2**-23, by TI in its forum (thread 1290072).
Sign:   as wired: a channel that counts the other way has a negative `ratio`.
Frames: ten words of 24 bits: the answer to the command of the frame before, eight channels, a CRC-16 (CCITT, seed FFFFh)
        over the nine words; 16-bit contents stand in the upper bits. NULL answers STATUS, whose DRDY bits tell new data
        from old, so that no line for DRDY is needed.
Unused: the CRC of the input (what was written is read back instead), the phase registers (phase is corrected in
        software), global chop, current detection, the two-deep FIFO: none of their descriptions could be read here.
"""

import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.faults import BadReply, LinkDown, NoReply, NotApplied, Unsupported
from protocols.samples import CHANNELS, Samples

CHANNEL_COUNT: Final = 8
WORD_BYTES: Final = 3
FRAME_WORDS: Final = 2 + CHANNEL_COUNT
FRAME_BYTES: Final = FRAME_WORDS * WORD_BYTES
REFERENCE_V: Final = 1.2
CLKIN_HZ: Final = 8_192_000.0

NULL, RESET = 0x0000, 0x0011
RREG, WREG = 0xA000, 0x6000
ID, STATUS, MODE, CLOCK, GAIN1, GAIN2 = range(6)
CH0_CFG: Final = 0x09
REGISTERS_A_CHANNEL: Final = 5
GCAL_ONE: Final = 0x800000

STATUS_LOCK, STATUS_RESET, STATUS_DRDY = 0x8000, 0x0400, 0x00FF
# 24-bit words, SPI time-out on, DRDY held low until it is read; the RESET bit is cleared by writing it.
MODE_SET: Final = 0x0110
OSR_CODES: Final = {128: 0, 256: 1, 512: 2, 1024: 3, 2048: 4, 4096: 5, 8192: 6}
GAIN_CODES: Final = {1: 0, 2: 1, 4: 2, 8: 3, 16: 4, 32: 5, 64: 6, 128: 7}
HIGH_RESOLUTION: Final = 2
# Frames without new data after which the converter is taken for dead: some sample periods at any speed of the bus.
_SILENT_FRAMES: Final = 5_000


class SpiPort(Protocol):
    """An SPI bus with one chip on it: mode 1, most significant bit first."""

    def transfer(self, out: bytes) -> bytes:
        """One frame, chip select low for all of it: as many bytes in as out; LinkDown where the bus is gone."""
        ...

    def close(self) -> None:
        """Let go of the bus."""
        ...


@dataclass(frozen=True, slots=True)
class Channel:
    """One input of the converter: V or A of the grid for each volt at the pins, and the converter's own settings.

    `offset_code` is subtracted and `gain_factor` (0 to 2) multiplied by the converter (OCAL, GCAL).
    """

    ratio: float
    gain: int = 1
    offset_code: int = 0
    gain_factor: float = 1.0

    def __post_init__(self) -> None:
        """ValueError for what the registers cannot hold."""
        if self.gain not in GAIN_CODES:
            raise ValueError(f"gain {self.gain}: allowed are {', '.join(map(str, GAIN_CODES))}")
        if not -0x800000 <= self.offset_code <= 0x7FFFFF:
            raise ValueError(f"offset_code {self.offset_code}: 24 bits with sign are allowed")
        if not 0.0 <= self.gain_factor < 2.0:
            raise ValueError(f"gain_factor {self.gain_factor:g}: 0 to below 2 is allowed")

    @property
    def per_code(self) -> float:
        """V or A of the grid for one code."""
        return self.ratio * REFERENCE_V / self.gain / 2**23


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which pins (0 to 7) measure what, by channel (`u1` … `i3`, perhaps `in`), and how fast."""

    pins: dict[str, int]
    channels: dict[str, Channel]
    osr: int = 512
    clkin_hz: float = CLKIN_HZ
    order: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """ValueError where a channel is missing, unknown or on another one's pin."""
        order = CHANNELS if "in" in self.pins else CHANNELS[:-1]
        if set(self.pins) != set(order) or set(self.channels) != set(order):
            raise ValueError(f"channels {', '.join(self.pins)}: {', '.join(CHANNELS[:-1])}, and perhaps in, are needed")
        if len(set(self.pins.values())) != len(order) or not all(
            0 <= pin < CHANNEL_COUNT for pin in self.pins.values()
        ):
            raise ValueError(f"pins {sorted(self.pins.values())}: each channel needs one of its own, 0 to 7")
        if self.osr not in OSR_CODES:
            raise ValueError(f"osr {self.osr}: allowed are {', '.join(map(str, OSR_CODES))}")
        object.__setattr__(self, "order", order)

    @property
    def fs_hz(self) -> float:
        """Samples a second: the modulator runs at half of the clock."""
        return self.clkin_hz / 2.0 / self.osr


class Ads131m08:
    """The converter; everything blocks for as long as the bus needs."""

    def __init__(self, port: SpiPort, wiring: Wiring) -> None:
        self.wiring = wiring
        self._port = port
        rows = [wiring.pins[name] for name in wiring.order]
        self._rows = np.array(rows)
        self._scale = np.array([wiring.channels[name].per_code for name in wiring.order])[:, None]

    def start(self) -> None:
        """Reset and configure; NotApplied where a register reads back as something else."""
        self._port.transfer(_frame(RESET))
        found = self.read_register(ID)
        if found >> 8 != 0x28:
            raise Unsupported(f"ADS131M08: ID register {found:#06x}: 0x28xx is allowed; is it another chip, or none?")
        for address, value in self._settings():
            self.write_register(address, value)
            back = self.read_register(address)
            if back != value:
                raise NotApplied(f"ADS131M08: register {address:#04x} reads {back:#06x} after {value:#06x} was written")

    def read(self, count: int) -> Samples:
        """The next samples, in V and A, a row a channel.

        BadReply: a frame was damaged or the chip has restarted (`start` again), samples are lost. NoReply: no new data.
        """
        null, frames, silent = _frame(NULL), list[bytes](), 0
        while len(frames) < count:
            status, frame = self._frame(null)
            if status & STATUS_RESET:
                raise BadReply("ADS131M08: has restarted; its settings are gone")
            if status & STATUS_DRDY != STATUS_DRDY:
                silent += 1
                if silent > _SILENT_FRAMES:
                    raise NoReply(f"ADS131M08: no new data in {silent} frames; is its clock running?")
                continue
            frames.append(frame)
            silent = 0
        scaled: Samples = _codes(frames)[self._rows] * self._scale
        return scaled

    def read_register(self, address: int) -> int:
        """One register; the answer comes with the next frame."""
        self._frame(_frame(RREG | address << 7))
        return self._frame(_frame(NULL))[0]

    def write_register(self, address: int, value: int) -> None:
        """One register; it is up to the caller to read it back."""
        self._frame(_frame(WREG | address << 7, value))

    def close(self) -> None:
        """Let go of the bus."""
        self._port.close()

    def _settings(self) -> list[tuple[int, int]]:
        wiring = self.wiring
        gains = [0] * CHANNEL_COUNT
        told = []
        for name in wiring.order:
            pin, channel = wiring.pins[name], wiring.channels[name]
            gains[pin] = GAIN_CODES[channel.gain]
            first = CH0_CFG + REGISTERS_A_CHANNEL * pin + 1
            for at, number in ((0, channel.offset_code & 0xFFFFFF), (2, round(channel.gain_factor * GCAL_ONE))):
                told += [(first + at, number >> 8), (first + at + 1, (number & 0xFF) << 8)]
        # All eight run, so that the DRDY bits are always all or none.
        clock = 0xFF00 | OSR_CODES[wiring.osr] << 2 | HIGH_RESOLUTION
        return [(MODE, MODE_SET), (CLOCK, clock), (GAIN1, _packed(gains[:4])), (GAIN2, _packed(gains[4:])), *told]

    def _frame(self, out: bytes) -> tuple[int, bytes]:
        """Its first word and all of it."""
        answer = self._port.transfer(out)
        if len(answer) != FRAME_BYTES:
            raise LinkDown(f"ADS131M08: {len(answer)} bytes from the bus; {FRAME_BYTES} were asked for")
        told = struct.unpack_from(">H", answer, FRAME_BYTES - WORD_BYTES)[0]
        if (made := crc16(answer[: FRAME_BYTES - WORD_BYTES])) != told:
            raise BadReply(f"ADS131M08: a frame with the check sum {told:#06x} where {made:#06x} should be")
        return struct.unpack_from(">H", answer)[0], answer


def crc16(data: bytes) -> int:
    """CRC-16 CCITT (x16 + x12 + x5 + 1), seed FFFFh, most significant bit first."""
    return binascii.crc_hqx(data, 0xFFFF)


def _frame(*words: int) -> bytes:
    """A frame that begins with these 16-bit words, each in the upper bits of a 24-bit one."""
    return b"".join(struct.pack(">Hx", word) for word in words).ljust(FRAME_BYTES, b"\0")


def _packed(gains: Sequence[int]) -> int:
    return sum(code << 4 * place for place, code in enumerate(gains))


def _codes(frames: Sequence[bytes]) -> NDArray[np.int32]:
    """The eight 24-bit numbers with sign of each frame, a column a frame."""
    words = np.frombuffer(b"".join(frames), np.uint8).reshape(len(frames), FRAME_WORDS, WORD_BYTES)
    four = np.zeros((len(frames), CHANNEL_COUNT, 4), np.uint8)
    four[:, :, :3] = words[:, 1:-1]  # as the upper bytes, so that the sign comes by itself
    codes: NDArray[np.int32] = four.view(">i4")[:, :, 0].T.astype(np.int32) >> 8
    return codes
