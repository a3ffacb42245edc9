"""Homes on a real network: their powers go into a power flow, its bus voltages come back to their connection points.

Connected, voltage and frequency are those of the grid above. On an island the source's voltage stands still and the
frequency swings with what the feeder draws, losses included, beyond what is dispatched. Copies of the world (a fleet of 300 on a street of 30) are solved as one batch and share source, taps and station; what
the station's devices show is the first copy of the process. A home with one phase has all its wires on it.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from sim_hardware.physics.frequency import Frequency, SwingParams
from sim_hardware.physics.network import Floats, Flow, NoSolution, PowerFlow
from sim_hardware.physics.vector import Rows
from sim_hardware.world.config import WorldConfig
from sim_hardware.world.feeders import network_of
from sim_hardware.world.parts import IslandPart
from sim_hardware.world.plan import HomePlan
from sim_hardware.world.stations import Seen, Stations
from sim_hardware.world.supply import Alone, Grid

# Sums of steps are not exact.
SOON_S: Final = 1e-9


class Networked:
    """The port `Supply` on a feeder; `stations` are its devices, `flow` its last solution, `swing` that of an island."""

    def __init__(self, config: WorldConfig, plans: Sequence[HomePlan]) -> None:
        part = config.feeder
        self.network = network_of(part, config.home, config.station)
        self._power = PowerFlow(self.network.feeder)
        self.swing = None if config.island is None else _swing(config.island)
        grid = config.grid if self.swing is None else config.grid.model_copy(update={"voltage_wander_v": 0.0})
        self._grid, self._every_s, self._kind = Grid(config.world.seed, grid), part.every_s, part.kind
        self._names = [plan.name for plan in plans]
        self._copies, self._sites = _rows(config, plans)
        if self.swing is not None and self._copies.max() > 0:
            raise ValueError(
                f"homes {len(plans)}: an island is not copied; at most {len(self.network.places)} are allowed"
            )
        self._arrange()
        self._moved = False
        self.stations = Stations(
            config.station,
            self.network.feeder,
            seed=config.world.seed,
            clock_s=config.world.start.timestamp(),
            move=self._move,
        )
        nothing = np.zeros((len(plans), 3))
        self._solve(nothing, nothing)
        self._since_s = self._every_s  # nobody draws nothing: the first step is solved again
        self.stations.observe(Seen.first_of(self.flow, self.frequency_hz), 0.0)

    def _arrange(self) -> None:
        """Room for the powers of all sites: homes, stated loads, capacitor banks; and who has one phase only."""
        phases = [self.network.places[site].phase for site in self._sites]
        self._single = np.array([row for row, phase in enumerate(phases) if phase is not None], dtype=np.intp)
        self._phase = np.array([phase for phase in phases if phase is not None], dtype=np.intp)
        homes, stated = len(self.network.places), len(self.network.stated_w)
        shape = (self._copies.max() + 1, len(self.network.feeder.sites), 3)
        self._power_w, self._reactive_var = np.zeros(shape), np.zeros(shape)
        self._power_w[:, homes : homes + stated] = self.network.stated_w
        self._reactive_var[:, homes : homes + stated] = self.network.stated_var
        self._banks = slice(homes + stated, None)

    @property
    def copies(self) -> int:
        """How many feeders there are."""
        return len(self._power_w)

    @property
    def frequency_hz(self) -> float:
        """The same for everyone."""
        return self._grid.frequency_hz if self.swing is None else self.swing.frequency_hz

    @property
    def drawn_w(self) -> float:
        """What all feeders take from the grid above, losses included; negative where they give."""
        return float(self.flow.source_w.sum())

    def after(self, dt_s: float, power_w: Floats, reactive_var: Floats) -> None:
        """As the port says; NoSolution names what was asked for."""
        self._grid.after(dt_s)
        self.stations.after(dt_s)
        self._since_s += dt_s
        if self._moved or self._since_s >= self._every_s - SOON_S:
            self._solve(power_w, reactive_var)
        if self.swing is not None:
            self.swing.load_w = self.drawn_w
            self.swing.after(dt_s)
        self.stations.observe(Seen.first_of(self.flow, self.frequency_hz), dt_s)

    def _move(self, transformer: str, tap: int) -> None:
        self._power.set_tap(transformer, tap)
        self._moved = True

    def _solve(self, power_w: Floats, reactive_var: Floats) -> None:
        self._since_s, self._moved = 0.0, False
        self._put(self._power_w, power_w)
        self._put(self._reactive_var, reactive_var)
        self._reactive_var[:, self._banks] = self.stations.bank_var
        self._power.set_source(self._source_pu())
        try:
            self.flow = self._flow()
        except NoSolution as error:
            raise NoSolution(self._asked(power_w)) from error
        self.voltage_v = self._at_homes()

    def _source_pu(self) -> float:
        """`[grid]` says what homes see without any load."""
        return self._grid.voltage_v * 3**0.5 / self.network.level_v

    def _put(self, sites: Floats, homes: Floats) -> None:
        sites[self._copies, self._sites] = homes
        if len(self._single):
            copies, rows = self._copies[self._single], self._sites[self._single]
            sites[copies, rows] = 0.0
            sites[copies, rows, self._phase] = homes[self._single].sum(axis=1)

    def _flow(self) -> Flow:
        if self.copies == 1:
            return self._power.solve(self._power_w[0], self._reactive_var[0])
        return self._power.solve_many(self._power_w, self._reactive_var)

    def _at_homes(self) -> Floats:
        sites_v = self._power.at_sites(self.flow.voltage_v).reshape(self._power_w.shape)
        homes_v = sites_v[self._copies, self._sites]
        if len(self._single):
            homes_v[self._single] = homes_v[self._single, self._phase][:, None]
        return homes_v

    def _asked(self, power_w: Floats) -> str:
        """The copy that asks for most, and in it the home that does."""
        copy = int(np.abs(self._power_w.sum(axis=(1, 2))).argmax())
        rows = np.flatnonzero(self._copies == copy)
        worst = int(rows[np.abs(power_w[rows].sum(axis=1)).argmax()])
        total_w, total_var = self._power_w[copy].sum(), self._reactive_var[copy].sum()
        where = f", copy {copy + 1}" if self.copies > 1 else ""
        return (
            f"feeder {self._kind}{where}: {total_w:g} W and {total_var:g} var in all is more than it can carry at"
            f" {self._grid.voltage_v:g} V; most asks {self._names[worst]} on bus"
            f" {self.network.places[self._sites[worst]].bus}: {power_w[worst].sum():g} W"
        )


def supply_of(config: WorldConfig, plans: Sequence[HomePlan]) -> Alone | Networked:
    """What the homes of a process hang on."""
    if config.feeder.kind == "alone":
        return Alone([plan.name for plan in plans], config.world.seed, config.grid)
    return Networked(config, plans)


def _swing(part: IslandPart) -> Frequency:
    params = SwingParams(
        rating_va=part.rating_va,
        inertia_s=part.inertia_s,
        droop_pu=part.droop_pu,
        damping_pu=part.damping_pu,
        primary_lag_s=part.primary_lag_s,
        reserve_w=math.inf if part.reserve_w is None else part.reserve_w,
    )
    swing = Frequency(params, islanded=True)
    swing.dispatch_w = part.dispatch_w
    return swing


def _rows(config: WorldConfig, plans: Sequence[HomePlan]) -> tuple[Rows, Rows]:
    """Of each home: its copy, counted from 0 in this process, and its site within a copy."""
    starts, total = [], 0
    for block in config.home:
        starts.append(total)
        total += block.count
    order = {copy: row for row, copy in enumerate(dict.fromkeys(plan.copy for plan in plans))}
    copies = np.array([order[plan.copy] for plan in plans], dtype=np.intp)
    return copies, np.array([starts[plan.block] + plan.number for plan in plans], dtype=np.intp)
