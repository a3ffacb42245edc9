"""From a plan to orders for the present step, by what a stored kWh is worth (bid-price control).

The plan knows means over a step; load and sun will not keep to them. So a battery is not told its planned power but between
which powers it may follow the connection point, and the dual of its energy says which: with `v` the worth of a kWh stored at
the end of the step, taking what would be sold pays where v * charge_efficiency >= the export price, and covering the load
where v / discharge_efficiency + wear + profit <= the import price. At a tie the site's own energy is used. Grid energy is
taken, or stored energy sold, only where the plan does: as much as it says, and all the battery can where a stored kWh is
worth more than it costs. A contract's law steers the connection point itself; then bands say no more than that.

Loads draw what the plan says of the step. Less than a device's least is that least for a part of the step.
"""

from collections.abc import Iterator
from datetime import datetime
from math import inf

from controller.planning.orders import Orders
from controller.planning.plan import Plan
from controller.planning.site import Battery, Site
from controller.wishes import Band

# Prices nearer than this are the same, powers below this none.
NEAR_PER_KWH = 1e-4
NEAR_W = 1.0
# A price this share above the mean of the day to come stands out: the swing of an ordinary night and day is no event.
DEAR = 0.25
DEAR_AHEAD_S = 86_400.0
# A shorter run is not worth a switch.
LEAST_RUN_S = 60.0


def orders(plan: Plan, site: Site, moment: datetime, good_until_s: float) -> Orders:
    """What the plan asks for at a moment; nothing (and already dead) outside its horizon."""
    step = plan.horizon.step_of(moment)
    if not 0 <= step < plan.horizon.steps:
        ends = plan.horizon.moment(plan.horizon.steps)
        return Orders(-inf, f"no plan for {moment:%H:%M:%S}: it is for {plan.horizon.start:%H:%M} to {ends:%H:%M} UTC")
    into = (moment - plan.horizon.moment(step)).total_seconds()
    costs = plan.export_per_kwh[step] < 0 and plan.grid_w[step] >= -NEAR_W
    return Orders(
        good_until_s,
        _why(plan, step),
        {each.name: band(plan, site, each, step) for each in site.batteries},
        dict(_wants(plan, site, step, into)),
        0.0 if costs else -inf,
        is_dear=_is_dear(plan, step),
    )


def band(plan: Plan, site: Site, battery: Battery, step: int) -> Band:
    """Between which powers a battery may follow the connection point."""
    planned_w, grid_w = float(plan.power_w[battery.name][step]), float(plan.grid_w[step])
    worth = float(plan.stored_per_kwh[battery.name][step])
    buys, sells = float(plan.import_per_kwh[step]), float(plan.export_per_kwh[step])
    gains, costs = worth * battery.charge_efficiency, battery.wear_per_kwh + site.profit_per_kwh
    most_w = inf if gains >= sells - NEAR_PER_KWH else 0.0
    least_w = -inf if worth / battery.discharge_efficiency + costs <= buys + NEAR_PER_KWH else 0.0
    if planned_w > NEAR_W and grid_w > NEAR_W:
        least_w = battery.charge_max_w if gains > buys + NEAR_PER_KWH else planned_w
        return Band(least_w, max(most_w, least_w))
    if planned_w < -NEAR_W and grid_w < -NEAR_W:
        return Band(min(least_w, planned_w), planned_w)
    return Band(least_w, most_w)


def _is_dear(plan: Plan, step: int) -> bool:
    """Whether import costs much more than in the mean of the day that begins now (the rest of the horizon where that is less)."""
    ahead = plan.import_per_kwh[step : step + max(round(DEAR_AHEAD_S / plan.horizon.step_s), 1)]
    mean = float(ahead.mean())
    return float(ahead[0]) > mean + DEAR * abs(mean) + NEAR_PER_KWH


def _wants(plan: Plan, site: Site, step: int, into_s: float) -> Iterator[tuple[str, float]]:
    least_w = {each.name: each.charge_least_w for each in site.cars}
    least_w |= {each.name: each.power_w for each in site.appliances}
    for store in site.stores:
        for heater in store.heaters:
            least_w[heater.name] = min(heater.least_w, float(heater.most_w[step]))
    for name, least in least_w.items():
        planned_w = float(plan.power_w[name][step])
        yield name, planned_w if planned_w >= least - NEAR_W else _in_part(planned_w / least, least, plan, into_s)


def _in_part(share: float, least_w: float, plan: Plan, into_s: float) -> float:
    """The least power for that share of the step, from its begin on."""
    runs_s = share * plan.horizon.step_s
    return least_w if runs_s >= LEAST_RUN_S and into_s < runs_s else 0.0


def _why(plan: Plan, step: int) -> str:
    return (
        f"plan of {plan.horizon.start:%H:%M} UTC ({plan.made}): {plan.import_per_kwh[step]:.3f} in,"
        f" {plan.export_per_kwh[step]:.3f} out, a kWh here is worth {plan.value_per_kwh[step]:.3f}"
    )
