"""The telegram that our meter puts on its P1 port: DSMR 5 or e-MUCS, once a second, in plain text.

Source: Netbeheer Nederland, "P1 Companion Standard" 5.0.2, read through dsmr_parser (MIT) and tests/vectors/dsmr_v5.txt; the
        document was not at hand: unverified beyond them. Check sum as in protocols/p1.py. What e-MUCS (Belgium) has besides,
        the maximum demand of the month (1.6.0), of the months before (98.1.0) and the breaker (96.3.10), is as in
        tests/vectors/p1_fluvius.txt and unverified beyond it; so is that DSMR 5 has none of it. The current average demand
        (1.4.0) is left out: how it is counted is not known here.
Sign:   two columns, import (1.7.0) and export (2.7.0), neither ever negative.
Choice: P1 has two tariffs: our tariff 1 is its 1, all others together its 2. Power failures, sags and swells are left out
        rather than told as zero.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from protocols.modbus_rtu import crc16
from protocols.readings import Measurement

BAUD: Final = 115_200
PERIOD_S: Final = 1.0
IDENTIFICATION: Final = "/BSB5METER"
_PHASES: Final = ((1, 32, 31, 21, 22), (2, 52, 51, 41, 42), (3, 72, 71, 61, 62))


@dataclass(frozen=True, slots=True)
class Demand:
    """The largest mean power of imports in a month, W, and when its period ended (local, aware)."""

    power_w: float
    end: datetime


@dataclass(frozen=True, slots=True)
class Emucs:
    """What an e-MUCS telegram says besides.

    `months`: those before this one, the oldest first, each with the local moment at which it was over; `breaker`: 0
    disconnected, 1 connected, 2 ready for reconnection (None: there is none).
    """

    this_month: Demand | None = None
    months: Sequence[tuple[datetime, Demand]] = ()
    breaker: int | None = None


def p1_telegram(serial: str, local: datetime, values: Measurement, emucs: Emucs | None = None) -> bytes:
    """The telegram of some values at a local time (aware; summer time shows in it); a value that is not there has no line."""
    lines = [IDENTIFICATION, "", *_lines(serial, local, values, emucs), "!"]
    data = "\r\n".join(lines).encode("ascii", "replace")
    return data + b"%04X\r\n" % crc16(data, 0)


def _lines(serial: str, local: datetime, values: Measurement, emucs: Emucs | None) -> Iterator[str]:
    yield "1-3:0.2.8(50)" if emucs is None else "0-0:96.1.4(50217)"
    yield f"0-0:1.0.0({_moment(local)})"
    yield f"0-0:96.1.1({serial.encode('ascii', 'replace').hex().upper()})"
    for code, name in ((1, "import"), (2, "export")):
        total_wh, first_wh = values.get(f"energy_{name}_wh"), values.get(f"energy_{name}_t1_wh")
        if total_wh is not None:
            low_wh = 0.0 if first_wh is None else first_wh
            yield f"1-0:{code}.8.1({_kwh(low_wh)})"
            yield f"1-0:{code}.8.2({_kwh(total_wh - low_wh)})"
    if emucs is not None:
        yield from _demands(emucs)
    yield from _powers("1-0:1", "1-0:2", values.get("power_w"))
    for phase, volt, ampere, inward, outward in _PHASES:
        voltage_v, current_a = values.get(f"voltage_l{phase}_v"), values.get(f"current_l{phase}_a")
        if voltage_v is not None:
            yield f"1-0:{volt}.7.0({_within(voltage_v, 999.9):05.1f}*V)"
        if current_a is not None:
            yield f"1-0:{ampere}.7.0({_within(abs(current_a), 999.0):03.0f}*A)"
        yield from _powers(f"1-0:{inward}", f"1-0:{outward}", values.get(f"power_l{phase}_w"))


def _demands(emucs: Emucs) -> Iterator[str]:
    if emucs.this_month is not None:
        yield f"1-0:1.6.0({_moment(emucs.this_month.end)})({_kw(emucs.this_month.power_w)})"
    months = "".join(f"({_moment(over)})({_moment(each.end)})({_kw(each.power_w)})" for over, each in emucs.months)
    if months:
        yield f"0-0:98.1.0({len(emucs.months)})(1-0:1.6.0)(1-0:1.6.0){months}"
    if emucs.breaker is not None:
        yield f"0-0:96.3.10({emucs.breaker})"


def _moment(local: datetime) -> str:
    return f"{local:%y%m%d%H%M%S}{'S' if local.dst() else 'W'}"


def _kw(power_w: float) -> str:
    return f"{_within(power_w / 1000.0, 99.999):06.3f}*kW"


def _powers(inward: str, outward: str, power_w: float | None) -> Iterator[str]:
    if power_w is not None:
        yield f"{inward}.7.0({_kw(power_w)})"
        yield f"{outward}.7.0({_kw(-power_w)})"


def _within(value: float, most: float) -> float:
    return min(most, max(0.0, value))


def _kwh(energy_wh: float) -> str:
    """F9(3,3), cut off like every register; it rolls over like a mechanical counter."""
    whole_wh = int(energy_wh) % 10**9
    return f"{whole_wh // 1000:06d}.{whole_wh % 1000:03d}*kWh"
