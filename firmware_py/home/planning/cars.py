"""The car as a plan sees it: what it needs when it leaves, when it is there, and what has been charged since it was plugged in.

A car tells no state of charge over IEC 61851; energies are those that its charging point counts. Pure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.planning.site import Bools, Car, Horizon, Trip
from firmware_py.home.planning.hours import Span, spans
from firmware_py.home.planning.settings import CarSet

if TYPE_CHECKING:
    from firmware_py.home.planning.gather import Facts

# A car that is late is expected within this; a plan that left it out would have sold what it needs.
LATE: Final = timedelta(minutes=30)
_WEEK: Final = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class CarFacts:
    """Whether it is plugged in, what was charged since, and when it was last there; a `trip` it was told of beside the usual
    ones, with what it needs for it.
    """

    is_plugged: bool = False
    charged_wh: float = 0.0
    seen: datetime | None = None
    trip: Span | None = None
    trip_needs_wh: float = 0.0


def trips(car: CarSet, zone: tzinfo, facts: CarFacts, since: datetime, until: datetime) -> list[tuple[Span, float]]:
    """When it is away between two moments, and with how much it leaves; one it was told of takes the place of those it meets."""
    usual = [(span, car.needs_wh) for span in spans(zone, (car.departs, car.returns), since, until, car.days)]
    told = facts.trip
    if told is None or told.begin >= until or told.end <= since:
        return usual
    same_day = told.begin.astimezone(zone).date()
    kept = [
        (span, wh)
        for span, wh in usual
        if span.begin.astimezone(zone).date() != same_day and (span.end <= told.begin or span.begin >= told.end)
    ]
    return sorted([*kept, (told, facts.trip_needs_wh)])


def leaves(car: CarSet, zone: tzinfo, facts: CarFacts, utc: datetime) -> tuple[datetime, float] | None:
    """When it leaves next and what it needs then; None where it does not within a week."""
    ahead = (each for each in trips(car, zone, facts, utc, utc + _WEEK) if each[0].begin > utc)
    return next(((span.begin, needs_wh) for span, needs_wh in ahead), None)


def car_of(car: CarSet, zone: tzinfo, facts: "Facts", horizon: Horizon, notes: list[str]) -> Car | None:
    """The car over the horizon; None where its charging point does not answer."""
    view, state = facts.views.get(car.charger), facts.cars.get(car.charger, CarFacts())
    terms = None if view is None or view.power_w is None else view.terms
    if terms is None:
        notes.append(f"{car.charger}: it does not answer, its car is left out")
        return None
    utc, until = facts.now.utc, horizon.moment(horizon.steps)
    away = trips(car, zone, state, utc - timedelta(days=1), until)
    may_charge = np.ones(horizon.steps, dtype=np.bool_)
    back = _back(state, [span for span, _ in away], utc)
    if back is not None:
        may_charge[: _edge(horizon, back)] = False
        notes.append(f"{car.charger}: no car; it is expected at {back:%H:%M} UTC")
    planned: list[Trip] = []
    for span, needs_wh in away:
        if span.begin <= utc or (back is not None and span.begin < back):
            continue  # it is away already, or has stayed
        # It leaves at the edge before, so that it is ready rather too early.
        first, last = horizon.step_of(span.begin), min(_edge(horizon, span.end), horizon.steps)
        may_charge[first:last] = False
        if first > 0:
            planned.append(Trip(first, last, min(needs_wh, car.capacity_wh), min(needs_wh, car.capacity_wh)))
    return Car(
        name=car.charger,
        stored_wh=min(state.charged_wh, car.capacity_wh) if state.is_plugged else 0.0,
        capacity_wh=car.capacity_wh,
        charge_least_w=terms.least_w,
        charge_max_w=terms.most_w,
        may_charge=_all(may_charge),
        trips=tuple(planned),
        efficiency=1.0,
    )


def _back(state: CarFacts, away: list[Span], utc: datetime) -> datetime | None:
    """When a car that is not plugged in is expected; None where it is plugged in.

    One that was here since its last return and is gone before its time has left early; else it is late.
    """
    if state.is_plugged:
        return None
    trip = next((span for span in away if span.holds(utc)), None)
    if trip is not None:
        return trip.end
    returned = max((span.end for span in away if span.end <= utc), default=None)
    ahead = next((span for span in away if span.begin > utc), None)
    was_here = state.seen is not None and (returned is None or state.seen > returned)
    return ahead.end if was_here and ahead is not None else utc + LATE


def _edge(horizon: Horizon, moment: datetime) -> int:
    """The first step that begins at or behind a moment."""
    return max(-int((horizon.start - moment) // timedelta(seconds=horizon.step_s)), 0)


def _all(values: Bools) -> Bools:
    values.flags.writeable = False
    return values
