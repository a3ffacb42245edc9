"""The meter's own Modbus registers, exact where SunSpec's are not; input and holding registers are the same.

Floats of 32 bits from 0 (two words each, highest first; NaN: not known), counters of 64 bits in mWh and mvarh from 1000
(four words each, highest first): import, export, q1 to q4, then import and export of the tariffs 1 to 8.
"""

import struct
from collections.abc import Sequence
from typing import Final

from firmware_py.meter.registers import KINDS, Registers, shown_mwh
from firmware_py.meter.tariff import TARIFF_MOST
from protocols.readings import Measurement

COUNTERS_AT: Final = 1000
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


def _words(raw: bytes) -> list[int]:
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


def within(words: Sequence[int], base: int, address: int, count: int) -> Sequence[int] | None:
    """The part of a block that begins at `base`; None where it is not all in it."""
    first = address - base
    return words[first : first + count] if first >= 0 and first + count <= len(words) else None
