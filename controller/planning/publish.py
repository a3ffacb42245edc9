"""A plan in the words of the wire."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite

from controller.planning.plan import Plan
from protocols.contracts import utc_text
from protocols.plan import CostParts, PublishedPlan, Unkept

# A tenth of a watt, a hundredth of a kelvin and of a cent: finer is noise, and a message of 48 h stays small.
_DIGITS = {"w": 1, "wh": 1, "c": 2, "kwh": 5, "on": 0}


def from_plan(
    plan: Plan,
    node: str,
    made_at: datetime,
    scores: Mapping[str, float] | None = None,
    notes: Iterable[str] = (),
    *,
    currency: str = "EUR",
    timezone: str = "UTC",
) -> PublishedPlan:
    """The plan as it is published; `notes` come after the plan's own."""
    cost = plan.cost
    parts = (cost.energy, cost.wear, cost.deviation, cost.comfort, cost.unmet, cost.kept)
    return PublishedPlan(
        node=node,
        made_at=utc_text(made_at),
        start=utc_text(plan.horizon.start),
        step_s=plan.horizon.step_s,
        made=str(plan.made),
        cost=round(cost.total, 6),
        solve_s=round(plan.solve_s, 4),
        series=_series(plan),
        cost_parts=CostParts(*(round(part, 6) for part in parts)),
        gap=plan.gap if isfinite(plan.gap) else None,
        currency=currency,
        timezone=timezone,
        violations=[
            Unkept(each.name, each.bound, utc_text(plan.horizon.moment(each.step)), round(each.amount, 3), each.unit)
            for each in plan.violations
        ],
        of_contract={name: round(value, 6) for name, value in plan.of_contract.items()},
        notes=[*dict.fromkeys((*plan.notes, *notes))],
        scores=dict(scores or {}),
    )


def _series(plan: Plan) -> dict[str, list[float | None]]:
    found: dict[str, Iterable[float]] = {
        "import_per_kwh": plan.import_per_kwh,
        "export_per_kwh": plan.export_per_kwh,
        "load_w": plan.load_w,
        "pv_w": plan.pv_w,
        "curtailed_w": plan.curtailed_w,
        "grid_w": plan.grid_w,
        "outdoor_c": plan.outdoor_c,
        "value_per_kwh": plan.value_per_kwh,
    }
    by_device: tuple[tuple[str, Mapping[str, Iterable[float]]], ...] = (
        ("power_w", plan.power_w),
        ("on", plan.is_on),
        ("stored_wh", plan.stored_wh),
        ("stored_per_kwh", plan.stored_per_kwh),
        ("temperature_c", plan.temperature_c),
    )
    for what, of_device in by_device:
        found |= {f"{name}.{what}": values for name, values in of_device.items()}
    return {name: _told(name, values) for name, values in found.items()}


def _told(name: str, values: Iterable[float]) -> list[float | None]:
    digits = _DIGITS[name.rpartition(".")[2].rpartition("_")[2]]
    # Adding 0.0 makes of -0.0 a zero.
    return [round(float(value), digits) + 0.0 if isfinite(value) else None for value in values]
