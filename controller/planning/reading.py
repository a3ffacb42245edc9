"""From the solution of the problem to a plan in the words of the site."""

from dataclasses import dataclass

import numpy as np

from controller.planning import accounting
from controller.planning.heat import steps_of
from controller.planning.model import Model
from controller.planning.plan import Made, Plan, Violation
from controller.planning.site import Bools, Floats, Site
from controller.planning.worth import Broken, broken


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What every device does, however it was decided; `masses_c` of a store has a row for each mass, n + 1 edges."""

    power_w: dict[str, Floats]
    stored_wh: dict[str, Floats]
    masses_c: dict[str, Floats]
    is_on: dict[str, Bools]
    grid_w: Floats
    curtailed_w: Floats
    runs_missing: dict[str, float]
    elsewhere_wh: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """The duals: of a kWh consumed in a step, and of a kWh more in a store at its end."""

    value_per_kwh: Floats
    stored_per_kwh: dict[str, Floats]


def course(of: Model, x: Floats) -> Course:
    """The solution by device; import less export is one power, and so are charge and discharge."""
    at, power_w, stored_wh, is_on = of.grid, dict[str, Floats](), dict[str, Floats](), dict[str, Bools]()
    for each in of.batteries:
        power_w[each.battery.name] = 1000.0 * (x[each.charge] - x[each.discharge])
        stored_wh[each.battery.name] = 1000.0 * np.append(each.battery.stored_wh / 1000.0, x[each.energy])
    for plugged in of.cars:
        power_w[plugged.car.name] = 1000.0 * x[plugged.power]
        stored_wh[plugged.car.name] = np.append(plugged.car.stored_wh, 1000.0 * x[plugged.energy])
    for run in of.runs:
        share = np.zeros(of.site.horizon.steps)
        share[run.first : run.first + run.share.size] = x[run.share]
        power_w[run.appliance.name], is_on[run.appliance.name] = share * run.appliance.power_w, share > 0.5
    for warming in of.heaters:
        power_w[warming.heater.name] = 1000.0 * x[warming.power]
        if warming.on.size:
            is_on[warming.heater.name] = x[warming.power] > 1e-6
    masses_c = {
        each.store.name: np.stack(
            [np.append(begin, x[mass]) for begin, mass in zip(each.steps.begins_c, each.masses, strict=True)]
        )
        for each in of.stores
    }
    grid_w = 1000.0 * (x[at.imports] + x[at.over_import] - x[at.exports] - x[at.over_export])
    return Course(
        power_w, stored_wh, masses_c, is_on, grid_w, 1000.0 * x[at.curtailed],
        {run.appliance.name: float(x[run.missing[0]]) for run in of.runs},
        {each.car.name: 1000.0 * float(x[each.elsewhere].sum()) for each in of.cars},
    )  # fmt: skip


def worth(of: Model, duals: Floats) -> Worth:
    """Duals per kWh: a row's right-hand side is a kW over a step, a kWh, or a kelvin."""
    stored = {each.battery.name: -duals[each.rows] for each in of.batteries}
    stored |= {each.car.name: -duals[each.rows] for each in of.cars}
    stored |= {each.store.name: -duals[each.rows[0]] / each.steps.kwh_per_k[0] for each in of.stores}
    return Worth(duals[of.grid.balance] / of.site.horizon.hours, stored)


def plan(site: Site, found: Course, value: Worth, made: Made, *, of_contract: dict[str, float] | None = None,
         solve_s: float = 0.0, gap: float = 0.0, notes: tuple[str, ...] = ()) -> Plan:  # fmt: skip
    """A course with what it costs."""
    held = {each.name: steps_of(each, site.horizon, site.outdoor_c) for each in site.stores}
    price: Broken = broken(site, list(held.values()))
    temperature_c = {name: masses[0] for name, masses in found.masses_c.items()}
    bad: tuple[Violation, ...] = accounting.violations(
        site, found.grid_w, found.stored_wh, temperature_c, found.runs_missing, found.elsewhere_wh
    )
    ends_c = {name: masses[:, -1] for name, masses in found.masses_c.items()}
    cost = accounting.cost(
        site, price, held, found.grid_w, found.power_w, found.stored_wh, temperature_c, ends_c, bad
    )  # fmt: skip
    return Plan(
        site.horizon, made, cost, found.grid_w, site.load_w, site.pv_w, found.curtailed_w, site.import_per_kwh,
        site.export_per_kwh, site.outdoor_c, found.power_w, found.stored_wh, temperature_c, found.is_on,
        value.value_per_kwh, value.stored_per_kwh, bad, of_contract or {}, solve_s, gap, (*site.notes, *notes),
    )  # fmt: skip
