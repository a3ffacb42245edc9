"""A P1 port: one DSMR 5.0 telegram a second, in plain text.

Source: Netbeheer Nederland, "P1 Companion Standard", version 5.0.2 (2016): telegram and check sum in chapter 6.2 (CRC16,
        x16+x15+x2+1, no XOR in, no XOR out, least significant bit first, from "/" to "!", as four hexadecimal digits),
        OBIS references and formats in 6.12. Chapters as remembered, the document was not at hand: unverified.
        Order and formats are those of the telegram in tests/vectors/dsmr_v5.txt.
Sign:   two columns, delivered to the client (import, 1.7.0) and by the client (export, 2.7.0), neither ever negative.
Choice: tariff 2 (normal) takes all energy; power failures, sags and swells stay at zero; no gas or water meter.
"""

from collections.abc import Iterator
from typing import Final

from sim_hardware.devices.push_reading import PushReading, central_europe

PERIOD_S: Final = 1.0
BAUD: Final = 115_200
POLYNOMIAL: Final = 0xA001  # x16+x15+x2+1, bit-reversed
# OBIS numbers of the phases L1, L2, L3: voltage, current, power imported, power exported.
PHASES: Final = ((32, 31, 21, 22), (52, 51, 41, 42), (72, 71, 61, 62))


def crc16(data: bytes) -> int:
    """The check sum of a telegram, from "/" to "!"."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    return crc


def closed(text: str) -> bytes:
    """A telegram up to its "!" with its check sum behind it."""
    data = text.encode("ascii")
    return data + f"{crc16(data):04X}\r\n".encode("ascii")


class P1:
    """Encodes readings; `identification` is the maker's three letters, "5" and a type of up to 16 characters."""

    def __init__(self, identification: str = "BSB5SIM-METER", serial: str = "E0001000000000001") -> None:
        if not (5 <= len(identification) <= 20 and identification[3] == "5" and identification.isascii()):
            raise ValueError(f"P1 identification {identification!r}: three letters, a 5, and 1 to 16 characters")
        if not (1 <= len(serial) <= 48 and serial.isascii()):
            raise ValueError(f"P1 serial {serial!r}: 1 to 48 ASCII characters")
        self._identification, self._serial = identification, serial

    def __call__(self, reading: PushReading) -> bytes:
        """The telegram of a reading."""
        return closed(
            f"/{self._identification}\r\n\r\n" + "".join(f"{line}\r\n" for line in self._lines(reading)) + "!"
        )

    def _lines(self, reading: PushReading) -> Iterator[str]:
        local, summer = central_europe(reading.utc)
        yield "1-3:0.2.8(50)"
        yield f"0-0:1.0.0({local:%y%m%d%H%M%S}{'S' if summer else 'W'})"
        yield f"0-0:96.1.1({self._serial.encode('ascii').hex().upper()})"
        yield f"1-0:1.8.1({_kwh(0.0)})"
        yield f"1-0:1.8.2({_kwh(reading.import_wh)})"
        yield f"1-0:2.8.1({_kwh(0.0)})"
        yield f"1-0:2.8.2({_kwh(reading.export_wh)})"
        yield "0-0:96.14.0(0002)"
        yield f"1-0:1.7.0({_kw(reading.total_w)})"
        yield f"1-0:2.7.0({_kw(-reading.total_w)})"
        yield "0-0:96.7.21(00000)"
        yield "0-0:96.7.9(00000)"
        yield "1-0:99.97.0(0)(0-0:96.7.19)"
        yield from (f"1-0:{code}.0(00000)" for code in ("32.32", "52.32", "72.32", "32.36", "52.36", "72.36"))
        yield "0-0:96.13.0()"
        yield from _phase_lines(reading)


def _phase_lines(reading: PushReading) -> Iterator[str]:
    phases = list(zip(PHASES, reading.voltage_v, reading.current_a, reading.power_w, strict=True))
    yield from (f"1-0:{codes[0]}.7.0({_clip(volts, 999.9):05.1f}*V)" for codes, volts, _, _ in phases)
    yield from (f"1-0:{codes[1]}.7.0({_clip(amps, 999.0):03.0f}*A)" for codes, _, amps, _ in phases)
    yield from (f"1-0:{codes[2]}.7.0({_kw(watts)})" for codes, _, _, watts in phases)
    yield from (f"1-0:{codes[3]}.7.0({_kw(-watts)})" for codes, _, _, watts in phases)


def _clip(value: float, most: float) -> float:
    return min(most, max(0.0, value))


def _kw(power_w: float) -> str:
    """F5(3,3): what is negative belongs into the other column."""
    return f"{_clip(power_w / 1000.0, 99.999):06.3f}*kW"


def _kwh(energy_wh: float) -> str:
    """F9(3,3); it rolls over like a mechanical counter."""
    return f"{energy_wh / 1000.0 % 1e6:010.3f}*kWh"
