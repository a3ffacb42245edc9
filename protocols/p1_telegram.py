"""The telegram that our meter puts on its P1 port: DSMR 5, once a second, in plain text.

Source: Netbeheer Nederland, "P1 Companion Standard" 5.0.2, read through dsmr_parser (MIT) and tests/vectors/dsmr_v5.txt; the
        document was not at hand: unverified beyond them. Check sum as in protocols/p1.py.
Sign:   two columns, import (1.7.0) and export (2.7.0), neither ever negative.
Choice: P1 has two tariffs: our tariff 1 is its 1, all others together its 2. Power failures, sags and swells are left out
        rather than told as zero.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from protocols.modbus_rtu import crc16
from protocols.readings import Measurement

BAUD: Final = 115_200
PERIOD_S: Final = 1.0
IDENTIFICATION: Final = "/BSB5METER"
_PHASES: Final = ((1, 32, 31, 21, 22), (2, 52, 51, 41, 42), (3, 72, 71, 61, 62))


def p1_telegram(serial: str, local: datetime, values: Measurement) -> bytes:
    """The telegram of some values at a local time (aware; summer time shows in it); a value that is not there has no line."""
    lines = [IDENTIFICATION, "", *_lines(serial, local, values), "!"]
    data = "\r\n".join(lines).encode("ascii", "replace")
    return data + b"%04X\r\n" % crc16(data, 0)


def _lines(serial: str, local: datetime, values: Measurement) -> Iterator[str]:
    yield "1-3:0.2.8(50)"
    yield f"0-0:1.0.0({local:%y%m%d%H%M%S}{'S' if local.dst() else 'W'})"
    yield f"0-0:96.1.1({serial.encode('ascii', 'replace').hex().upper()})"
    for code, name in ((1, "import"), (2, "export")):
        total_wh, first_wh = values.get(f"energy_{name}_wh"), values.get(f"energy_{name}_t1_wh")
        if total_wh is not None:
            low_wh = 0.0 if first_wh is None else first_wh
            yield f"1-0:{code}.8.1({_kwh(low_wh)})"
            yield f"1-0:{code}.8.2({_kwh(total_wh - low_wh)})"
    yield from _powers("1-0:1", "1-0:2", values.get("power_w"))
    for phase, volt, ampere, inward, outward in _PHASES:
        voltage_v, current_a = values.get(f"voltage_l{phase}_v"), values.get(f"current_l{phase}_a")
        if voltage_v is not None:
            yield f"1-0:{volt}.7.0({_within(voltage_v, 999.9):05.1f}*V)"
        if current_a is not None:
            yield f"1-0:{ampere}.7.0({_within(abs(current_a), 999.0):03.0f}*A)"
        yield from _powers(f"1-0:{inward}", f"1-0:{outward}", values.get(f"power_l{phase}_w"))


def _powers(inward: str, outward: str, power_w: float | None) -> Iterator[str]:
    if power_w is not None:
        yield f"{inward}.7.0({_within(power_w / 1000.0, 99.999):06.3f}*kW)"
        yield f"{outward}.7.0({_within(-power_w / 1000.0, 99.999):06.3f}*kW)"


def _within(value: float, most: float) -> float:
    return min(most, max(0.0, value))


def _kwh(energy_wh: float) -> str:
    """F9(3,3), cut off like every register; it rolls over like a mechanical counter."""
    whole_wh = int(energy_wh) % 10**9
    return f"{whole_wh // 1000:06d}.{whole_wh % 1000:03d}*kWh"
