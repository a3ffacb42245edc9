"""A simulated home: one connection point with a meter, a PV inverter, a battery and a metered base load.

Everything is drawn from one seed; nothing here takes a clock. `after(dt_s)` is the only way on.
"""

import math
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from random import Random
from typing import Final, Literal, get_args

from sim_hardware.devices.go_e import GoECharger
from sim_hardware.devices.image import RegisterImage
from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.devices.sdm630 import Sdm630
from sim_hardware.devices.sg_ready import SgReady, SgState
from sim_hardware.devices.sunspec_battery import SunSpecBattery
from sim_hardware.devices.sunspec_der import SunSpecDer
from sim_hardware.devices.sunspec_inverter import ALL_MODELS, SunSpecInverter
from sim_hardware.faults import Faults
from sim_hardware.household import Comfort, Household
from sim_hardware.physics.battery import BatteryStore
from sim_hardware.physics.der.plant import DerPlant
from sim_hardware.physics.ev import Ev, EvParams, Trip
from sim_hardware.physics.grid import Grid
from sim_hardware.physics.load import DAY_S, Load
from sim_hardware.physics.pv import PvPlant, Sun
from sim_hardware.physics.terminal import Phases, Terminal, balanced

NOON_S: Final = 43_200.0
# Longest step of the physics: a fifth of the lag of inverter and battery.
STEP_S: Final = 0.2
# What the PV inverter speaks: SunSpec 1xx and a plain limit, or 7xx and all grid functions.
Generation = Literal["1xx", "7xx"]


class SimHome:
    """The home's parts by name: `load`, `sun`, `plant`, `store`, `grid`; its devices as `images`; their `faults`.

    Power is positive when consumed, at every terminal. PCC power = load + PV + battery, phase by phase; PV and battery
    are balanced over the phases, the load is not. `day_s` is the time of day at which the home starts. A step longer
    than `step_s` is cut into equal parts of at most that. `inverter_models` choose among those of generation 1xx; one of
    7xx has all of its own. `netting`: how the meter at the PCC adds its phases (sdm630.py). `car`: one that stays at home,
    behind a go-e ("charger", `charger`), unless it has `trips`, one a day, the last one again and again. `relays`: a board
    with `boiler_w` behind contact 0 and SG-Ready terminals of a heat pump behind 1 and 2, whose power is `pump_w` by its
    state. `comfort` puts real machines and their house behind the board instead (`household`, which
    names its contacts), and thermometers.
    """

    def __init__(
        self,
        seed: int,
        *,
        day_s: float = NOON_S,
        step_s: float = STEP_S,
        inverter: Generation = "1xx",
        inverter_models: tuple[int, ...] = ALL_MODELS,
        lag_s: float = 1.0,
        netting: bool = False,
        car: EvParams | None = None,
        trips: Sequence[Trip] = (),
        relays: bool = False,
        comfort: Comfort | None = None,
    ) -> None:
        if inverter not in get_args(Generation):
            raise ValueError(f"inverter {inverter!r}: allowed are {', '.join(get_args(Generation))}")
        # A generator each: more draws in one part must not change another.
        self.load = Load(Random(f"{seed} load"), day_s)
        self.sun = _sun(seed, comfort, day_s)
        self.grid = Grid(Random(f"{seed} grid"))
        self.store = BatteryStore(lag_s=lag_s)
        self._step_s = step_s
        self.terminals = {name: Terminal() for name in ("grid", "pv", "battery", "load")}
        self.plant: PvPlant | DerPlant
        pv: RegisterImage
        if inverter == "7xx":
            self.plant = DerPlant(self.sun, self.terminals["pv"], Random(f"{seed} inverter"), lag_s=lag_s)
            pv = SunSpecDer(self.terminals["pv"], self.plant, serial=f"PV-{seed:04d}")
        else:
            self.plant = PvPlant(self.sun, lag_s=lag_s)
            pv = SunSpecInverter(self.terminals["pv"], self.plant, models=inverter_models, serial=f"PV-{seed:04d}")
        serial = 21_000_000 + 10 * (seed % 1_000_000)
        self.images: dict[str, RegisterImage] = {
            "grid": Sdm630(self.terminals["grid"], serial=serial, netting=netting),
            "pv": pv,
            "battery": SunSpecBattery(self.terminals["battery"], self.store, serial=f"BAT-{seed:04d}"),
            "load": Sdm630(self.terminals["load"], serial=serial + 1),
        }
        self.charger: GoECharger[Ev] | None = None
        self.board: RelayBoard | None = None
        self.household: Household | None = None
        self.sg_ready = SgReady()
        self.boiler_w = 2000.0
        self.pump_w = {SgState.BLOCKED: 0.0, SgState.NORMAL: 0.0, SgState.ENCOURAGED: 2500.0, SgState.ORDERED: 2500.0}
        if car is not None:
            self.terminals["charger"] = Terminal()
            ev = Ev(_habit(trips), car, day_s=day_s if len(trips) > 0 else 0.0, soc=0.3)
            self.charger = GoECharger(self.terminals["charger"], ev)
            self.images["charger"] = self.charger
        if relays or comfort is not None:
            self.board = RelayBoard()
            self.images["relays"] = self.board
            self._put_behind(self.board, seed, comfort, day_s)
        self.faults = {name: Faults(seed=seed) for name in self.images}
        self._solve()

    def _put_behind(self, board: RelayBoard, seed: int, comfort: Comfort | None, day_s: float) -> None:
        """Loads of fixed power behind the contacts, or machines."""
        if comfort is None:
            self.terminals["switched"] = Terminal()
            return
        self.household = Household(seed, comfort, board, day_s)
        self.sg_ready = self.household.sg_ready
        self.terminals |= self.household.terminals
        self.images["thermometers"] = self.household.thermometers

    def after(self, dt_s: float) -> None:
        """Let time pass."""
        if dt_s <= 0.0:
            return
        steps = max(1, math.ceil(dt_s / self._step_s - 1e-9))
        for _ in range(steps):
            self._step(dt_s / steps)

    def _step(self, dt_s: float) -> None:
        self.images["pv"].after(dt_s)
        self.images["battery"].after(dt_s)
        self.load.after(dt_s)
        self.plant.after(dt_s)
        self.store.after(dt_s)
        self.grid.after(dt_s)
        self._switch(dt_s)
        self._solve()
        for terminal in self.terminals.values():
            terminal.after(dt_s)
        self.images["grid"].after(dt_s)
        self.images["load"].after(dt_s)

    def _switch(self, dt_s: float) -> None:
        """What stands behind the charger and the relays."""
        if self.charger is not None:
            self.charger.after(dt_s)
        if self.board is not None:
            self.board.after(dt_s)
        if self.household is not None:
            self.household.after(dt_s, self.sun.irradiance_w_m2)
        elif self.board is not None:
            boiler, first, second = self.board.relays[:3]
            self.sg_ready.after(dt_s, first, second)
            drawn_w = self.boiler_w * boiler + self.pump_w[self.sg_ready.state]
            self.terminals["switched"].power_w = balanced(drawn_w)

    def _solve(self) -> None:
        """Powers at the terminals, then the voltage that these powers leave at the connection point."""
        t = self.terminals
        t["load"].power_w = self.load.power_w
        t["load"].reactive_var = self.load.reactive_var(t["load"].power_w)
        t["pv"].power_w, t["pv"].reactive_var = balanced(self.plant.power_w), balanced(self.plant.reactive_var)
        t["battery"].power_w = balanced(self.store.power_w)
        t["grid"].power_w = _sum(*(terminal.power_w for name, terminal in t.items() if name != "grid"))
        t["grid"].reactive_var = _sum(t["load"].reactive_var, t["pv"].reactive_var)
        voltage_v = self.grid.voltage_v(t["grid"].power_w, t["grid"].reactive_var)
        for terminal in t.values():
            terminal.voltage_v, terminal.frequency_hz = voltage_v, self.grid.frequency_hz


def _sun(seed: int, comfort: Comfort | None, day_s: float) -> Sun:
    random = Random(f"{seed} sun")
    if comfort is None:
        return Sun(random, day_s)
    climate = comfort.climate
    return Sun(random, day_s, rise_h=climate.rise_h, set_h=climate.set_h, noon_w_m2=climate.noon_w_m2)


# It leaves at midnight and is back at once.
AT_HOME: Final = Trip(DAY_S, DAY_S, 0.0)


def _habit(trips: Sequence[Trip]) -> Callable[[], Trip]:
    """One after the other, the last one again and again."""
    days = chain(trips or (AT_HOME,), repeat(trips[-1] if len(trips) > 0 else AT_HOME))
    return lambda: next(days)


def _sum(*phases: Phases) -> Phases:
    l1, l2, l3 = zip(*phases, strict=True)
    return sum(l1), sum(l2), sum(l3)
