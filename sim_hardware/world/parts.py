"""The parts of a world file, each a table with its bounds; units stand in the names.

A size may be given as one number for all homes of a block; `spread` then varies it from home to home.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator


def _not_text(value: object) -> object:
    """TOML has numbers; a number in quotation marks is a mistake that pydantic would let through."""
    if isinstance(value, str | bool):
        raise ValueError("must be a number without quotation marks")
    return value


Number = Annotated[float, BeforeValidator(_not_text)]
Above = Annotated[Number, Field(gt=0)]
Power = Annotated[Number, Field(gt=0, le=1e7)]
Celsius = Annotated[Number, Field(ge=-50, le=95)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$")]
Seconds = Annotated[Number, Field(gt=0, le=86_400)]


class Part(BaseModel):
    """A table of the file: unknown keys are mistakes, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WorldPart(Part):
    """`[world]`: its name, when it begins (UTC), the seed of everything drawn, and how its time goes."""

    name: Name
    start: datetime = datetime(2026, 6, 21, tzinfo=UTC)
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    step_s: Annotated[Number, Field(ge=0.05, le=60)] = 1.0
    speed: Annotated[Number, Field(gt=0, le=1000)] = 1.0

    @field_validator("start")
    @classmethod
    def _is_utc(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("a time with its zone is allowed, such as 2026-06-21T00:00:00Z")
        return value.astimezone(UTC)


class WeatherPart(Part):
    """`[weather]`: the place, the clouds, and the temperature outside (warmest at 15:00 solar time)."""

    latitude_deg: Annotated[Number, Field(ge=-90, le=90)] = 51.0
    longitude_deg: Annotated[Number, Field(ge=-180, le=180)] = 10.0
    cloudy: Annotated[Number, Field(ge=0, le=1)] = 0.4
    outdoor_c: Celsius = 10.0
    swing_k: Annotated[Number, Field(ge=0, le=30)] = 5.0


class GridPart(Part):
    """`[grid]`: the grid above, as homes would see it without any load; `r_ohm` and `x_ohm` where they have no feeder."""

    voltage_v: Annotated[Number, Field(ge=100, le=300)] = 232.0
    voltage_wander_v: Annotated[Number, Field(ge=0, le=20)] = 1.0
    frequency_wander_hz: Annotated[Number, Field(ge=0, le=0.5)] = 0.02
    r_ohm: Annotated[Number, Field(ge=0, le=10)] = 0.25
    x_ohm: Annotated[Number, Field(ge=0, le=10)] = 0.10


class IslandPart(Part):
    """`[island]`: the zone stands alone, on one rating: inertia, droop, damping and primary reserve."""

    rating_va: Power
    inertia_s: Above = 4.0
    droop_pu: Annotated[Number, Field(gt=0, le=1)] = 0.05
    damping_pu: Annotated[Number, Field(ge=0, le=10)] = 1.0
    primary_lag_s: Above = 0.5
    reserve_w: Power | None = None
    dispatch_w: Annotated[Number, Field(ge=0, le=1e9)] = 0.0


class LoadPart(Part):
    """`[home.load]`: the base load: synthetic appliances, or a SimBench profile (extra `sim`) of so much a year."""

    profile: str = "appliances"
    year_wh: Annotated[Number, Field(gt=0, le=1e9)] = 3_500_000.0
    metered: bool = False


class PvPart(Part):
    """`[home.pv]`: modules and their inverter; generation `1xx` or `7xx` of SunSpec."""

    peak_w: Power = 5_000.0
    rating_w: Power = 5_000.0
    tilt_deg: Annotated[Number, Field(ge=0, le=90)] = 30.0
    azimuth_deg: Annotated[Number, Field(ge=0, le=360)] = 180.0
    inverter: Literal["1xx", "7xx"] = "1xx"
    lag_s: Annotated[Number, Field(ge=0, le=60)] = 1.0


class BatteryPart(Part):
    """`[home.battery]`: a battery and its inverter; `round_trip` is the share of the energy that comes back."""

    capacity_wh: Power = 10_000.0
    rating_w: Power = 5_000.0
    soc_percent: Annotated[Number, Field(ge=5, le=100)] = 50.0
    round_trip: Annotated[Number, Field(gt=0, le=1)] = 0.92
    lag_s: Annotated[Number, Field(ge=0, le=60)] = 1.0


class HousePart(Part):
    """`[home.house]`: two masses."""

    envelope_w_per_k: Above = 160.0
    air_j_per_k: Above = 3.0e6
    mass_j_per_k: Above = 30.0e6
    coupling_w_per_k: Above = 1_500.0
    air_c: Celsius = 20.0


class HeatPumpPart(Part):
    """`[home.heat_pump]`: rated heat and COP at 8.3 degC; `sg_ready` puts its contacts on a relay board on Modbus."""

    heat_w: Power = 8_000.0
    cop: Annotated[Number, Field(gt=1, le=8)] = 3.5
    setpoint_c: Annotated[Number, Field(ge=5, le=30)] = 20.5
    sg_ready: bool = True


class AirConditionerPart(Part):
    """`[home.air_conditioner]`: rated cooling and COP at 35 degC, in the house of the heat pump; `relay`: it runs only while
    its contact is closed.
    """

    cooling_w: Power = 5_000.0
    cop: Annotated[Number, Field(gt=1, le=8)] = 3.5
    setpoint_c: Annotated[Number, Field(ge=10, le=35)] = 22.0
    relay: bool = True


class PoolPumpPart(Part):
    """`[home.pool_pump]`: a pump, or any appliance of one power, that runs while its contact is closed."""

    power_w: Power = 750.0


class WaterHeaterPart(Part):
    """`[home.water_heater]`: a tank with its element; `relay` lets a contact of the board block it, `enables`: it heats only
    while that contact is closed.
    """

    volume_l: Above = 200.0
    loss_w_per_k: Above = 1.7
    element_w: Power = 2_000.0
    setpoint_c: Annotated[Number, Field(ge=30, le=90)] = 55.0
    relay: bool = True
    enables: bool = False


class EvPart(Part):
    """`[home.ev]`: a commuter's car on a wallbox (go-e) that offers `most_a` per phase."""

    capacity_wh: Power = 60_000.0
    phases: Literal[1, 3] = 3
    most_a: Annotated[Number, Field(ge=6, le=80)] = 16.0
    soc_percent: Annotated[Number, Field(ge=0, le=100)] = 60.0


class MeterPart(Part):
    """`[home.meter]`: the meter at the connection point: its wire, and a customer port beside it."""

    wire: Literal["tcp", "rtu"] = "tcp"
    push: Literal["p1", "sml", "dlms-push"] | None = None


class HomePart(Part):
    """`[[home]]`: one home, or `count` of them that differ by `spread` (0.2: up to a fifth up or down).

    `bus`: where they hang, one for each, fewer are taken in turn; without it: the sites that the feeder states, in order.
    `phase`: a home with one phase only has all its wires on it; without it: what the feeder states, else all three.
    `thermometers`: probes in the room, the tank and outside, on a board on Modbus.
    """

    name: Name = "home"
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    bus: tuple[str, ...] = ()
    phase: tuple[Literal["L1", "L2", "L3"], ...] = ()
    spread: Annotated[Number, Field(ge=0, lt=1)] = 0.0
    fuse_a: Annotated[Number, Field(gt=0, le=1000)] = 25.0
    meter: MeterPart = MeterPart()
    load: LoadPart = LoadPart()
    pv: PvPart | None = None
    battery: BatteryPart | None = None
    house: HousePart | None = None
    heat_pump: HeatPumpPart | None = None
    water_heater: WaterHeaterPart | None = None
    ev: EvPart | None = None
    air_conditioner: AirConditionerPart | None = None
    pool_pump: PoolPumpPart | None = None
    thermometers: bool = False
    plug_w: Power | None = None

    @field_validator("bus", "phase", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class NodePart(Part):
    """`[node]`: how the home nodes of a fleet are set; without `lease_s` four cycles, and 30 s at least."""

    cycle_s: Annotated[Number, Field(ge=0.1, le=60)] = 1.0
    interval_s: Annotated[Number, Field(ge=1, le=86_400)] = 900.0
    export_limit_w: Annotated[Number, Field(ge=0, le=1e7)] = 10_000.0
    lease_s: Annotated[Number, Field(ge=2, le=3600)] | None = None
    deadband_w: Annotated[Number, Field(ge=0, le=1e6)] = 50.0


class ContractsPart(Part):
    """`[contracts]`: the dispatch contracts that the fleet's head-end sends to each home, spread over the day."""

    per_day: Annotated[Number, Field(ge=0, le=1440)] = 4.0
    power_w: Annotated[Number, Field(gt=0, le=1e7)] = 1_500.0
    duration_s: Annotated[Number, Field(ge=60, le=86_400)] = 900.0
