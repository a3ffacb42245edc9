"""What a plan is made from: the site and what is expected of the hours to come, as frozen values.

Every series is an array of one value for each step of the horizon: means over the step, powers in W, positive when consumed
or imported. What is named `…_max_w`, `pv_w` or `heat_w` is a magnitude. Money is in the currency of the prices; a price is
per kWh, that of export is what the site is paid (negative: what it pays).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from controller.thermal.models import HouseModel, TankModel

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Horizon:
    """`steps` equal steps from `start` (UTC, where the first step begins); days of 23 and 25 hours are none here."""

    start: datetime
    step_s: float
    steps: int

    @property
    def hours(self) -> float:
        """The length of a step."""
        return self.step_s / 3600.0

    def moment(self, step: int) -> datetime:
        """When a step begins."""
        return self.start + timedelta(seconds=step * self.step_s)

    def step_of(self, moment: datetime) -> int:
        """The step in which a moment lies; below 0 or from `steps` on where it lies outside."""
        return int((moment - self.start).total_seconds() // self.step_s)


@dataclass(frozen=True, slots=True, eq=False)
class Battery:
    """A battery behind its inverter. `charge_efficiency` and `discharge_efficiency` are one way each; `wear_per_kwh` is
    paid for each kWh taken out.
    """

    name: str
    stored_wh: float
    least_wh: float
    most_wh: float
    charge_max_w: float
    discharge_max_w: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    wear_per_kwh: float = 0.0


@dataclass(frozen=True, slots=True)
class Trip:
    """The car is away from step `leaves` to step `returns` (not counted); it leaves with `needs_wh` stored and comes back
    with `uses_wh` less.
    """

    leaves: int
    returns: int
    needs_wh: float
    uses_wh: float


@dataclass(frozen=True, slots=True, eq=False)
class Car:
    """A car on its charging point: nothing or from `charge_least_w` on. `may_charge`: the steps in which it is plugged in."""

    name: str
    stored_wh: float
    capacity_wh: float
    charge_least_w: float
    charge_max_w: float
    may_charge: Bools
    trips: tuple[Trip, ...] = ()
    efficiency: float = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Heater:
    """A machine that warms a store (or cools it: `heat_per_w` below 0): nothing, or from `least_w` to `most_w` electrical.

    `heat_per_w` is its COP in each step (1 for an element), `most_w` what it draws at most. It has been on or off for
    `since_s`, and keeps either for its least time.
    """

    name: str
    heat_per_w: Floats
    most_w: Floats
    least_w: float = 0.0
    least_on_s: float = 0.0
    least_off_s: float = 0.0
    is_on: bool = False
    since_s: float = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class Comfort:
    """Bounds of a temperature in each step, and what is liked best (None: nothing), at a price for each kelvin and hour off."""

    least_c: Floats
    most_c: Floats
    liked_c: Floats | None = None
    price_per_kh: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class House:
    """A building with its heaters; `heat_w` is what sun and people bring beside the model's own gain."""

    name: str
    model: HouseModel
    air_c: float
    mass_c: float
    comfort: Comfort
    heaters: tuple[Heater, ...]
    heat_w: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Tank:
    """A tank of hot water with its heaters; `draw_w` is the heat that people take out."""

    name: str
    model: TankModel
    water_c: float
    comfort: Comfort
    heaters: tuple[Heater, ...]
    draw_w: Floats


@dataclass(frozen=True, slots=True)
class Appliance:
    """A device of `power_w` that has to run for `run_s` more from step `first` to step `last` (not counted)."""

    name: str
    power_w: float
    run_s: float
    first: int
    last: int
    least_on_s: float = 0.0
    least_off_s: float = 0.0
    is_on: bool = False
    since_s: float = 1e9


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a contract asks for: `energy_wh` through the connection point from step `first` to step `last` (not counted).

    Those of the very same steps add up. Each kWh that is missing or too much costs `deviation_per_kwh`.
    """

    contract: str
    first: int
    last: int
    energy_wh: float
    deviation_per_kwh: float


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Everything a plan looks at. `import_max_w` and `export_max_w` are what fuse, operator and envelopes leave.

    `load_w`: what is not steered; `pv_w`: what all modules together could make. `profit_per_kwh`: moving a kWh through a
    battery must bring this much beyond its wear. `may_curtail`: whether the sun may be limited.
    """

    horizon: Horizon
    import_per_kwh: Floats
    export_per_kwh: Floats
    import_max_w: Floats
    export_max_w: Floats
    load_w: Floats
    pv_w: Floats
    outdoor_c: Floats
    may_curtail: bool = True
    batteries: tuple[Battery, ...] = ()
    cars: tuple[Car, ...] = ()
    houses: tuple[House, ...] = ()
    tanks: tuple[Tank, ...] = ()
    appliances: tuple[Appliance, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    profit_per_kwh: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def stores(self) -> tuple[House | Tank, ...]:
        """Everything that holds heat."""
        return (*self.houses, *self.tanks)
