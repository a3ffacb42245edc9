"""A tank learnt from its sensor and its element: heat capacity, loss, and what is drawn at which hour. Draws are not recorded.

The sensor sits by the thermostat in the lower half. After a draw that half is cold and warms twice as fast as the tank would,
until it is as warm as the upper one; from then on both warm together. So the capacity is read from the end of burns,
the loss from the rest that follows a burn, up to the first fall that no loss explains (a draw). Read from whole burns
the capacity would be anything from half of the true one (half the water warms) to several times as much (a draw goes on).
From the end of one burn to the end of the next the balance of heat is exact: what went in and was not lost was drawn.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from controller.thermal.models import TankModel
from controller.thermal.outcome import Fitted, Reason, Unfit

Floats = NDArray[np.float64]

_DAY_S = 86_400.0
LEAST_BURNS, LEAST_RESTS = 5, 5
LEAST_REST_S = 2 * 3600.0  # a shorter one is lost in the sensor's steps of 0.1 K
_WARMS_K = 0.3  # less in a step is noise
_BELOW_WARMEST_K = 1.5  # what the upper half may have lost since it was warmest
_MIXED_S = 600.0  # before its end a burn has both halves as warm: 2 kW warm 200 l by 1.4 K in it
_FALL_K, _LOSS_PER_S = 0.25, 1.0 / (20 * 3600.0)  # a worse tank than one that cools by half in 14 h is none
BOUNDS = {
    "heat_j_per_k": (4e4, 8e6),
    "loss_w_per_k": (0.2, 15.0),
}  # 10 l to 2,000 l; a small good one to a large bare one
MOST_ERROR = {"heat_j_per_k": 0.15, "loss_w_per_k": 0.30}


@dataclass(frozen=True, slots=True, eq=False)
class TankRecord:
    """Equal steps in order; NaN is a hole. `water_c` is the mean of the step, or the reading at its end (`is_mean` False);
    `heat_w` the element's mean heat (a heat pump's: power times COP), `room_c` where the tank stands.
    """

    step_s: float
    water_c: Floats
    heat_w: Floats
    room_c: float = 18.0
    is_mean: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Heat drawn in each step of a day, in W: the mean, and quantiles (levels x steps) over the days within half an hour."""

    step_s: float
    levels: tuple[float, ...]
    mean_w: Floats
    quantile_w: Floats


def fit(record: TankRecord, present: TankModel | None = None) -> Fitted[TankModel] | Unfit:
    """Capacity and loss, or why there are none. `rmse_k`: of the fall of the later rests, foretold from the earlier ones."""
    rates = _loss_rates(record)
    if isinstance(rates, Unfit):
        return rates
    rate, rate_error = _middle(rates[:, 0], rates[:, 1])
    capacity = _capacity(record, rate)
    if isinstance(capacity, Unfit):
        return capacity
    c, c_error = capacity
    model = TankModel(c, rate * c, record.room_c)
    errors = {"heat_j_per_k": c_error, "loss_w_per_k": float(np.hypot(rate_error * c, rate * c_error))}
    bad = _refused(model, errors)
    if bad is not None:
        return bad
    rmse_k = _foretold_k(rates, None)
    before_k = np.inf if present is None else _foretold_k(rates, present)
    if not rmse_k < before_k:
        text = f"tank: {rmse_k:.2f} K off on the later rests; the present model is {before_k:.2f} K off"
        return Unfit(Reason.NOT_BETTER, text)
    return Fitted(model, errors, rmse_k, float(np.isfinite(record.water_c).sum()) * record.step_s / _DAY_S)


# Burns


def burn_ends(record: TankRecord) -> list[int]:
    """The steps in which a burn ended with both halves as warm: as warm below as anything was in the day before."""
    heat = np.nan_to_num(record.heat_w)
    on = heat > 0.02 * float(np.max(heat, initial=1.0))
    ends = np.flatnonzero(on[1:-1] & ~on[2:] & on[:-2]) + 1
    after, day = (1 if record.is_mean else 0), round(_DAY_S / record.step_s)
    water = np.nan_to_num(record.water_c)
    return [int(k) for k in ends if water[k + after] >= water[max(0, k - day) : k + 1].max() - _BELOW_WARMEST_K]


def _capacity(record: TankRecord, rate: float) -> tuple[float, float] | Unfit:
    """Energy over warming at the ends of burns; J/K and its standard error. `rate`: of loss, per second."""
    seen = np.array([_last_minutes(record, k) for k in burn_ends(record)]).reshape(-1, 3)
    seen = seen[np.isfinite(seen).all(axis=1) & (seen[:, 1] >= _WARMS_K)]
    if len(seen) < LEAST_BURNS:
        return Unfit(Reason.TOO_SHORT, f"tank: {len(seen)} ends of burns; at least {LEAST_BURNS} tell a heat capacity")
    joule, warmed_k, lost_ks = seen.T
    per_joule, error = _middle((warmed_k + rate * lost_ks) / joule, joule)
    return 1.0 / per_joule, error / per_joule**2


def _last_minutes(record: TankRecord, k: int) -> tuple[float, float, float]:
    """Of the end of a burn: heat that went in, by how much the sensor rose for it, and kelvin-seconds above the room.

    A mean stands for the middle of a step; in that of step k, heated for its first x seconds, the rise is still to come
    by P x^2 / 2 dt.
    """
    dt, water, heat = record.step_s, record.water_c, record.heat_w
    back = max(0 if record.is_mean else 1, round(_MIXED_S / dt) - record.is_mean)
    if k < back + 1:
        return np.nan, np.nan, np.nan
    full_w = float(heat[k - 1])
    x = min(float(heat[k]) / full_w, 1.0) * dt if full_w > 0.0 else 0.0
    if not record.is_mean:
        joule, seconds = float(heat[k - back + 1 : k + 1].sum()) * dt, back * dt
    else:
        joule = full_w * (x * x / (2.0 * dt) if back == 0 else x + (back - 0.5) * dt)
        seconds = (back + 1) * dt
    return joule, float(water[k + record.is_mean] - water[k - back]), seconds * float(water[k] - record.room_c)


# Rests


def _loss_rates(record: TankRecord) -> Floats | Unfit:
    """Of each rest: the share of the distance to the room that is lost per second, kelvin-seconds it was seen for, and the
    seconds.
    """
    rows = [row for k in burn_ends(record) if (row := _rest(record, k + 1)) is not None]
    if len(rows) < LEAST_RESTS:
        return Unfit(
            Reason.TOO_STILL,
            f"tank: {len(rows)} rests of {LEAST_REST_S / 3600:g} h after a burn; at least {LEAST_RESTS} tell a loss",
        )
    return np.array(rows)


def _rest(record: TankRecord, first: int) -> tuple[float, float, float] | None:
    """From the first whole step without heat to the last before a draw, a burn or a hole."""
    last = first
    while last + 1 < len(record.water_c) and _is_rest(record, last + 1):
        last += 1
    seconds = (last - first) * record.step_s
    if seconds < LEAST_REST_S:
        return None
    above_k = record.water_c[first : last + 1] - record.room_c
    area = float(above_k[1:].sum() + above_k[:-1].sum()) * 0.5 * record.step_s
    return (float(above_k[0] - above_k[-1]) / area, area, seconds) if area > 0.0 else None


def _is_rest(record: TankRecord, k: int) -> bool:
    fall = record.water_c[k - 1] - record.water_c[k]
    explained = (record.water_c[k - 1] - record.room_c) * _LOSS_PER_S * record.step_s
    return bool(record.heat_w[k] == 0.0 and fall <= explained + _FALL_K)


def _middle(values: Floats, weights: Floats) -> tuple[float, float]:
    """The weighted median, which a few draws do not move, and its standard error from the spread about it."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    middle = float(values[order][np.searchsorted(share, 0.5)])
    off = np.abs(values - middle)
    ranked = np.argsort(off)
    spread = 1.483 * off[ranked][np.searchsorted(np.cumsum(weights[ranked]) / weights.sum(), 0.5)]
    # 1.253: how much less a median knows than a mean.
    return middle, float(1.253 * spread / np.sqrt(weights.sum() ** 2 / (weights**2).sum()))


def _foretold_k(rates: Floats, model: TankModel | None) -> float:
    """How far off the falls of the later third of the rests are foretold by the earlier ones, or by a model."""
    split = max(1, len(rates) * 2 // 3)
    rate = _middle(rates[:split, 0], rates[:split, 1])[0] if model is None else model.loss_w_per_k / model.heat_j_per_k
    late = rates[split:]
    return float(np.sqrt(np.mean(((late[:, 0] - rate) * late[:, 1]) ** 2)))


def _refused(model: TankModel, errors: dict[str, float]) -> Unfit | None:
    for name, (least, most) in BOUNDS.items():
        value, error = getattr(model, name), errors[name]
        if not least <= value <= most:
            return Unfit(Reason.UNPHYSICAL, f"tank: {name} comes out at {value:.3g}; tanks have {least:g} to {most:g}")
        if not error <= MOST_ERROR[name] * value:
            allowed = MOST_ERROR[name] * value
            return Unfit(Reason.UNCERTAIN, f"tank: {name} is {value:.3g} ± {error:.2g}; the error may be {allowed:.2g}")
    return None


# Draws


def drawn_w(record: TankRecord, model: TankModel) -> Floats:
    """Heat drawn in each step; NaN before the first and after the last end of a burn, and where a cycle has a hole.

    Exact over each cycle; inside it the heat goes to the steps in which the sensor fell more than the loss explains.
    """
    out = np.full(len(record.water_c), np.nan)
    ends = burn_ends(record)
    for first, last in pairwise(ends):
        part = slice(first + 1, last + 1)
        water, heat = record.water_c[first : last + 1], record.heat_w[part]
        lost_w = model.loss_w_per_k * (0.5 * (water[1:] + water[:-1]) - model.room_c)
        stored_j = model.heat_j_per_k * (water[-1] - water[0])
        drawn_j = max(float((heat - lost_w).sum()) * record.step_s - stored_j, 0.0)
        missing_k = (heat - lost_w) * record.step_s / model.heat_j_per_k - np.diff(water)
        shares = np.where(missing_k > _FALL_K, missing_k, 0.0)
        if not shares.any():
            shares = np.ones_like(shares)
        out[part] = drawn_j / record.step_s * shares / shares.sum()
    return out


def draws(drawn: Floats, step_s: float, first_s: float, levels: tuple[float, ...] = (0.1, 0.5, 0.9)) -> Draws | Unfit:
    """The day's profile of `drawn_w`; `first_s` is the time of day at which the first step begins (local, as people live)."""
    per_day = round(_DAY_S / step_s)
    offset = round(first_s / step_s) % per_day
    whole = np.concatenate([np.full(offset, np.nan), drawn, np.full(-(len(drawn) + offset) % per_day, np.nan)])
    days = whole.reshape(-1, per_day)
    seen = np.isfinite(days).sum(axis=0)
    if seen.min() < 3:
        return Unfit(
            Reason.TOO_SHORT, f"tank: some steps of the day were seen on {seen.min()} days; at least 3 tell its draws"
        )
    reach = max(1, round(1800.0 / step_s))
    about = np.concatenate([np.roll(days, shift, axis=1) for shift in range(-reach, reach + 1)])
    return Draws(step_s, levels, np.nanmean(days, axis=0), np.nanquantile(about, levels, axis=0))
