"""The meter's own Modbus registers, exact where SunSpec's are not; input and holding registers are the same.

Floats of 32 bits from 0 (two words each, highest first; NaN: not known), counters of 64 bits in mWh and mvarh from 1000
(four words each, highest first): import, export, q1 to q4, then import and export of the tariffs 1 to 8. From 2000 the
maximum demands of this local month and the twelve before it, import then export: four words each, a float of 32 bits in W
(NaN: none) and the end of its period in s since 1970 as a whole number of 32 bits (0: none).
"""

import struct
from collections.abc import Sequence
from typing import Final

from firmware_py.meter.registers import DIRECTIONS, KINDS, Registers, shown_mwh
from firmware_py.meter.tariff import TARIFF_MOST
from protocols.readings import Measurement

COUNTERS_AT: Final = 1000
DEMAND_AT: Final = 2000
DEMAND_MONTHS: Final = 13
_NAN: Final = float("nan")


def _phases(stem: str, suffix: str) -> tuple[str, ...]:
    return tuple(f"{stem}_l{phase}_{suffix}" for phase in (1, 2, 3))


FLOATS: Final = (
    *_phases("voltage", "v"),
    *_phases("current", "a"),
    *_phases("power", "w"),
    *_phases("reactive_power", "var"),
    *_phases("apparent_power", "va"),
    *_phases("power_factor", "ratio"),
    "power_w",
    "reactive_power_var",
    "apparent_power_va",
    "power_factor_ratio",
    "frequency_hz",
    "current_neutral_a",
)
COUNTERS: Final = (
    *((kind, 0) for kind in KINDS),
    *((kind, tariff) for kind in KINDS[:2] for tariff in range(1, TARIFF_MOST + 1)),
)


def float_words(values: Measurement) -> list[int]:
    """The words from 0 on."""
    numbers = [_NAN if (value := values.get(name)) is None else value for name in FLOATS]
    return _words(struct.pack(f">{len(numbers)}f", *numbers))


def counter_words(state: Registers, digits: int) -> list[int]:
    """The words from 1000 on."""
    counts = [shown_mwh(state.count(kind, tariff), digits) for kind, tariff in COUNTERS]
    return _words(struct.pack(f">{len(counts)}Q", *counts))


def demand_words(state: Registers, month: str) -> list[int]:
    """The words from 2000 on, in a month such as 2026-11."""
    raw = b""
    for each in _months(month):
        for direction in DIRECTIONS:
            peak = state.peaks.get((direction, each))
            raw += (
                struct.pack(">fI", _NAN, 0) if peak is None else struct.pack(">fI", peak.power_w, _second(peak.end_us))
            )
    return _words(raw)


def _months(month: str) -> list[str]:
    """This month and those before it, the newest first."""
    year, number = map(int, month.split("-"))
    counted = [12 * year + number - 1 - back for back in range(DEMAND_MONTHS)]
    return [f"{each // 12:04d}-{each % 12 + 1:02d}" for each in counted]


def _second(at_us: int) -> int:
    return at_us // 1_000_000 & 0xFFFFFFFF


def _words(raw: bytes) -> list[int]:
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


def within(words: Sequence[int], base: int, address: int, count: int) -> Sequence[int] | None:
    """The part of a block that begins at `base`; None where it is not all in it."""
    first = address - base
    return words[first : first + count] if first >= 0 and first + count <= len(words) else None
