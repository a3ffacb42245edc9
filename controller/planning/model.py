"""The whole problem of a site: its parts, and where each is to be found in the solution."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from controller.planning import electric, thermal
from controller.planning.electric import Charged, Grid, Promise, Run, Stored
from controller.planning.heat import steps_of
from controller.planning.problem import Arrays, Index, Problem
from controller.planning.site import Bools, Floats, Site
from controller.planning.switching import IDLE, Dwell, made_whole
from controller.planning.thermal import Warmed, Warming
from controller.planning.worth import Broken, broken


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A site as arrays, and its parts by their columns."""

    site: Site
    exact: int
    price: Broken
    arrays: Arrays
    grid: Grid
    batteries: tuple[Stored, ...]
    cars: tuple[Charged, ...]
    runs: tuple[Run, ...]
    stores: tuple[Warmed, ...]
    heaters: tuple[Warming, ...]
    promises: tuple[Promise, ...]
    cuts: Index  # rows that no whole solution breaks

    @property
    def shape(self) -> tuple[int, ...]:
        """What two problems must share for one's basis to be a start for the other."""
        arrays = self.arrays
        return arrays.cost.size, arrays.row_lower.size, self.site.horizon.steps, self.exact, arrays.whole.size


def model(site: Site, exact: int, burns: Bools | None = None) -> Model:
    """The problem with `exact` steps in which switches are whole, and gates where burning energy would pay (`burns`)."""
    problem = Problem()
    every = site.stores
    steps = [steps_of(each, site.horizon, site.outdoor_c) for each in every]
    price = broken(site, steps)
    at = electric.grid(problem, site, price)
    burnt = pays_to_burn(site) if burns is None else burns
    batteries = [electric.battery(problem, site, each, at.balance, burnt) for each in site.batteries]
    cars = [electric.car(problem, site, each, at.balance, price, exact) for each in site.cars]
    runs = [electric.appliance(problem, site, each, at.balance, price, exact) for each in site.appliances]
    stores = [thermal.store(problem, site, each, step, price) for each, step in zip(every, steps, strict=True)]
    by_store = [
        [thermal.heater(problem, site, each, warmed, at.balance, exact) for each in warmed.store.heaters]
        for warmed in stores
    ]
    cuts = [thermal.counted(problem, *each, exact) for each in zip(stores, by_store, strict=True)]
    promised = electric.promises(problem, site, at)
    return Model(
        site, exact, price, problem.arrays(), at, tuple(batteries), tuple(cars), tuple(runs), tuple(stores),
        tuple(chain(*by_store)), tuple(promised), np.concatenate([electric.NONE, *cuts]),
    )  # fmt: skip


def pays_to_burn(site: Site) -> Bools:
    """Where a kWh too much costs money: import is paid for, or export costs and the sun may not be limited."""
    return (site.import_per_kwh < 0) | ((site.export_per_kwh < 0) & (not site.may_curtail))


def burning(of: Model, x: Floats) -> Bools:
    """The steps in which a solution charges and discharges a battery at once: energy burnt on paper only."""
    both = [np.minimum(x[each.charge], x[each.discharge]) > 1e-5 for each in of.batteries]
    return np.any(both, axis=0) if both else np.zeros(of.site.horizon.steps, np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Switch:
    """One device's switch in the exact steps from `first` on: its columns, the share of each step it would be on, its least
    times, and where it may be on.
    """

    name: str
    columns: Index
    shares: Floats
    held: Dwell
    first: int
    may: Bools

    def whole(self, shares: Floats | None = None) -> Bools:
        """On or off, following the shares (its own without any)."""
        return made_whole(self.shares if shares is None else shares, self.held, self.first, self.may)

    def least(self) -> Bools:
        """On only where it is held on."""
        return self.whole(np.zeros(self.shares.size))

    def keeps(self, on: Bools) -> bool:
        """Whether its least times let it switch so."""
        return bool(np.array_equal(self.whole(on.astype(np.float64)), on))


def gates(of: Model, x: Floats) -> tuple[Index, Floats]:
    """Which way each gate stands, by the larger of the two."""
    pairs = [
        (of.grid.gate, x[of.grid.imports[of.grid.gated]], x[of.grid.exports[of.grid.gated]]),
        *((each.gate, x[each.charge[each.gated]], x[each.discharge[each.gated]]) for each in of.batteries),
    ]
    columns = np.concatenate([gate for gate, _, _ in pairs])
    return columns, np.concatenate([(one >= other).astype(np.float64) for _, one, other in pairs])


def switches(of: Model, x: Floats) -> Iterator[Switch]:
    """Every switch, and what a solution makes of it."""
    for each in of.cars:
        if each.on.size:
            least = each.car.charge_least_w / 1000.0
            shares = np.minimum(x[each.power[: of.exact]] / least, 1.0)
            yield Switch(each.car.name, each.on, shares, IDLE, 0, each.car.may_charge[: of.exact])
    for run in of.runs:
        if run.on.size:
            may = np.ones(run.on.size, np.bool_)
            yield Switch(run.appliance.name, run.on, x[run.on], run.held, run.first, may)
    for warming in of.heaters:
        if warming.on.size:
            most = warming.heater.most_w[: of.exact] / 1000.0
            from_kw = np.minimum(max(warming.heater.least_w / 1000.0, 1e-3), np.maximum(most, 1e-3))
            shares = np.minimum(x[warming.power[: of.exact]] / from_kw, 1.0)
            yield Switch(warming.heater.name, warming.on, shares, warming.held, 0, most > 0)
