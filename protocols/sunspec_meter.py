"""What our meter shows as SunSpec registers: models 1, 203 (integers) and 213 (floats) behind "SunS".

Source: model_1, 203 and 213 .json (SunSpec, Apache-2.0) as shipped with pysunspec2 1.3.7.
Sign:   W, VAR and PF as inside: positive = imported, absorbed; the models do not say it (unverified). Export and Import of
        the energies are theirs. Reactive energies: Q1 and Q2 absorbed, Q3 and Q4 delivered.
Energy: 203 counts whole Wh and starts again at 2**32 of them; 213 is a float of 24 bits, good to 1 Wh up to 16 MWh.
"""

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

BASE: Final = 40000
_SUNS: Final = (0x5375, 0x6E53)
_END: Final = (0xFFFF, 0)
_INT16_ABSENT: Final = 0x8000
_NAN: Final = (0x7FC0, 0x0000)

# Decimal places of the integers of model 203; a point that does not fit is not there rather than wrong.
_A, _V, _HZ, _W, _VA, _VAR, _PF = -2, -1, -2, 0, 0, 0, -2
_PHASES: Final = ("l1", "l2", "l3")
_REGISTERS: Final = ("energy_export_wh", "energy_import_wh")
_QUADRANTS: Final = ("q1", "q2", "q3", "q4")

Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the meter is."""

    maker: str
    model: str
    version: str
    serial: str


def sunspec_words(identity: Identity, values: Values, unit: int) -> list[int]:
    """All registers from BASE on, ready to be read; a value that is not there reads "not implemented"."""
    blocks = [(1, _common(identity, unit)), (203, list(_integers(values))), (213, list(_floats(values)))]
    words = list(_SUNS)
    for model, block in blocks:
        words += [model, len(block), *block]
    return [*words, *_END]


def _common(identity: Identity, unit: int) -> list[int]:
    return [
        *_text(identity.maker, 16),
        *_text(identity.model, 16),
        *_text("", 8),
        *_text(identity.version, 8),
        *_text(identity.serial, 16),
        unit,
        0x8000,
    ]


def _text(text: str, words: int) -> Sequence[int]:
    return struct.unpack(f">{words}H", text.encode("ascii", "replace")[: 2 * words].ljust(2 * words, b"\0"))


def _phased(stem: str, suffix: str) -> list[str]:
    return [f"{stem}_{phase}_{suffix}" for phase in _PHASES]


def _integers(values: Values) -> Iterator[int]:
    """Model 203 behind its length."""

    def some(names: Sequence[str], places: int, factor: float = 1.0) -> Iterator[int]:
        for name in names:
            yield _int16(_times(values.get(name), factor), places)

    yield from some(["current_a", *_phased("current", "a")], _A)
    yield _A & 0xFFFF
    yield _int16(_mean(values, _phased("voltage", "v")), _V)
    yield from some(_phased("voltage", "v"), _V)
    yield _int16(_mean(values, _between()), _V)
    yield from some(_between(), _V)
    yield _V & 0xFFFF
    yield from some(["frequency_hz"], _HZ)
    yield _HZ & 0xFFFF
    yield from some(["power_w", *_phased("power", "w")], _W)
    yield _W
    yield from some(["apparent_power_va", *_phased("apparent_power", "va")], _VA)
    yield _VA
    yield from some(["reactive_power_var", *_phased("reactive_power", "var")], _VAR)
    yield _VAR
    yield from some(["power_factor_ratio", *_phased("power_factor", "ratio")], _PF, 100.0)
    yield _PF & 0xFFFF
    for register in _REGISTERS:
        yield from _acc32(values.get(register))
        yield from (0,) * 6
    yield 0
    yield from (0,) * 16
    yield _INT16_ABSENT
    for quadrant in _QUADRANTS:
        yield from _acc32(values.get(f"energy_reactive_{quadrant}_varh"))
        yield from (0,) * 6
    yield 0
    yield from (0, 0)


def _floats(values: Values) -> Iterator[int]:
    """Model 213 behind its length."""
    yield from _float32s(values, ["current_a", *_phased("current", "a")])
    yield from _float32(_mean(values, _phased("voltage", "v")))
    yield from _float32s(values, _phased("voltage", "v"))
    yield from _float32(_mean(values, _between()))
    yield from _float32s(values, [*_between(), "frequency_hz", "power_w", *_phased("power", "w")])
    yield from _float32s(values, ["apparent_power_va", *_phased("apparent_power", "va")])
    yield from _float32s(values, ["reactive_power_var", *_phased("reactive_power", "var")])
    yield from _float32s(values, ["power_factor_ratio", *_phased("power_factor", "ratio")])
    for register in _REGISTERS:
        yield from _float32(values.get(register))
        yield from _NAN * 3
    yield from _NAN * 8
    for quadrant in _QUADRANTS:
        yield from _float32(values.get(f"energy_reactive_{quadrant}_varh"))
        yield from _NAN * 3
    yield from (0, 0)


def _between() -> list[str]:
    return ["voltage_l1_l2_v", "voltage_l2_l3_v", "voltage_l3_l1_v"]


def _mean(values: Values, names: Sequence[str]) -> float | None:
    known = [value for name in names if (value := values.get(name)) is not None]
    return math.fsum(known) / len(known) if len(known) == len(names) else None


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _int16(value: float | None, places: int) -> int:
    if value is None or not math.isfinite(value):
        return _INT16_ABSENT
    raw = round(value * 10**-places)
    return raw & 0xFFFF if -0x7FFF <= raw <= 0x7FFF else _INT16_ABSENT


def _acc32(value: float | None) -> tuple[int, int]:
    raw = 0 if value is None else int(value) % 2**32
    return raw >> 16, raw & 0xFFFF


def _float32s(values: Values, names: Sequence[str]) -> Iterator[int]:
    for name in names:
        yield from _float32(values.get(name))


def _float32(value: float | None) -> Sequence[int]:
    return _NAN if value is None else struct.unpack(">2H", struct.pack(">f", value))
