"""Many loads that are on or off about a temperature, made to follow one power: who is switched next.

Of those that may switch, the ones nearest to the end of their dead band go first: they would have switched soon anyway. One
that leaves its dead band is switched whatever is asked, and none before its least on or off time is over. Arrays have
one value per unit; heating counts a temperature from below, cooling from above, so 0 is "just switched off", 1 "switches on".

Source: Hao, Sanandaji, Poolla, Vincent, "Aggregate Flexibility of Thermostatically Controlled Loads", IEEE Trans. Power
Systems 30 (2015) 189; its abstract was read, the formulas of `battery` are derived here (docs/decisions/0043).

When blind: a unit without a temperature (NaN) is left as it is and not reckoned with.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]
NOBODY: Final = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What does not change: rated electrical power, the dead band, which way they work, and their least times."""

    power_w: Floats
    low_c: Floats
    high_c: Floats
    cools: Bools
    least_on_s: Floats
    least_off_s: Floats

    def __post_init__(self) -> None:
        if not (self.power_w > 0.0).all() or not (self.high_c > self.low_c).all():
            raise ValueError("units: power_w must be more than 0 and high_c more than low_c for each of them")
        if not (self.least_on_s >= 0.0).all() or not (self.least_off_s >= 0.0).all():
            raise ValueError("units: least_on_s and least_off_s must be 0 or more for each of them")

    def need(self, temperature_c: Floats) -> Floats:
        """How near each is to switching on by itself: 0 at the end where it rests, 1 where it must run."""
        share = (temperature_c - self.low_c) / (self.high_c - self.low_c)
        return np.where(self.cools, share, 1.0 - share)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Who is on, and since when each is as it is (monotonic)."""

    is_on: Bools
    switched_s: Floats


@dataclass(frozen=True, slots=True)
class Outcome:
    """What they draw now, how far that is from what was asked (positive: too much), and how many were switched: for their
    own temperature, and for the power.
    """

    power_w: float
    off_w: float
    by_themselves: int
    by_order: int


def step(units: Units, memory: Memory, now_s: float, temperature_c: Floats, target_w: float) -> tuple[Memory, Outcome]:
    """Switch those that must, then those nearest to it until the power is as near to `target_w` as whole units come."""
    need = units.need(temperature_c)
    free = now_s - memory.switched_s >= np.where(memory.is_on, units.least_on_s, units.least_off_s)
    must = free & (((need >= 1.0) & ~memory.is_on) | ((need <= 0.0) & memory.is_on))
    is_on = memory.is_on ^ must
    # At the end of its band a unit is its own master: it would have to switch back.
    free &= (need > 0.0) & (need < 1.0)
    missing_w = target_w - float(units.power_w[is_on].sum())
    chosen = _nearest(units, need, free & ~is_on, missing_w) if missing_w > 0.0 else NOBODY
    if missing_w < 0.0:
        chosen = _nearest(units, 1.0 - need, free & is_on, -missing_w)
    is_on[chosen] = ~is_on[chosen]
    switched_s = np.where(is_on != memory.is_on, now_s, memory.switched_s)
    power_w = float(units.power_w[is_on].sum())
    return Memory(is_on, switched_s), Outcome(power_w, power_w - target_w, int(must.sum()), len(chosen))


def _nearest(units: Units, urgency: Floats, may: Bools, wanted_w: float) -> Rows:
    """The most urgent of those that may, until their powers come to what is wanted: one more where that is nearer."""
    rows = np.flatnonzero(may)
    if rows.size == 0:
        return NOBODY
    rows = rows[np.argsort(-urgency[rows], kind="stable")]
    sums_w = np.cumsum(units.power_w[rows])
    count = int(np.searchsorted(sums_w, wanted_w, side="right"))
    below_w = wanted_w - (sums_w[count - 1] if count > 0 else 0.0)
    if count < len(rows) and sums_w[count] - wanted_w < below_w:
        count += 1
    return rows[:count]


@dataclass(frozen=True, slots=True)
class Battery:
    """The aggregate as a store beside its baseline: dx/dt = -x / fades_s + u, with u within both powers and |x| <= capacity.

    `baseline_w`: what it draws when left alone. `up_w`: how much more, `down_w`: how much less it can draw (magnitudes).
    """

    baseline_w: float
    up_w: float
    down_w: float
    capacity_wh: float
    fades_s: float


def battery(
    units: Units, resistance_k_per_w: Floats, capacity_j_per_k: Floats, cop: Floats, outdoor_c: float
) -> Battery:
    """The generalised battery of units that each lose heat to `outdoor_c` through one resistance.

    C dT/dt = (outdoor - T) / R +- COP P: in the middle of its band a unit needs P0 = |middle - outdoor| / (R COP), held to 0
    and its rating. So it can draw its rating less P0 more and P0 less, and half its band holds C (band / 2) / COP. The sum is
    what the many can do together at most; the time is the mean of R C, weighted by capacity.
    """
    middle_c = (units.low_c + units.high_c) / 2.0
    gap_k = np.where(units.cools, outdoor_c - middle_c, middle_c - outdoor_c)
    baseline_w = np.clip(gap_k / (resistance_k_per_w * cop), 0.0, units.power_w)
    half_wh = capacity_j_per_k * (units.high_c - units.low_c) / 2.0 / cop / 3600.0
    live = (baseline_w > 0.0) & (baseline_w < units.power_w)  # who never switches can do nothing
    fades_s = resistance_k_per_w * capacity_j_per_k
    capacity_wh = float(half_wh[live].sum())
    return Battery(
        baseline_w=float(baseline_w.sum()),
        up_w=float((units.power_w - baseline_w)[live].sum()),
        down_w=float(baseline_w[live].sum()),
        capacity_wh=capacity_wh,
        fades_s=float((fades_s * half_wh)[live].sum()) / capacity_wh if capacity_wh > 0.0 else 0.0,
    )
