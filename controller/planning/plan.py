"""A plan: what each device does in each step, what that costs, and what could not be kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from controller.planning.site import Bools, Floats, Horizon


class Made(StrEnum):
    """How a plan came about, the best first."""

    OPTIMAL = "optimal"  # within the gap that was asked for
    IN_TIME = "in_time"  # the best found before the time was over
    ROUNDED = "rounded"  # the relaxed plan, its steps made whole
    RULES = "rules"  # nothing was solved: the plain rules, looked ahead


@dataclass(frozen=True, slots=True)
class Cost:
    """What the horizon costs, in the currency of the prices; comfort is a price the owner put on it, not a bill.

    `unmet`: what the plan puts on broken bounds; `kept`: what the end holds more than the beginning, at its worth
    (planning/worth.py).
    Neither is money paid, nor in `total`.
    """

    energy: float = 0.0
    wear: float = 0.0
    deviation: float = 0.0
    comfort: float = 0.0
    unmet: float = 0.0
    kept: float = 0.0

    @property
    def total(self) -> float:
        """Money: energy, wear and deviation."""
        return self.energy + self.wear + self.deviation


@dataclass(frozen=True, slots=True)
class Violation:
    """A bound that the plan could not keep: whose, which, from which step on, and by how much in all (Wh, or K h)."""

    name: str
    bound: str
    step: int
    amount: float
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """`power_w` of each steered device by name, `is_on` of those that switch, `stored_wh` and `temperature_c` at the n + 1
    edges of the steps. `value_per_kwh` is what one more kWh consumed in a step would cost, `stored_per_kwh` what one more
    kWh in a store at the end of the step would save.

    `of_contract`: what each commitment costs: this plan's cost less that of a plan without it.
    """

    horizon: Horizon
    made: Made
    cost: Cost
    grid_w: Floats
    load_w: Floats
    pv_w: Floats  # made, a magnitude
    curtailed_w: Floats
    import_per_kwh: Floats
    export_per_kwh: Floats
    outdoor_c: Floats
    power_w: Mapping[str, Floats]
    stored_wh: Mapping[str, Floats]
    temperature_c: Mapping[str, Floats]
    is_on: Mapping[str, Bools]
    value_per_kwh: Floats
    stored_per_kwh: Mapping[str, Floats]
    violations: tuple[Violation, ...] = ()
    of_contract: Mapping[str, float] = field(default_factory=dict)
    solve_s: float = 0.0
    gap: float = 0.0
    notes: tuple[str, ...] = ()
