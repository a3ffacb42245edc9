"""A plan as it is published (retained) and shown: JSON, times as RFC 3339, every series with its unit in its name.

A series of `step_s` steps from `start` on has one value for each step, means over it; `….stored_wh` and `….temperature_c` have
one more, for they stand at the edges. What a device does is named after it: `battery.power_w`, `boiler.temperature_c`, `pump.on`
(1 or 0). Powers are positive when consumed or imported; `pv_w` and `curtailed_w` are magnitudes. Null is not known.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from protocols.faults import Refused

# The key under which a node keeps the plan in force (`Journal.keep`), the message as it is published.
KEPT: Final = "plan"


class CostParts(msgspec.Struct, frozen=True):
    """What the cost is made of, in the currency of the prices. Not in `cost`, for they are no money paid: `comfort`, `unmet`,
    and `kept`, the worth of what the end holds more than the beginning.
    """

    energy: float = 0.0
    wear: float = 0.0
    deviation: float = 0.0
    comfort: float = 0.0
    unmet: float = 0.0
    kept: float = 0.0


class Unkept(msgspec.Struct, frozen=True):
    """A bound that the plan cannot keep: whose, which, from when on, and by how much in all (`unit`: Wh, or K h)."""

    name: str
    bound: str
    since: str
    amount: float
    unit: str


class PublishedPlan(msgspec.Struct, frozen=True):
    """The plan in force. `cost` is money over the horizon; `of_contract`: what each commitment costs.

    `made`: `optimal`, `in_time`, `rounded` or `rules`. `scores`: errors of the forecasts so far by name, such as `load_mae_w`.
    """

    node: str
    made_at: str
    start: str
    step_s: float
    made: str
    cost: float
    solve_s: float
    series: dict[str, list[float | None]]
    cost_parts: CostParts = CostParts()
    gap: float | None = 0.0
    currency: str = "EUR"
    timezone: str = "UTC"
    violations: list[Unkept] = []
    of_contract: dict[str, float] = {}
    notes: list[str] = []
    scores: dict[str, float] = {}

    @property
    def began(self) -> datetime:
        """Where the first step begins (UTC)."""
        return datetime.fromisoformat(self.start).astimezone(UTC)

    def moment(self, step: int) -> datetime:
        """When a step begins."""
        return self.began + timedelta(seconds=step * self.step_s)

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.series.get("grid_w", ()))


def parse_plan(payload: bytes) -> PublishedPlan:
    """A published plan; Refused `malformed` names the field."""
    try:
        plan = msgspec.json.decode(payload, type=PublishedPlan)
        moments = [datetime.fromisoformat(text) for text in (plan.start, plan.made_at)]
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Refused("malformed", f"plan: {error}") from error
    if any(moment.tzinfo is None for moment in moments):
        raise Refused("malformed", f"plan: times {plan.start} and {plan.made_at}: a zone such as Z is needed")
    return plan
