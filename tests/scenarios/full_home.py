"""A home with everything on virtual time, and how its node is configured; half a minute plays a day.

    film(
        at(0, watch.watched),
        at(24 * HOUR_S, room_is(19.0, 24.0)),
        setup=full(climate=WINTER),
    )

The tables are those of examples/home-full.toml, with the wires of the simulated home. Times of day in them are UTC here: a
film that is about a time zone sets `site={"timezone": …}` and its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sim_hardware.household import COOLING, OUTSIDE, POOL, ROOM, SG_FIRST, SG_SECOND, TANK, WATER, Comfort
from sim_hardware.physics.climate import SPRING, Climate
from sim_hardware.physics.ev import EvParams, Trip
from sim_hardware.serve import MEMORY_URLS
from tests.scenarios.stage import Setup

HOUR_S: Final = 3600.0
MIDNIGHT: Final = datetime(2026, 3, 3, tzinfo=UTC)  # a Tuesday
Table = dict[str, Any]

THERMOMETERS: Final[tuple[Table, ...]] = tuple(
    {"name": name, "model": "r4dcb08", "url": MEMORY_URLS["thermometers"], "channel": channel}
    for name, channel in (("room-probe", ROOM), ("tank-probe", TANK), ("outside", OUTSIDE))
)
CAR: Final[Table] = {
    "capacity_wh": 60_000,
    "needs_wh": 12_000,
    "departs": "07:00",
    "returns": "17:30",
    "days": ["mon", "tue", "wed", "thu", "fri"],
}
CHARGER: Final[Table] = {"name": "charger", "model": "go-e", "url": MEMORY_URLS["charger"]}
_ON_BOARD: Final = {"url": MEMORY_URLS["relays"]}
WATER_HEATER: Final[Table] = {"name": "water-heater", **_ON_BOARD, "channel": WATER, "power_w": 2000}
AIR_CONDITIONER: Final[Table] = {
    "name": "air-conditioner",
    **_ON_BOARD,
    "channel": COOLING,
    "power_w": 1400,
    "least_on_s": 180,
    "least_off_s": 180,
}
POOL_PUMP: Final[Table] = {"name": "pool-pump", **_ON_BOARD, "channel": POOL, "power_w": 750}
HEAT_PUMP: Final[Table] = {
    "name": "heat-pump",
    **_ON_BOARD,
    "channels": [SG_FIRST, SG_SECOND],
    "power_w": 2000,
}
LOADS: Final[Mapping[str, Sequence[Table]]] = {
    "thermometer": THERMOMETERS,
    "charger": (CHARGER,),
    "relay": (WATER_HEATER, AIR_CONDITIONER, POOL_PUMP),
    "heat_pump": (HEAT_PUMP,),
}
# What the owner wants and what a kWh costs: beside LOADS in a home that plans.
ROOM_TABLE: Final[Table] = {
    "name": "living-room",
    "sensor": "room-probe",
    "outdoor": "outside",
    "heated_by": ["heat-pump"],
    "cooled_by": ["air-conditioner"],
    "least_c": 19.0,
    "most_c": 25.0,
    "liked_c": 21.0,
}
TANK_TABLE: Final[Table] = {
    "name": "hot-water",
    "sensor": "tank-probe",
    "heated_by": ["water-heater"],
    "volume_l": 200,
    "least_c": 42.0,
    "most_c": 65.0,
    "legionella_c": 60.0,
    "legionella_days": 7,
    "loss_w_per_k": 1.7,
}
PLANNED: Final[Mapping[str, Sequence[Table]]] = {
    **LOADS,
    "charger": ({**CHARGER, "use": "plan", "car": CAR},),
    "relay": (
        {**WATER_HEATER, "use": "plan"},
        {**AIR_CONDITIONER, "use": "plan"},
        {**POOL_PUMP, "use": "plan", "run": {"hours": 3, "from": "08:00", "until": "20:00"}},
    ),
    "heat_pump": ({**HEAT_PUMP, "cop": [[-7, 2.6], [2, 3.2], [7, 3.5], [20, 4.6]]},),
    "room": (ROOM_TABLE,),
    "tank": (TANK_TABLE,),
}
TARIFF: Final[Table] = {
    "import_per_kwh": 0.32,
    "export_per_kwh": 0.08,
    "band": [
        {"from": "00:00", "to": "06:00", "import_per_kwh": 0.22},
        {"from": "17:00", "to": "21:00", "import_per_kwh": 0.42},
    ],
}
TABLES: Final[Mapping[str, Table]] = {"tariff": TARIFF, "owner": {"risk": 0.7}, "plan": {"horizon_h": 24, "exact_h": 1}}
# Away from seven to half past five, 50 km.
COMMUTE: Final = Trip(7 * HOUR_S, 17.5 * HOUR_S, 9_000.0)


def full(
    *, climate: Climate = SPRING, clock: datetime = MIDNIGHT, plans: bool = False, cycle_s: float = 10.0, **differs: Any
) -> Setup:
    """The home with everything, on a node that reads and decides every `cycle_s` (10 s: half a minute for a day); `plans`:
    with rooms, tank, tariff and plan.

    `differs` are fields of `Setup`, such as `trips` or `comfort`; `site`, `node` and `loads` (by kind) are laid over
    what stands here.
    """
    lease = {"lease_s": max(30.0, 6.0 * cycle_s)}
    ordinary = Setup(
        site={"blind_after_s": 3.0 * cycle_s, **({"timezone": "UTC"} if plans else {}), **differs.pop("site", {})},
        node={"cycle_s": cycle_s, "interval_s": 900.0, **differs.pop("node", {})},
        device=dict.fromkeys(("pv", "battery"), lease),
        clock=clock,
        car=EvParams(),
        trips=(COMMUTE,),
        comfort=Comfort(climate=climate),
        step_s=cycle_s / 2.0,
        loads=_leased({**(PLANNED if plans else LOADS), **differs.pop("loads", {})}, lease),
        tables=TABLES if plans else {},
    )
    return replace(ordinary, **differs)


def _leased(loads: Mapping[str, Sequence[Table]], lease: Table) -> dict[str, list[Table]]:
    told = ("charger", "relay", "heat_pump")
    return {kind: [{**lease, **each} if kind in told else each for each in loads[kind]] for kind in loads}
