"""The quantities that readings carry: name, unit, sign, and the bounds outside which a value is not believed.

Power is positive when consumed or imported and negative when produced or exported, at every device. Reactive power is
positive when absorbed (inductive). Energy registers count up only: `import` what flowed in, `export` what flowed out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """SI units as they are written in names, files and messages."""

    VOLT = "V"
    AMPERE = "A"
    WATT = "W"
    VOLT_AMPERE = "VA"
    VAR = "var"
    HERTZ = "Hz"
    WATT_HOUR = "Wh"
    PERCENT = "%"
    CELSIUS = "degC"
    ONE = ""
    STATE = "state"  # a number that a standard gives to a state


@dataclass(frozen=True, slots=True)
class Quantity:
    """A name with its unit, and the least and most that any device of a site can truly report."""

    name: str
    unit: Unit
    least: float
    most: float


def _per_phase(stem: str, suffix: str, unit: Unit, least: float, most: float) -> tuple[Quantity, ...]:
    return tuple(Quantity(f"{stem}_{phase}_{suffix}", unit, least, most) for phase in ("l1", "l2", "l3"))


# A connection point of up to 1 MVA at low voltage: generous for a house, tight enough to unmask a swapped word order.
_POWER_W = 1e6
_ENERGY_WH = 1e12

QUANTITIES: Final[dict[str, Quantity]] = {
    quantity.name: quantity
    for quantity in (
        *_per_phase("voltage", "v", Unit.VOLT, 0.0, 1000.0),
        *_per_phase("current", "a", Unit.AMPERE, -2000.0, 2000.0),
        *_per_phase("power", "w", Unit.WATT, -_POWER_W, _POWER_W),
        *_per_phase("apparent_power", "va", Unit.VOLT_AMPERE, -_POWER_W, _POWER_W),
        *_per_phase("reactive_power", "var", Unit.VAR, -_POWER_W, _POWER_W),
        *_per_phase("power_factor", "ratio", Unit.ONE, -1.0, 1.0),
        Quantity("frequency_hz", Unit.HERTZ, 0.0, 100.0),
        Quantity("current_a", Unit.AMPERE, -6000.0, 6000.0),
        Quantity("power_w", Unit.WATT, -_POWER_W, _POWER_W),
        Quantity("apparent_power_va", Unit.VOLT_AMPERE, -_POWER_W, _POWER_W),
        Quantity("reactive_power_var", Unit.VAR, -_POWER_W, _POWER_W),
        Quantity("power_factor_ratio", Unit.ONE, -1.0, 1.0),
        Quantity("energy_import_wh", Unit.WATT_HOUR, 0.0, _ENERGY_WH),
        Quantity("energy_export_wh", Unit.WATT_HOUR, 0.0, _ENERGY_WH),
        Quantity("soc_percent", Unit.PERCENT, 0.0, 100.0),
        Quantity("soh_percent", Unit.PERCENT, 0.0, 100.0),
        Quantity("available_energy_wh", Unit.WATT_HOUR, 0.0, _ENERGY_WH),
        # A load behind a contact: 1 is on; an input: 1 is closed. A mean is the share of time.
        Quantity("on_ratio", Unit.ONE, 0.0, 1.0),
        # As the label numbers them: blocked, normal, encouraged, ordered.
        Quantity("sg_ready_state", Unit.STATE, 1.0, 4.0),
        Quantity("temperature_c", Unit.CELSIUS, -90.0, 200.0),
    )
}

# Looked up for every value of every reading.
_BOUNDS: Final = {name: (quantity.least, quantity.most) for name, quantity in QUANTITIES.items()}
# No device resolves so little of any unit, but a floating-point number whose two registers change places often looks so.
_LEAST_MAGNITUDE: Final = 1e-20


def believable(name: str, value: float) -> bool:
    """Whether the value lies within the bounds of its quantity (NaN never does), and is 0 or no speck of its unit.

    An unknown name is a KeyError.
    """
    return not beyond_belief({name: value})


def beyond_belief(values: Mapping[str, float | None]) -> list[str]:
    """The names whose value is not believable."""
    bounds, speck = _BOUNDS, _LEAST_MAGNITUDE
    return [
        name
        for name, value in values.items()
        if value is not None
        for least, most in (bounds[name],)
        if not least <= value <= most or (-speck < value < speck and value != 0.0)
    ]
