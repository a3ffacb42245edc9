"""The parts of a home node's configuration that the owner speaks in: comfort, the car's hours, and what a plan is made by.

Times of day are local, in `[site] timezone`; energies of a car are those that its charging point counts.
"""

from datetime import time
from itertools import pairwise
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from firmware_py.config_parts import Number, Part, TopicLevel
from protocols.outlook import PRICE_MOST_PER_KWH
from protocols.quantities import QUANTITIES

_POWER_MAX_W: Final = QUANTITIES["power_w"].most
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A room is no oven, and water boils; beyond these a bound is a slip of the pen.
ROOM_C: Final = (0.0, 40.0)
TANK_C: Final = (0.0, 95.0)
# In seconds; a step longer than a quarter of an hour would miss the intervals of contracts and tariffs.
STEPS_S: Final = (300, 900)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("a time zone such as Europe/Berlin is needed") from error
    return value


def _time_of_day(value: object) -> object:
    """`"07:15"`, or the local time that TOML has of its own (`07:15:00`)."""
    if isinstance(value, time):
        return value
    try:
        if isinstance(value, str) and len(value) == 5:
            return time.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError('a time of day such as "07:15" is needed')


Zone = Annotated[str, AfterValidator(_zone)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Price = Annotated[Number, Field(ge=0, le=PRICE_MOST_PER_KWH)]
Energy = Annotated[Number, Field(gt=0, le=1e6)]
RoomTemperature = Annotated[Number, Field(ge=ROOM_C[0], le=ROOM_C[1])]
TankTemperature = Annotated[Number, Field(ge=TANK_C[0], le=TANK_C[1])]
Heaters = Annotated[tuple[str, ...], Field(max_length=8)]


class OwnerConfig(Part):
    """`[owner]`: what the owner wants of a plan.

    `risk`: which quantile of the forecast's error is kept as a margin (0.5: none); `profit_per_kwh`: what moving a kWh
    through a battery must bring beyond its wear; `may_switch`: what a plan may touch (absent: all that takes setpoints).
    """

    risk: Annotated[Number, Field(ge=0.5, le=0.95)] = 0.5
    profit_per_kwh: Price = 0.0
    may_switch: tuple[str, ...] | None = None


class PlanConfig(Part):
    """`[plan]`: that the node plans. `exact_h`: for so long ahead devices that only switch are planned as such, beyond it
    by their mean; `budget_s` is how long a solution may take, `replan_s` after how long a new plan is made anyway.
    `offers`: whether it says how far it could leave its plan, and at what price (docs/flexibility.md).
    """

    horizon_h: Annotated[Number, Field(ge=2, le=96)] = 48.0
    step_s: Literal[300, 900] = 900
    exact_h: Annotated[Number, Field(ge=0, le=48)] = 4.0
    budget_s: Annotated[Number, Field(ge=0.05, le=120)] = 5.0
    replan_s: Annotated[Number, Field(ge=60, le=86_400)] = 900.0
    offers: bool = False


class NightConfig(Part):
    """`night = { from = "22:00", to = "06:00", least_c = 17 }`: by night it may be cooler."""

    from_: Annotated[TimeOfDay, Field(alias="from")]
    to: TimeOfDay
    least_c: RoomTemperature


class RoomModelConfig(Part):
    """`model = { … }` of a room, as `controller.thermal.models.HouseModel`; absent: learnt from its own thermometer."""

    envelope_w_per_k: Annotated[Number, Field(gt=0, le=10_000)]
    air_j_per_k: Annotated[Number, Field(ge=1e4, le=1e10)]
    mass_j_per_k: Annotated[Number, Field(ge=1e4, le=1e11)]
    coupling_w_per_k: Annotated[Number, Field(gt=0, le=100_000)]
    gain_w: Annotated[Number, Field(ge=0, le=10_000)] = 0.0


class RoomConfig(Part):
    """`[[room]]`: a room or a house of one temperature. `sensor` and `outdoor` are thermometers.

    `least_c` to `most_c` are its bounds, `liked_c` what is liked best, at `comfort_per_kh` for each kelvin and hour off; below
    `frost_c` it is heated whatever it costs.
    """

    name: TopicLevel
    sensor: str
    outdoor: str | None = None
    heated_by: Heaters = ()
    cooled_by: Heaters = ()
    least_c: RoomTemperature = 19.0
    most_c: RoomTemperature = 24.0
    liked_c: RoomTemperature | None = None
    comfort_per_kh: Price = 0.05
    frost_c: RoomTemperature = 7.0
    night: NightConfig | None = None
    model: RoomModelConfig | None = None


class TankConfig(Part):
    """`[[tank]]`: a tank of hot water. Each `legionella_days` it is heated to `legionella_c` (0 days: never).

    `loss_w_per_k` of its wall (absent: learnt, and until then that of an ordinary tank of this size), `draw_wh_per_day` what
    people take out (absent: learnt, and until then an ordinary household's).
    """

    name: TopicLevel
    sensor: str
    heated_by: Heaters
    volume_l: Annotated[Number, Field(ge=5, le=20_000)]
    least_c: TankTemperature = 45.0
    most_c: TankTemperature = 65.0
    liked_c: TankTemperature | None = None
    comfort_per_kh: Price = 0.05
    legionella_c: TankTemperature = 60.0
    legionella_days: Annotated[Number, Field(ge=0, le=60)] = 7.0
    loss_w_per_k: Annotated[Number, Field(gt=0, le=100)] | None = None
    draw_wh_per_day: Annotated[Number, Field(ge=0, le=1e6)] | None = None
    room_c: RoomTemperature = 18.0


class CarConfig(Part):
    """`[charger.car]`: the car of a charging point, `needs_wh` more in it when it `departs` than when it was plugged in.

    A car tells no state of charge over IEC 61851: energy is counted by the charging point from plugging in.
    """

    capacity_wh: Energy
    needs_wh: Energy
    departs: TimeOfDay
    returns: TimeOfDay
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS


class RunConfig(Part):
    """`[relay.run]`: so many hours each day, at any time of the window `from` to `until` (that may go over midnight)."""

    hours: Annotated[Number, Field(gt=0, le=24)]
    from_: Annotated[TimeOfDay, Field(alias="from")] = time(0, 0)
    until: TimeOfDay = time(0, 0)


def _curve(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    """Pairs of an outdoor temperature and a COP, in rising order of the temperature."""
    if not isinstance(value, list | tuple) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in value
    ):
        raise ValueError("pairs [outdoor_c, cop] are needed, such as [[-7, 2.6], [7, 4.2]]")
    return value


def _rises(value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    at_c = [pair[0] for pair in value]
    if any(one_c >= other_c for one_c, other_c in pairwise(at_c)):
        raise ValueError("outdoor temperatures must rise from pair to pair")
    return value


Outdoor = Annotated[Number, Field(ge=-60, le=60)]
Cop = Annotated[Number, Field(ge=0.5, le=15)]
CopCurve = Annotated[
    tuple[tuple[Outdoor, Cop], ...], Field(min_length=1, max_length=32), AfterValidator(_rises), BeforeValidator(_curve)
]
# The first phase that a device stands on.
Wire = Literal["l1", "l2", "l3"]
WIRES: Final[tuple[Wire, ...]] = ("l1", "l2", "l3")
