"""A home whose terminals follow a foreign simulator: what it takes, what it gives, and the names of both.

Names are `part.quantity`, with the unit at the end as everywhere. Power is positive when consumed. A value that was
given holds until another one comes; None gives the quantity back to the home's own physics. What nobody gives, the home
makes up itself from its seed, so that a simulator may play as little as the voltage or as much as every power.
"""

import math
from collections.abc import Mapping
from random import Random
from typing import Final

from sim_hardware.home import STEP_S, SimHome
from sim_hardware.physics.grid import Grid
from sim_hardware.physics.terminal import Phases, balanced

Values = Mapping[str, float | None]
_PHASES: Final = (1, 2, 3)
# Three of them on a phase stay below the 48 kW at which the home's own grid collapses.
_PHASE_W: Final = (-12_000.0, 12_000.0)
# At 0 V no meter could say what current flows.
_VOLTS: Final = (1.0, 1000.0)

# What is taken, with the least and the most that is allowed.
TAKES: Final[Mapping[str, tuple[float, float]]] = {
    "grid.voltage_v": _VOLTS,  # all three phases
    **{f"grid.voltage_l{phase}_v": _VOLTS for phase in _PHASES},
    "grid.frequency_hz": (1.0, 100.0),
    "load.power_w": (-36_000.0, 36_000.0),  # in equal parts on the phases
    **{f"load.power_l{phase}_w": _PHASE_W for phase in _PHASES},
    "pv.irradiance_w_m2": (0.0, 2000.0),  # the home's own plant and its limit make power of it
    "pv.power_w": (-36_000.0, 36_000.0),  # the simulator's plant does: it follows pv.limit_w itself
    "battery.power_w": (-36_000.0, 36_000.0),  # the simulator's battery: it follows battery.setpoint_w itself
    "battery.soc_percent": (0.0, 100.0),
}
# Of all three phases at once, and how a value of it becomes one of each.
_SHARED: Final = {"grid.voltage_v": ("grid.voltage", "v", 1.0), "load.power_w": ("load.power", "w", 1.0 / 3.0)}

GIVES: Final = (
    "battery.setpoint_w",  # what the node has told it; None: nothing, its own mode
    "pv.limit_w",  # the most it may produce, a magnitude; None: no limit
    "grid.power_w",
    *(f"grid.power_l{phase}_w" for phase in _PHASES),
    *(f"grid.voltage_l{phase}_v" for phase in _PHASES),
    "grid.frequency_hz",
    "load.power_w",
    "pv.power_w",
    "battery.power_w",
    "battery.soc_percent",
)


class BadValue(ValueError):
    """A value that a foreign simulator gave and that cannot be taken; the message says which, and what is allowed."""


def insist_takeable(name: str, value: float | None) -> None:
    """BadValue for an unknown name or a value out of its bounds."""
    if name not in TAKES:
        raise BadValue(f"{name}: not a quantity that is taken; allowed are {', '.join(TAKES)}")
    least, most = TAKES[name]
    if value is not None and not least <= value <= most:
        raise BadValue(f"{name} = {value:g}: {least:g} to {most:g} is allowed")


class ForeignHome(SimHome):
    """A SimHome with `take` and `give`; a step longer than `step_s` is cut as in any home."""

    def __init__(self, seed: int, *, step_s: float = STEP_S, lag_s: float = 1.0) -> None:
        self._given: dict[str, float] = {}
        super().__init__(seed, step_s=step_s, lag_s=lag_s)
        self.grid = _GivenGrid(seed, self._given)

    def take(self, values: Values) -> None:
        """Let these values hold from now on, all of them or (BadValue) none."""
        for name, value in values.items():
            insist_takeable(name, value)
        for name, value in {**_spread(values), **values}.items():
            if name in _SHARED:
                continue
            if value is None:
                self._given.pop(name, None)
            else:
                self._given[name] = value
        self.sun.hold_w_m2 = self._given.get("pv.irradiance_w_m2")
        self._solve()

    def give(self) -> dict[str, float | None]:
        """Every quantity of GIVES as it is now."""
        t = self.terminals
        values: dict[str, float | None] = {
            "battery.setpoint_w": self.store.request_w,
            "pv.limit_w": self.plant.limit_w,
            "grid.frequency_hz": t["grid"].frequency_hz,
            "battery.soc_percent": 100.0 * self.store.soc,
            **{f"{name}.power_w": terminal.total_w for name, terminal in t.items()},
        }
        for phase in _PHASES:
            values[f"grid.power_l{phase}_w"] = t["grid"].power_w[phase - 1]
            values[f"grid.voltage_l{phase}_v"] = t["grid"].voltage_v[phase - 1]
        return {name: values[name] for name in GIVES}

    def _solve(self) -> None:
        """The home's own powers first, then those that were given, then what this makes at the connection point."""
        if (soc_percent := self._given.get("battery.soc_percent")) is not None:
            self.store.stored_wh = soc_percent / 100.0 * self.store.capacity_wh
        super()._solve()
        t = self.terminals
        before = [t[name].power_w for name in ("load", "pv", "battery")]
        after = [self._load_w(before[0]), self._power_w("pv", before[1]), self._power_w("battery", before[2])]
        if after == before:
            return
        t["load"].power_w, t["pv"].power_w, t["battery"].power_w = after
        t["grid"].power_w = sum(p[0] for p in after), sum(p[1] for p in after), sum(p[2] for p in after)
        voltage_v = self.grid.voltage_v(t["grid"].power_w, t["grid"].reactive_var)
        for terminal in t.values():
            terminal.voltage_v = voltage_v

    def _load_w(self, own: Phases) -> Phases:
        return _given_phases(self._given, "load.power_l{}_w", own)

    def _power_w(self, name: str, own: Phases) -> Phases:
        total_w = self._given.get(f"{name}.power_w")
        return own if total_w is None else balanced(total_w)


class _GivenGrid(Grid):
    """The home's own grid where nobody gives voltage or frequency."""

    def __init__(self, seed: int, given: Mapping[str, float]) -> None:
        super().__init__(Random(f"{seed} grid"))
        self._given = given

    @property
    def frequency_hz(self) -> float:
        """The frequency that was given, or its own."""
        return self._given.get("grid.frequency_hz", self._frequency.value)

    def voltage_v(self, power_w: Phases, reactive_var: Phases) -> Phases:
        """The voltages that were given, or its own under these powers."""
        if all(f"grid.voltage_l{phase}_v" in self._given for phase in _PHASES):
            return _given_phases(self._given, "grid.voltage_l{}_v", (math.nan, math.nan, math.nan))
        return _given_phases(self._given, "grid.voltage_l{}_v", super().voltage_v(power_w, reactive_var))


def _spread(values: Values) -> dict[str, float | None]:
    """Values of all phases as one for each."""
    spread: dict[str, float | None] = {}
    for name, (stem, unit, share) in _SHARED.items():
        if name not in values:
            continue
        value = values[name]
        for phase in _PHASES:
            spread[f"{stem}_l{phase}_{unit}"] = None if value is None else value * share
    return spread


def _given_phases(given: Mapping[str, float], name: str, own: Phases) -> Phases:
    return given.get(name.format(1), own[0]), given.get(name.format(2), own[1]), given.get(name.format(3), own[2])
