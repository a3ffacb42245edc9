"""What the owner has set, as planning and comfort take it: frozen values, made of the configuration by the composition root."""

from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from controller.forecasting.sun import Place
from controller.thermal.models import HouseModel
from firmware_py.home.planning.hours import EVERY_DAY

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class BatterySet:
    """`capacity_wh` where the device does not say; efficiency is one way."""

    name: str
    least_percent: float
    capacity_wh: float | None = None
    efficiency: float = 0.95
    wear_per_kwh: float = 0.0


@dataclass(frozen=True, slots=True)
class HeaterSet:
    """A machine of a store. `is_pump`: its heat is `curve` (outdoor temperature, COP) times its power, else as much as its power.
    `is_seen`: what it draws is known, also while it is left alone.
    """

    name: str
    power_w: float
    is_pump: bool = False
    curve: Curve = ()
    least_on_s: float = 60.0
    least_off_s: float = 60.0
    is_planned: bool = True
    is_seen: bool = True


@dataclass(frozen=True, slots=True)
class Night:
    """From a time of day to another it may be cooler."""

    hours: tuple[time, time]
    least_c: float


@dataclass(frozen=True, slots=True)
class RoomSet:
    """As `[[room]]`."""

    name: str
    sensor: str
    heaters: tuple[HeaterSet, ...]
    coolers: tuple[HeaterSet, ...] = ()
    least_c: float = 19.0
    most_c: float = 24.0
    liked_c: float | None = None
    comfort_per_kh: float = 0.05
    frost_c: float = 7.0
    night: Night | None = None
    model: HouseModel | None = None


@dataclass(frozen=True, slots=True)
class TankSet:
    """As `[[tank]]`."""

    name: str
    sensor: str
    heaters: tuple[HeaterSet, ...]
    volume_l: float
    least_c: float = 45.0
    most_c: float = 65.0
    liked_c: float | None = None
    comfort_per_kh: float = 0.05
    legionella_c: float = 60.0
    legionella_days: float = 7.0
    loss_w_per_k: float | None = None
    draw_wh_per_day: float | None = None
    room_c: float = 18.0


@dataclass(frozen=True, slots=True)
class CarSet:
    """As `[charger.car]`; `days` are those of its departures, Monday is 0."""

    charger: str
    capacity_wh: float
    needs_wh: float
    departs: time
    returns: time
    days: frozenset[int] = EVERY_DAY


@dataclass(frozen=True, slots=True)
class RunSet:
    """As `[relay.run]`."""

    relay: str
    power_w: float
    run_s: float
    hours: tuple[time, time]
    least_on_s: float = 60.0
    least_off_s: float = 60.0


@dataclass(frozen=True, slots=True)
class PlanSet:
    """As `[plan]` and `[owner]`. `may_switch` None: everything."""

    horizon_h: float = 48.0
    step_s: float = 900.0
    exact_h: float = 4.0
    budget_s: float = 5.0
    replan_s: float = 900.0
    risk: float = 0.5
    profit_per_kwh: float = 0.0
    may_switch: frozenset[str] | None = None
    deviation_per_kwh: float = 1.0
    offers: bool = False

    def may(self, name: str) -> bool:
        """Whether a plan may touch a device."""
        return self.may_switch is None or name in self.may_switch

    @property
    def steps(self) -> int:
        """How many steps a plan has."""
        return round(self.horizon_h * 3600.0 / self.step_s)


@dataclass(frozen=True, slots=True)
class HomeSet:
    """The whole home. `site_w`: the most import and export; `pv`: the inverters by name; `outdoor`: the thermometer outside."""

    zone: ZoneInfo
    site_w: tuple[float, float]
    batteries: tuple[BatterySet, ...] = ()
    pv: tuple[str, ...] = ()
    rooms: tuple[RoomSet, ...] = ()
    tanks: tuple[TankSet, ...] = ()
    cars: tuple[CarSet, ...] = ()
    runs: tuple[RunSet, ...] = ()
    outdoor: str | None = None
    place: Place | None = None
    plan: PlanSet | None = None

    @property
    def heaters(self) -> tuple[HeaterSet, ...]:
        """The machines of all rooms and tanks."""
        of_rooms = (each for room in self.rooms for each in (*room.heaters, *room.coolers))
        return (*of_rooms, *(each for tank in self.tanks for each in tank.heaters))

    @property
    def steered(self) -> frozenset[str]:
        """The loads that a plan decides over: what else is drawn is the load to be forecast."""
        of_stores = {each.name for each in self.heaters if each.is_planned}
        return frozenset(of_stores | {car.charger for car in self.cars} | {run.relay for run in self.runs})
