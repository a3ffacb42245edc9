"""A meter of IEC 62056-21 mode C: what it says when it is asked, and a data block of present values.

Source: IEC 62056-21 (2002): request `/?!`, identification, acknowledgement `ACK 0 Z 0`, block between STX and ETX with a
        block check character; 7 data bits, even parity. The paper was not at hand; written from the telegrams of an
        EasyMeter in tests/vectors/ and from memory: unverified.
Sign:   1.7.0 import and 2.7.0 export, neither ever negative.
"""

from collections.abc import Iterator
from typing import Final

from sim_hardware.devices.push_reading import PushReading

FIRST_BAUD: Final = 300
FIGURES: Final = {300: "0", 600: "1", 1200: "2", 2400: "3", 4800: "4", 9600: "5", 19200: "6"}
REQUEST: Final = b"/?!\r\n"


def even(text: bytes) -> bytes:
    """Seven bits and a parity bit that makes the ones an even number."""
    return bytes(byte | (0x80 if byte.bit_count() % 2 else 0) for byte in text)


def checked(data: bytes) -> bytes:
    """The data block: STX, data, ETX, and the exclusive or of all but STX."""
    check = 0
    for byte in data + b"\x03":
        check ^= byte
    return b"\x02" + data + b"\x03" + bytes((check,))


class Iec62056:
    """Encodes readings; `baud` is the rate it offers."""

    def __init__(self, *, maker: str = "BSB", model: str = "SIM-C", serial: str = "00000001", baud: int = 9600) -> None:
        if baud not in FIGURES:
            raise ValueError(f"IEC 62056-21 baud {baud}: allowed are {', '.join(map(str, FIGURES))}")
        self._maker, self._model, self._serial, self.baud = maker, model, serial, baud

    @property
    def identification(self) -> bytes:
        """What it answers to a request."""
        return f"/{self._maker}{FIGURES[self.baud]}{self._model}\r\n".encode("ascii")

    def acknowledged(self, text: bytes) -> int | None:
        """The rate that an acknowledgement asks for; None where it is none."""
        rates = {f"\x060{FIGURES[baud]}0\r\n".encode("ascii"): baud for baud in {FIRST_BAUD, self.baud}}
        return rates.get(text)

    def __call__(self, reading: PushReading) -> bytes:
        """The data block of a reading."""
        return checked(("".join(f"{line}\r\n" for line in self._lines(reading)) + "!\r\n").encode("ascii"))

    def _lines(self, reading: PushReading) -> Iterator[str]:
        yield f"F.F(00000000)\r\n0.0.0({self._serial})"
        yield f"1.8.0({reading.import_wh / 1000.0 % 1e6:010.3f}*kWh)"
        yield f"1.8.0*01({reading.import_wh / 2000.0 % 1e6:010.3f}*kWh)"  # the last billing period
        yield f"2.8.0({reading.export_wh / 1000.0 % 1e6:010.3f}*kWh)"
        yield f"1.7.0({max(0.0, reading.total_w) / 1000.0:07.3f}*kW)"
        yield f"2.7.0({max(0.0, -reading.total_w) / 1000.0:07.3f}*kW)"
        for phase, volts in enumerate(reading.voltage_v):
            yield f"{32 + 20 * phase}.7.0({volts:05.1f}*V)"
