"""Rooms and tanks as a plan sees them: their models, bounds in local time, heaters and what they make of a watt. Pure.

What is not learnt yet is assumed, and said so; the thermostats guard the bounds in real time whatever a model believes.
"""

from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.planning.site import Comfort, Floats, Heater, Horizon, House, Tank
from controller.thermal.models import HouseModel, TankModel
from firmware_py.home.planning.hours import spans
from firmware_py.home.planning.settings import HeaterSet, HomeSet, PlanSet, RoomSet, TankSet

if TYPE_CHECKING:
    from firmware_py.home.planning.gather import Expected, Facts

_WATER_J_PER_L_K: Final = 4180.0
# 45 K warmer than its room, a tank of 200 l of class C loses 1.9 W/K (Regulation (EU) 812/2013, annex II: 16.66 + 8.33 V^0.4 W).
_TANK_RISE_K: Final = 45.0
# The tapping profile M: 5.845 kWh a day (Regulation (EU) 812/2013, annex VII).
DRAW_WH_PER_DAY: Final = 5845.0
# I. Staffell, D. Brett, N. Brandon, A. Hawkes, "A review of domestic heat pumps", Energy Environ. Sci. 5 (2012) 9291:
# air source, by the rise from the source to the sink.
_STAFFELL: Final = (6.81, -0.121, 0.000630)
_SINK_C: Final = {"room": 35.0, "tank": 52.0}
# Assumed where a cooler has no curve.
_EER: Final = 3.0
# A heater is sized for a cold day, about 30 K below the room; a house keeps its warmth for two to three days.
_SIZED_K: Final = 30.0
_KEEPS_S: Final = 60.0 * 3600.0
_AIR_SHARE: Final = 0.1
# A window that was opened makes an observer believe in masses that no house has.
_MASS_K: Final = 4.0
# A bound against legionella holds for so long.
HOT_S: Final = 1800.0


def house_of(
    room: RoomSet,
    home: HomeSet,
    plan: PlanSet,
    facts: "Facts",
    expected: "Expected",
    horizon: Horizon,
    notes: list[str],
) -> House | None:
    """A room; None where nothing of it is planned, or its temperature is not known."""
    heaters = [each for each in room.heaters if each.is_planned and plan.may(each.name)]
    coolers = [each for each in room.coolers if each.is_planned and plan.may(each.name)]
    air_c = facts.temperature_c.get(room.sensor)
    if not heaters and not coolers:
        return None
    if air_c is None:
        notes.append(f"{room.name}: its temperature is not known, it is left to its thermostat")
        return None
    machines = [_heater(each, facts, heat_per_w(each, expected.outdoor_c, "room")) for each in heaters]
    machines += [_heater(each, facts, -heat_per_w(each, expected.outdoor_c, "cooler")) for each in coolers]
    model = facts.models.get(room.name)
    if not isinstance(model, HouseModel):
        model = room.model or assumed_house(machines)
        if room.model is None:
            notes.append(f"{room.name}: nothing is learnt yet, an ordinary house is assumed")
    least_c = np.full(horizon.steps, room.least_c)
    if room.night is not None:
        least_c[_night(room, home, horizon)] = room.night.least_c
    return House(
        name=room.name,
        model=model,
        air_c=air_c,
        mass_c=min(max(facts.mass_c.get(room.name, air_c), air_c - _MASS_K), air_c + _MASS_K),
        comfort=Comfort(
            least_c, np.full(horizon.steps, room.most_c), _liked(room.liked_c, least_c), room.comfort_per_kh
        ),
        heaters=tuple(machines),
        heat_w=np.zeros(horizon.steps),
    )


def tank_of(
    tank: TankSet,
    home: HomeSet,
    plan: PlanSet,
    facts: "Facts",
    expected: "Expected",
    horizon: Horizon,
    notes: list[str],
) -> Tank | None:
    """A tank; None where nothing of it is planned, or its temperature is not known."""
    heaters = [each for each in tank.heaters if each.is_planned and plan.may(each.name)]
    water_c = facts.temperature_c.get(tank.sensor)
    if not heaters:
        return None
    if water_c is None:
        notes.append(f"{tank.name}: its temperature is not known, it is left to its thermostat")
        return None
    machines = tuple(_heater(each, facts, heat_per_w(each, expected.outdoor_c, "tank")) for each in heaters)
    learnt = facts.models.get(tank.name)
    model = learnt if isinstance(learnt, TankModel) else assumed_tank(tank)
    least_c = np.full(horizon.steps, tank.least_c)
    _disinfected(least_c, tank, facts, expected, horizon, machines, model)
    drawn_w = expected.draw_w.get(tank.name)
    if drawn_w is None:
        per_day_wh = DRAW_WH_PER_DAY if tank.draw_wh_per_day is None else tank.draw_wh_per_day
        drawn_w = np.full(horizon.steps, per_day_wh / 24.0)
    return Tank(
        name=tank.name,
        model=model,
        water_c=water_c,
        comfort=Comfort(
            least_c, np.full(horizon.steps, tank.most_c), _liked(tank.liked_c, least_c), tank.comfort_per_kh
        ),
        heaters=machines,
        draw_w=drawn_w,
    )


def assumed_house(machines: list[Heater]) -> HouseModel:
    """An ordinary house for heaters of this size."""
    heat_w = sum(float(np.max(np.abs(each.heat_per_w * each.most_w))) for each in machines)
    envelope_w_per_k = heat_w / _SIZED_K
    whole_j_per_k = envelope_w_per_k * _KEEPS_S
    return HouseModel(
        envelope_w_per_k, _AIR_SHARE * whole_j_per_k, (1.0 - _AIR_SHARE) * whole_j_per_k, 5.0 * envelope_w_per_k
    )


def assumed_tank(tank: TankSet) -> TankModel:
    """Its volume is known; its loss, where nobody says, is that of an ordinary one of this size."""
    loss_w_per_k = tank.loss_w_per_k
    if loss_w_per_k is None:
        loss_w_per_k = (16.66 + 8.33 * tank.volume_l**0.4) / _TANK_RISE_K
    return TankModel(_WATER_J_PER_L_K * tank.volume_l, loss_w_per_k, tank.room_c)


def due_at(tank: TankSet, hot_at: datetime | None, utc: datetime) -> datetime | None:
    """When it must have been hot against legionella; None: never. Where nobody knows when it was, within a day."""
    if tank.legionella_days <= 0.0:
        return None
    return utc + timedelta(days=1) if hot_at is None else hot_at + timedelta(days=tank.legionella_days)


def _disinfected(
    least_c: Floats,
    tank: TankSet,
    facts: "Facts",
    expected: "Expected",
    horizon: Horizon,
    machines: tuple[Heater, ...],
    model: TankModel,
) -> None:
    """Raise the bound where it is due, at the cheapest time until then that can be reached."""
    due = due_at(tank, facts.hot_at.get(tank.name), facts.now.utc)
    if due is None or due >= horizon.moment(horizon.steps):
        return
    length = max(1, -int(-HOT_S // horizon.step_s))
    heat_w = sum(float(np.mean(each.heat_per_w * each.most_w)) for each in machines)
    lift_k = max(tank.legionella_c - facts.temperature_c.get(tank.sensor, tank.least_c), 0.0)
    soonest = int(lift_k * model.heat_j_per_k / max(heat_w, 1.0) / horizon.step_s) + 1
    latest = max(horizon.step_of(due), soonest) + 1
    surplus = expected.pv_w - expected.load_w > sum(float(np.mean(each.most_w)) for each in machines)
    price = np.where(surplus, expected.export_per_kwh, expected.import_per_kwh)[soonest:latest]
    if len(price) == 0:
        return
    first = soonest + int(np.argmin(price))
    least_c[first : first + length] = np.maximum(least_c[first : first + length], tank.legionella_c)


def _night(room: RoomSet, home: HomeSet, horizon: Horizon) -> list[int]:
    """The steps whose beginning lies in the night."""
    assert room.night is not None
    nights = list(spans(home.zone, room.night.hours, horizon.start, horizon.moment(horizon.steps)))
    return [step for step in range(horizon.steps) if any(night.holds(horizon.moment(step)) for night in nights)]


def _liked(liked_c: float | None, least_c: Floats) -> Floats | None:
    """What is liked, and no less than what must be: against legionella it is hotter than anybody likes."""
    return None if liked_c is None else np.maximum(liked_c, least_c)


def _heater(heater: HeaterSet, facts: "Facts", heat_per_w: Floats) -> Heater:
    switched = facts.switched.get(heater.name)
    return Heater(
        name=heater.name,
        heat_per_w=heat_per_w,
        most_w=np.full(len(heat_per_w), heater.power_w),
        least_w=heater.power_w,
        least_on_s=heater.least_on_s,
        least_off_s=heater.least_off_s,
        is_on=switched is not None and switched.is_on,
        since_s=1e9 if switched is None or switched.since_s == inf else switched.since_s,
    )


def heat_per_w(heater: HeaterSet, outdoor_c: Floats, sink: str) -> Floats:
    """What heat a machine makes of a watt (a magnitude), into a `room`, a `tank`, or out of a room (`cooler`)."""
    if sink == "cooler":
        return _on_curve(heater, outdoor_c) if heater.curve else np.full(len(outdoor_c), _EER)
    if not heater.is_pump:
        return np.ones(len(outdoor_c))
    if not heater.curve:
        rise_k = _SINK_C[sink] - outdoor_c
        return np.maximum(_STAFFELL[0] + _STAFFELL[1] * rise_k + _STAFFELL[2] * rise_k**2, 1.0)
    return _on_curve(heater, outdoor_c)


def _on_curve(heater: HeaterSet, outdoor_c: Floats) -> Floats:
    at_c, cop = zip(*heater.curve, strict=True)
    return np.asarray(np.interp(outdoor_c, at_c, cop), dtype=np.float64)
