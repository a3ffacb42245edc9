"""What of the wanted powers the hardware can give: reactive capability, apparent power, current.

Source: OpenDER capability_and_priority.py; rt_perf.py (i_limit). Reactive power goes before active power unless the
        function in charge says otherwise.
"""

import math
from typing import Final

from sim_hardware.physics.der.reactive import Mode
from sim_hardware.physics.der.settings import Curve, Priority, Ratings, Settings

# Per unit of the reactive rating by active power: none below 5 %, all from 20 % (NP_Q_CAPABILITY_LOW_P REDUCED).
CAPABILITY: Final = Curve(((0.0, 0.0), (0.04999, 0.0), (0.05, 0.25), (0.2, 1.0), (1.0, 1.0)))
# What must be kept for reactive power where active power goes first, injecting and absorbing (eq. 3.9.1-2).
REQUIRED: Final = {"A": (0.44, 0.25), "B": (0.44, 0.44)}
BISECTIONS: Final = 40

Pair = tuple[float, float]


def limited(settings: Settings, mode: Mode, power_pu: float, reactive_pu: float) -> Pair:
    """Watts and var, injection positive, within the ratings."""
    ratings = settings.ratings
    power_w, reactive_var = power_pu * ratings.power_w, reactive_pu * ratings.apparent_va
    match mode:
        case Mode.NONE:  # reactive power may be on its way to nothing, after a change of function
            return _volt_var(ratings, power_w, reactive_var, Priority.REACTIVE)
        case Mode.VOLT_VAR:
            return _volt_var(ratings, power_w, reactive_var, settings.volt_var.priority)
        case Mode.CONSTANT:
            return _volt_var(ratings, power_w, reactive_var, settings.constant_var.priority)
        case Mode.POWER_FACTOR:
            return _power_factor(ratings, power_w, reactive_var)
        case Mode.WATT_VAR:
            return _watt_var(settings, power_w, reactive_var)


def capable(ratings: Ratings, power_w: float, reactive_var: float) -> float:
    """The reactive power within the capability at this active power."""
    share = CAPABILITY.at(power_w / ratings.power_w)
    return min(ratings.inject_var * share, max(-ratings.absorb_var * share, reactive_var))


def _rest(apparent_va: float, other: float) -> float:
    """What the circle of the apparent power leaves beside this."""
    return math.sqrt(max(0.0, apparent_va**2 - other**2))


def _volt_var(ratings: Ratings, power_w: float, reactive_var: float, priority: Priority) -> Pair:
    reactive_var = capable(ratings, power_w, reactive_var)
    if math.hypot(power_w, reactive_var) < ratings.apparent_va:
        return power_w, reactive_var
    if priority is Priority.ACTIVE:
        inject, absorb = REQUIRED[ratings.category]
        va = ratings.apparent_va
        reactive_var = min(inject * va, max(-absorb * va, reactive_var))
    return _rest(ratings.apparent_va, reactive_var), reactive_var


def _power_factor(ratings: Ratings, power_w: float, reactive_var: float) -> Pair:
    apparent_va = math.hypot(power_w, reactive_var)
    share = min(1.0, ratings.apparent_va / apparent_va) if apparent_va > 0.0 else 1.0
    most_var = ratings.inject_var if reactive_var > 0.0 else ratings.absorb_var
    if abs(reactive_var * share) > most_var:  # the factor cannot be kept: as much active power as beside all of the var
        kept_w = min(_rest(ratings.apparent_va, most_var), power_w)
    else:
        kept_w = power_w * share
    return kept_w, capable(ratings, kept_w, reactive_var * share)


def _watt_var(settings: Settings, power_w: float, reactive_var: float) -> Pair:
    """Down the watt-var curve until both fit into the circle."""
    ratings = settings.ratings
    if math.hypot(power_w, reactive_var) < ratings.apparent_va:
        return power_w, capable(ratings, power_w, reactive_var)
    met_w, met_var = crossing(settings.watt_var.curve, ratings)
    kept_var = math.copysign(min(abs(met_var), abs(reactive_var)), reactive_var)
    return min(met_w, power_w), capable(ratings, power_w, kept_var)


def crossing(curve: Curve, ratings: Ratings) -> Pair:
    """Where the watt-var curve meets the circle of the apparent power."""
    low_w, high_w = 0.0, ratings.apparent_va
    for _ in range(BISECTIONS):
        middle_w = (low_w + high_w) / 2.0
        inside = math.hypot(middle_w, _on(curve, ratings, middle_w)) < ratings.apparent_va
        low_w, high_w = (middle_w, high_w) if inside else (low_w, middle_w)
    return low_w, _on(curve, ratings, low_w)


def _on(curve: Curve, ratings: Ratings, power_w: float) -> float:
    return curve.at(power_w / ratings.power_w) * ratings.apparent_va


def within_current(ratings: Ratings, powers: Pair, voltage_pu: float) -> Pair:
    """The powers that the current rating carries at this voltage; reactive current goes first."""
    power_w, reactive_var = powers
    most_va = ratings.current_pu * voltage_pu * ratings.apparent_va
    if math.hypot(power_w, reactive_var) <= most_va:
        return powers
    reactive_var = min(most_va, max(-most_va, reactive_var))
    return min(power_w, _rest(most_va, reactive_var)), reactive_var
