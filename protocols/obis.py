"""From OBIS registers to our quantities, for every protocol of meters that talk by themselves.

Source: OBIS identification, IEC 62056-61 (value groups C.D.E; C: 1/2 active power in and out, 3/4 reactive, 16 their
        balance; 20 more for each phase; 31/32 current and voltage; 14 frequency). Units: DLMS UA Blue Book, enumerated
        units. The papers were not at hand: unverified beyond the captures in tests/vectors/.
Sign:   C=1 (import) minus C=2 (export), and C=3 minus C=4, are positive when consumed or absorbed, as inside.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from protocols.readings import Measurement


@dataclass(frozen=True, slots=True)
class Register:
    """One value of a telegram: its code C.D.E (such as 1.7.0), the number as it was written, and its unit's symbol."""

    code: str
    value: Decimal
    unit: str


# Symbol to the SI symbol that quantities are in, and the power of ten between them.
_UNITS: Final = {
    "W": ("W", 0),
    "kW": ("W", 3),
    "Wh": ("Wh", 0),
    "kWh": ("Wh", 3),
    "MWh": ("Wh", 6),
    "var": ("var", 0),
    "kvar": ("var", 3),
    "V": ("V", 0),
    "A": ("A", 0),
    "Hz": ("Hz", 0),
}
# Blue Book, enumerated units; others than these are no business of ours.
ENUMERATED: Final[Mapping[int, str]] = {27: "W", 29: "var", 30: "Wh", 33: "A", 35: "V", 44: "Hz"}

_PLAIN: Final = {
    "14.7.0": ("frequency_hz", "Hz"),
    **{f"{31 + 20 * phase}.7.0": (f"current_l{phase + 1}_a", "A") for phase in range(3)},
    **{f"{32 + 20 * phase}.7.0": (f"voltage_l{phase + 1}_v", "V") for phase in range(3)},
}
# Quantity to its unit, the code of the balance, and the codes of what flows in and out.
_BALANCES: Final = {
    "power_w": ("W", "16.7.0", "1.7.0", "2.7.0"),
    "reactive_power_var": ("var", "", "3.7.0", "4.7.0"),
    **{f"power_l{n + 1}_w": ("W", f"{36 + 20 * n}.7.0", f"{21 + 20 * n}.7.0", f"{22 + 20 * n}.7.0") for n in range(3)},
    **{f"reactive_power_l{n + 1}_var": ("var", "", f"{23 + 20 * n}.7.0", f"{24 + 20 * n}.7.0") for n in range(3)},
}
_COUNTERS: Final = {"energy_import_wh": "1.8", "energy_export_wh": "2.8"}
_TARIFFS: Final = (1, 2, 3, 4)

# What `measurement` may find.
QUANTITIES: Final = (*(name for name, _ in _PLAIN.values()), *_BALANCES, *_COUNTERS)

KNOWN: Final = frozenset(
    {
        *_PLAIN,
        *(code for _, *codes in _BALANCES.values() for code in codes if code),
        *(f"{counter}.{tariff}" for counter in _COUNTERS.values() for tariff in (0, *_TARIFFS)),
    }
)


def measurement(registers: Iterable[Register]) -> Measurement:
    """Our quantities out of registers; what none of them tells is left out, and so is what has a unit of another kind.

    A power of which only one direction is told is taken as it stands: such meters have no other, or sign it
    (unverified). Energy without a total is the sum of its tariffs.
    """
    told = {(register.code, unit): value for register in registers for unit, value in _si(register)}
    found: dict[str, Decimal | None] = {name: told.get((code, unit)) for code, (name, unit) in _PLAIN.items()}
    for name, (unit, balance, inward, outward) in _BALANCES.items():
        both = told.get((inward, unit)), told.get((outward, unit))
        found[name] = told.get((balance, unit), _difference(*both))
    for name, counter in _COUNTERS.items():
        tariffs = [told[f"{counter}.{tariff}", "Wh"] for tariff in _TARIFFS if (f"{counter}.{tariff}", "Wh") in told]
        found[name] = told.get((f"{counter}.0", "Wh"), sum(tariffs, Decimal()) if tariffs else None)
    return {name: float(value) for name, value in found.items() if value is not None}


def _si(register: Register) -> Iterable[tuple[str, Decimal]]:
    if register.unit in _UNITS:
        unit, exponent = _UNITS[register.unit]
        yield unit, register.value.scaleb(exponent)


def _difference(inward: Decimal | None, outward: Decimal | None) -> Decimal | None:
    if outward is None:
        return inward
    return None if inward is None else inward - outward
