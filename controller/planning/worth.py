"""What is no bill: the prices of broken bounds, and what is worth something at the end of the horizon.

**Broken bounds** cost more than any energy could: those of the owner (comfort, a car's charge) 20 times the highest price or
deviation there is, per kWh or per kelvin and hour times what a kelvin holds; those of the connection point 20 times that again.
So a site that cannot keep all gives up comfort before the grid's limits, and as little as it can.

**The end** is no cliff. A kWh in a battery at the end is worth what filling it again would cost: in the share of the last day's sun
that is over, what that would have earned; for the rest the cheapest price of the last day; and never more than it could save. A
car's is worth a little less than the cheapest kWh, so that it takes what would be sold for less. Heat in a store is worth the
cheapest way to make it, as much of it as six hours later is still there, and nothing where no heating (or cooling) is needed.
"""

from dataclasses import dataclass

import numpy as np

from controller.planning.heat import Steps
from controller.planning.site import Battery, Floats, House, Site, Tank

OVER_ENERGY = 20.0
LATER_S = 6 * 3600.0
DAY_S = 86_400.0
# A car's last kWh is worth this share of the cheapest one: what costs as much as later is not bought now.
NOT_QUITE = 0.95
# Never nothing, or it would be given away for nothing.
LEAST_PER_KWH = 1e-4


@dataclass(frozen=True, slots=True)
class Broken:
    """Prices of broken bounds: the owner's per kWh, and the connection point's per kWh."""

    owner_per_kwh: float
    grid_per_kwh: float

    def per_kh(self, steps: Steps) -> float:
        """Of a temperature: per kelvin and hour."""
        return self.owner_per_kwh * max(1.0, float(steps.kwh_per_k.sum()))


def broken(site: Site, held: list[Steps]) -> Broken:
    """The prices of this site's bounds."""
    prices = np.concatenate([np.abs(site.import_per_kwh), np.abs(site.export_per_kwh), [0.1]])
    beside = [each.deviation_per_kwh for each in site.commitments] + [each.wear_per_kwh for each in site.batteries]
    owner = OVER_ENERGY * max(float(prices.max()), *beside, site.profit_per_kwh)
    most = max([1.0, *(float(steps.kwh_per_k.sum()) for steps in held)])
    return Broken(owner, OVER_ENERGY * owner * most)


def last_day(site: Site) -> slice:
    """The steps of the last 24 hours."""
    return slice(-min(site.horizon.steps, max(1, round(DAY_S / site.horizon.step_s))), None)


def cheapest_per_kwh(site: Site) -> float:
    """The cheapest kWh of the last day, never below nothing."""
    return max(0.0, float(site.import_per_kwh[last_day(site)].min()))


def of_battery(site: Site, battery: Battery) -> float:
    """What a kWh stored at the end is worth."""
    day = last_day(site)
    capacity = sum(each.most_wh - each.least_wh for each in site.batteries)
    over_w = np.maximum(site.pv_w[day] - site.load_w[day], 0.0)
    share = min(1.0, float(over_w.sum()) * site.horizon.hours / capacity) if capacity > 0 else 1.0
    earned = max(0.0, float(np.average(site.export_per_kwh[day], weights=over_w))) if over_w.any() else 0.0
    refill = (share * earned + (1.0 - share) * cheapest_per_kwh(site)) / battery.charge_efficiency
    saves = battery.discharge_efficiency * (
        float(site.import_per_kwh[day].mean()) - battery.wear_per_kwh - site.profit_per_kwh
    )
    return max(LEAST_PER_KWH, min(refill, saves))


def of_car(site: Site, efficiency: float) -> float:
    """What a kWh in a car at the end is worth."""
    return NOT_QUITE * cheapest_per_kwh(site) / efficiency


def of_store(site: Site, store: House | Tank, steps: Steps) -> Floats:
    """What a kelvin of each mass is worth at the end; below 0 where cold is."""
    nothing = np.zeros(steps.kwh_per_k.size)
    day = last_day(site)
    cops = np.array([float(each.heat_per_w[day].mean()) for each in store.heaters])
    if not cops.size or cops.min() * cops.max() <= 0 or not _is_needed(store, steps, day, warms=bool(cops.max() > 0)):
        return nothing
    kept = np.linalg.matrix_power(steps.keeps, max(1, round(LATER_S / site.horizon.step_s)))
    best = cops[np.argmax(np.abs(cops))]
    per_k: Floats = (steps.kwh_per_k @ kept) * cheapest_per_kwh(site) / best
    return per_k


def _is_needed(store: House | Tank, steps: Steps, day: slice, *, warms: bool) -> bool:
    """Whether the store at rest, as the last day was on average, would leave its bounds."""
    if isinstance(store, Tank):
        return True
    rest_c = np.linalg.lstsq(np.eye(2) - steps.keeps, steps.given[day].mean(axis=0), rcond=None)[0][0]
    comfort = store.comfort
    return bool(rest_c < comfort.least_c[day].max() if warms else rest_c > comfort.most_c[day].min())
