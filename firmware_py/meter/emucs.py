"""What a Belgian P1 telegram says of a meter besides its readings: maximum demands, and the breaker."""

from datetime import datetime, tzinfo
from typing import Final

from controller.disconnect import Control
from firmware_py.meter.registers import IMPORT, Peak, Registers
from firmware_py.meter.tariff import utc_of
from protocols.p1_telegram import Demand, Emucs

# As DLMS numbers the states of a disconnect control.
_BREAKER: Final = {Control.DISCONNECTED: 0, Control.CONNECTED: 1, Control.READY: 2}


def emucs_of(state: Registers, month: str, zone: tzinfo, control: Control | None) -> Emucs:
    """In a local month such as 2026-11; `control` None: the meter has no relay."""
    peaks = {each: peak for (direction, each), peak in sorted(state.peaks.items()) if direction == IMPORT}
    before = [(_over(each, zone), _demand(peak, zone)) for each, peak in peaks.items() if each < month]
    this = peaks.get(month)
    breaker = None if control is None else _BREAKER[control]
    return Emucs(None if this is None else _demand(this, zone), before, breaker)


def _demand(peak: Peak, zone: tzinfo) -> Demand:
    return Demand(peak.power_w, utc_of(peak.end_us).astimezone(zone))


def _over(month: str, zone: tzinfo) -> datetime:
    """The first moment of the month that follows."""
    year, number = map(int, month.split("-"))
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
