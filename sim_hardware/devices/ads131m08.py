"""A simulated ADS131M08 behind its SPI pins, written from the data sheet and not from the driver.

Source: SBAS950B: register map (table 8-12), data format, DRDY bits; commands as in drivers/adc/ads131m08.py; SBASAE8 8.3.12.
Time:   `sample()` is one data rate period: what was not fetched by then is gone.
"""

from collections.abc import Callable, Sequence
from typing import Final

_RESET_VALUES: Final = {0x00: 0x2800, 0x01: 0x0500, 0x02: 0x0510, 0x03: 0xFF0E, 0x06: 0x0600}
_READ_ONLY: Final = (0x00, 0x01)
_REGISTERS: Final = 0x40
_STATUS, _MODE, _CLOCK, _GAIN1 = 0x01, 0x02, 0x03, 0x04


class Ads131m08Chip:
    """The chip: `volts(n)` gives the eight input voltages of sample n."""

    def __init__(self, volts: Callable[[int], Sequence[float]], *, frames_a_sample: int = 2) -> None:
        self._volts = volts
        self._frames_a_sample = frames_a_sample
        self._registers = [0] * _REGISTERS
        self._answer = 0
        self._codes = [0] * 8
        self._fresh = False
        self._frames = 0
        self.samples = 0
        self.stopped = False
        self.damage = 0
        self.reset()

    def reset(self) -> None:
        """As after power-up: every register at its reset value."""
        self._registers = [_RESET_VALUES.get(address, 0) for address in range(_REGISTERS)]
        for channel in range(8):
            self._registers[0x0C + 5 * channel] = 0x8000
        self._answer = 0xFF28
        self._fresh = False

    def sample(self) -> None:
        """A data rate period is over: new codes, whether the old ones were fetched or not."""
        if self.stopped:
            return
        volts = self._volts(self.samples)
        self._codes = [self._convert(channel, volts[channel]) for channel in range(8)]
        self.samples += 1
        self._fresh = True

    def transfer(self, out: bytes) -> bytes:
        """One frame of ten 24-bit words; a sample period passes with every so many frames."""
        self._frames += 1
        if self._frames % self._frames_a_sample == 0:
            self.sample()
        words = [self._word(self._first()), *(code.to_bytes(3, "big") for code in self._codes)]
        body = b"".join(words)
        answer = body + self._word(_crc(body))
        self._fresh = False
        self._command(out)
        if self.damage:
            spoilt = int.from_bytes(answer, "big") ^ self.damage
            answer, self.damage = spoilt.to_bytes(30, "big"), 0
        return answer

    def close(self) -> None:
        """A chip has nothing to close."""

    def register(self, address: int) -> int:
        """What stands in a register, for tests."""
        return self._registers[address]

    @staticmethod
    def _word(value: int) -> bytes:
        return value.to_bytes(2, "big") + b"\0"

    def _first(self) -> int:
        answer, self._answer = self._answer, -1
        if answer >= 0:
            return answer
        reset = self._registers[_MODE] & 0x0400
        return 0x0100 | reset | (0xFF if self._fresh else 0)

    def _command(self, out: bytes) -> None:
        command = int.from_bytes(out[:2], "big")
        kind, address, more = command >> 13, command >> 7 & 0x3F, command & 0x7F
        if command == 0x0011 and len(out) == 30:
            self.reset()
        elif kind == 0b101 and more == 0:
            self._answer = self._registers[address]
        elif kind == 0b011:
            for place in range(more + 1):
                if address + place not in _READ_ONLY:
                    at = 3 * (1 + place)
                    self._registers[address + place] = int.from_bytes(out[at : at + 2], "big")
            self._answer = 0x4000 | address << 7 | more

    def _convert(self, channel: int, volts: float) -> int:
        """The 24-bit code, two's complement, as it stands in the frame."""
        if not self._registers[_CLOCK] >> (8 + channel) & 1:
            return 0
        gain = 1 << (self._registers[_GAIN1 + channel // 4] >> 4 * (channel % 4) & 7)
        code = _clipped(round(volts * gain / 1.2 * 2**23))
        first = 0x0A + 5 * channel
        offset = self._registers[first] << 8 | self._registers[first + 1] >> 8
        factor = self._registers[first + 2] << 8 | self._registers[first + 3] >> 8
        offset -= (offset & 0x800000) << 1
        return _clipped(round((code - offset) * factor / 2**23)) & 0xFFFFFF


def _clipped(code: int) -> int:
    return max(-(2**23), min(2**23 - 1, code))


def _crc(body: bytes) -> int:
    """Polynomial division bit by bit, as the data sheet draws it."""
    register = 0xFFFF
    for byte in body:
        for bit in range(7, -1, -1):
            feedback = (register >> 15) ^ (byte >> bit & 1)
            register = (register << 1 & 0xFFFF) ^ (0x1021 if feedback else 0)
    return register
