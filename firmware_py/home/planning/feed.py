"""What a cycle leaves in the history: the load that is not steered, what the modules made, temperatures, and heat."""

from collections.abc import Mapping
from math import inf
from typing import Final

import numpy as np

from controller.cycle import Inputs
from controller.devices import Role
from controller.forecasting.sun import height
from controller.planning.site import Floats
from firmware_py.home.comfort import Comfort
from firmware_py.home.history import LOAD, OUTDOOR, PV, rest_w
from firmware_py.home.planning.learning import heat, warmth
from firmware_py.home.planning.settings import HeaterSet, HomeSet
from firmware_py.home.planning.stores import heat_per_w
from protocols.ports import Clock

# The sun moves by a quarter of a degree meanwhile.
_SUN_S: Final = 60.0


class Feed:
    """`values` are those of a cycle, by the name of their series; None where a part of one is not known."""

    def __init__(self, home: HomeSet, comfort: Comfort, clock: Clock) -> None:
        self._home, self._comfort, self._clock = home, comfort, clock
        self._steered = home.steered
        self._sun = (-inf, True)

    def values(self, inputs: Inputs) -> dict[str, float | None]:
        """What is remembered of a cycle; None where a part of it is not known."""
        now_s = inputs.now_s
        made_w, limited, others = 0.0, False, list[float | None]()
        for view in inputs.devices:
            power_w = view.power_w
            if view.role is Role.PRODUCER:
                if power_w is None and not self._is_day(now_s):
                    power_w = 0.0  # it sleeps
                made_w += 0.0 if power_w is None else max(-power_w, 0.0)
                limited |= view.limited_to_w is not None and made_w >= 0.9 * view.limited_to_w
                others.append(power_w)
            elif view.role is Role.FOLLOWER:
                others.append(power_w)
            elif view.name in self._steered:
                others.append(0.0 if power_w is None else power_w)  # left alone, and nobody measures it
        outdoor_c = None if self._home.outdoor is None else self._comfort.temperature_c(self._home.outdoor, now_s)
        values = {LOAD: rest_w(inputs.site_w, others), OUTDOOR: outdoor_c}
        if self._home.pv:
            # What a limited inverter could have made nobody knows.
            values[PV] = None if limited or None in others else made_w
        self._remember_heat(values, inputs, outdoor_c)
        return values

    def _remember_heat(self, values: dict[str, float | None], inputs: Inputs, outdoor_c: float | None) -> None:
        if not self._home.rooms and not self._home.tanks:
            return
        power_w = {view.name: view.power_w for view in inputs.devices if view.role is Role.LOAD}
        for room in self._home.rooms:
            values[warmth(room.name)] = self._comfort.temperature_c(room.sensor, inputs.now_s)
            brought = [_heat_w(each, power_w, outdoor_c, "room") for each in room.heaters]
            taken = [_heat_w(each, power_w, outdoor_c, "cooler") for each in room.coolers]
            values[heat(room.name)] = rest_w(_sum(brought), taken)
        for tank in self._home.tanks:
            values[warmth(tank.name)] = self._comfort.temperature_c(tank.sensor, inputs.now_s)
            values[heat(tank.name)] = _sum([_heat_w(each, power_w, outdoor_c, "tank") for each in tank.heaters])

    def _is_day(self, now_s: float) -> bool:
        """Whether the sun is up; always, where nobody knows where the home stands."""
        until_s, is_day = self._sun
        if now_s >= until_s and self._home.place is not None:
            utc_s: Floats = np.array([self._clock.utc().timestamp()])
            is_day = bool(height(self._home.place, utc_s)[0] > 0.0)
            self._sun = (now_s + _SUN_S, is_day)
        return is_day


def _heat_w(heater: HeaterSet, power_w: Mapping[str, float | None], outdoor_c: float | None, sink: str) -> float | None:
    """What heat a machine brings into its store, or takes out."""
    drawn_w = power_w.get(heater.name)
    if drawn_w is None or drawn_w <= 0.0 or not (heater.is_pump or sink == "cooler"):
        return drawn_w
    return None if outdoor_c is None else drawn_w * float(heat_per_w(heater, np.array([outdoor_c]), sink)[0])


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
