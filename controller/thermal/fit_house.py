"""A house learnt from what was recorded: room and outdoor temperature, and the heat that went in.

The model runs free over windows of two days whose first states are fitted too, and what is left between it and the sensor is
made least (output error). Standard errors count residuals that follow each other as fewer. The last day is kept out of the fit:
it says how well a day ahead is predicted. Heat from a heat pump is its electrical power times a believed COP: a COP
that is wrong by a share makes conductances and heat capacities wrong by that share, and no power in a plan. One that is wrong by
more in one weather than in another (defrosting that is not counted) shows as too large a conductance and gain.
"""

from dataclasses import dataclass, replace
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from controller.thermal.exact_step import of_house
from controller.thermal.least_squares import Minimum, minimise, spread
from controller.thermal.models import HouseModel
from controller.thermal.outcome import Fitted, Reason, Unfit

Floats = NDArray[np.float64]

_DAY_S = 86_400.0
_WINDOW_DAYS = 2.0
LEAST_DAYS = 4.0  # recorded, beside the day held out
_LEAST_WINDOW_S = 6 * 3600.0  # a shorter one says little beyond its own first states
LEAST_RANGE_K = 1.0  # of the room's temperature: ten times a usual sensor's step
LEAST_HEAT_RANGE_W = 300.0
MOST_RESIDUAL_K = 0.4

# Parameter: least, most, the largest standard error that is handed on (of the value; of the gain in W, of the aperture in m2).
# From a small flat to a large old house, both with room to spare. Hm and Ca matter to a plan only together, so they are wide.
BOUNDS = {
    "envelope_w_per_k": (10.0, 3_000.0, 0.10),
    "air_j_per_k": (1e5, 1e8, 0.40),
    "mass_j_per_k": (1e6, 2e9, 0.35),
    "coupling_w_per_k": (20.0, 50_000.0, 0.50),
    "gain_w": (-1_000.0, 5_000.0, 200.0),
    "aperture_m2": (0.0, 50.0, 3.0),
}
PARAMETERS = tuple(BOUNDS)
_LOGS = ("envelope_w_per_k", "air_j_per_k", "mass_j_per_k", "coupling_w_per_k")
_UNITS = {"gain_w": 1_000.0, "aperture_m2": 10.0}

# Where the search begins: a light, a usual and a heavy building.
STARTS = (
    HouseModel(300.0, 2e6, 1e7, 1_000.0, 200.0),
    HouseModel(200.0, 5e6, 4e7, 1_500.0, 200.0),
    HouseModel(150.0, 1e7, 2e8, 3_000.0, 200.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class HouseRecord:
    """Equal steps in order; NaN is a hole. `room_c` is the mean of the step, or the reading at its end (`is_mean` False);
    `outdoor_c` and `heat_w` (into the house, negative when cooled) are means. `sun_w_per_m2` None: the sun is not looked at.
    """

    step_s: float
    room_c: Floats
    outdoor_c: Floats
    heat_w: Floats
    sun_w_per_m2: Floats | None = None
    is_mean: bool = True

    def cut(self, part: slice) -> "HouseRecord":
        """Some of the steps."""
        sun = None if self.sun_w_per_m2 is None else self.sun_w_per_m2[part]
        return replace(
            self, room_c=self.room_c[part], outdoor_c=self.outdoor_c[part], heat_w=self.heat_w[part], sun_w_per_m2=sun
        )

    @property
    def inputs(self) -> Floats:
        """Steps x (outdoor, heat, 1, sun)."""
        sun = np.zeros_like(self.room_c) if self.sun_w_per_m2 is None else self.sun_w_per_m2
        return np.stack([self.outdoor_c, self.heat_w, np.ones_like(self.room_c), sun], axis=1)


def fit(record: HouseRecord, present: HouseModel | None = None, held_days: float = 1.0) -> Fitted[HouseModel] | Unfit:
    """A model that predicts the held-out end of the record better than `present`, or why there is none."""
    held = round(held_days * _DAY_S / record.step_s)
    past = record.cut(slice(0, len(record.room_c) - held))
    poor = _poor(past)
    if poor is not None:
        return poor
    windows = _windows(past)
    minimum = _best(windows, record, present)
    model = _model(minimum.x)
    errors = _errors(minimum, model, windows)
    bad = _bad(minimum, windows) or _outside(model) or _uncertain(model, errors)
    if bad is not None:
        return bad
    rmse_k = ahead_rmse_k(model, record, held)
    before_k = np.inf if present is None else ahead_rmse_k(present, record, held)
    if not rmse_k < before_k:
        return Unfit(
            Reason.NOT_BETTER,
            f"house: {rmse_k:.2f} K off on the held-out day; the present model is {before_k:.2f} K off",
        )
    return Fitted(model, errors, rmse_k, windows.steps * record.step_s / _DAY_S)


# The record


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Stretches whose inputs have no hole, side by side: `room_c` windows x steps (0 where `seen` is 0), `inputs` windows x steps x 4."""

    step_s: float
    is_mean: bool
    room_c: Floats
    seen: Floats
    inputs: Floats

    @property
    def steps(self) -> int:
        """How many readings there are."""
        return int(self.seen.sum())


def _windows(record: HouseRecord, longest_s: float = _WINDOW_DAYS * _DAY_S) -> Windows:
    inputs, whole = record.inputs, np.isfinite(record.inputs).all(axis=1)
    longest, least = round(longest_s / record.step_s), round(_LEAST_WINDOW_S / record.step_s)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], whole, [False]]).astype(int)))
    cuts = [
        (start, min(start + longest, end))
        for first, end in zip(edges[::2], edges[1::2], strict=True)
        for start in range(first, end, longest)
    ]
    cuts = [(a, b) for a, b in cuts if b - a >= least and np.isfinite(record.room_c[a:b]).sum() >= least / 2]
    room, rows = np.full((len(cuts), longest), np.nan), np.zeros((len(cuts), longest, 4))
    for row, (a, b) in enumerate(cuts):
        room[row, : b - a], rows[row, : b - a] = record.room_c[a:b], inputs[a:b]
    seen = np.isfinite(room)
    return Windows(record.step_s, record.is_mean, np.where(seen, room, 0.0), seen.astype(float), rows)


def _poor(record: HouseRecord) -> Unfit | None:
    windows = _windows(record)
    days = windows.steps * record.step_s / _DAY_S
    if days < LEAST_DAYS:
        return Unfit(
            Reason.TOO_SHORT, f"house: {days:.1f} days without a hole; at least {LEAST_DAYS:g} beside the held-out day"
        )
    range_k = float(np.subtract(*np.nanpercentile(record.room_c, [98, 2])))
    if range_k < LEAST_RANGE_K:
        return Unfit(
            Reason.TOO_STILL, f"house: the room moved by {range_k:.1f} K; at least {LEAST_RANGE_K:g} K tell a model"
        )
    heat_w = float(np.subtract(*np.nanpercentile(record.heat_w, [98, 2])))
    if heat_w < LEAST_HEAT_RANGE_W:
        return Unfit(
            Reason.TOO_STILL, f"house: the heat moved by {heat_w:.0f} W; at least {LEAST_HEAT_RANGE_W:g} W are needed"
        )
    return None


# The model run free


def _responses(model: HouseModel, windows: Windows) -> tuple[Floats, Floats]:
    """What the sensor shows of each first state (steps x 2) and of a unit of outdoor and heat, steps ago (steps x 2)."""
    step = of_house(model, windows.step_s)
    see, at_once = (step.mean_keep[0], step.mean_by[0]) if windows.is_mean else (step.keep[0], step.by[0])
    rates, modes = np.linalg.eig(step.keep)
    powers = np.real(rates)[None, :] ** np.arange(windows.room_c.shape[1])[:, None]
    seen = powers * (see @ np.real(modes))  # of each mode
    of_states = seen @ np.linalg.inv(np.real(modes))
    of_inputs = np.concatenate([at_once[None, :], (of_states @ step.by)[:-1]])
    return of_states, of_inputs


def _forced(model: HouseModel, windows: Windows, of_inputs: Floats) -> Floats:
    """Windows x steps: what the inputs alone make of the room, from 0 degC."""
    heat_w = windows.inputs[:, :, 1] + model.gain_w + model.aperture_m2 * windows.inputs[:, :, 3]
    steps = np.arange(len(of_inputs))
    ago = steps[:, None] - steps[None, :]
    past = np.where(ago[:, :, None] >= 0, of_inputs[ago], 0.0)  # step x earlier step x input
    return np.asarray(windows.inputs[:, :, 0] @ past[:, :, 0].T + heat_w @ past[:, :, 1].T)


def _off(model: HouseModel, windows: Windows, told: Floats) -> Floats:
    """Windows x steps: sensor less model, the first states such that the squares are least over the steps that are `told`."""
    of_states, of_inputs = _responses(model, windows)
    off = windows.room_c - _forced(model, windows, of_inputs)
    weights = windows.seen * told
    normal = np.einsum("wk,ki,kj->wij", weights, of_states, of_states) + 1e-9 * np.eye(2)
    first = np.linalg.solve(normal, np.einsum("wk,ki,wk->wi", weights, of_states, off)[:, :, None])[:, :, 0]
    return np.asarray((off - first @ of_states.T) * windows.seen)


def ahead_rmse_k(model: HouseModel, record: HouseRecord, held: int) -> float:
    """How far off the model is over the last `held` steps, of which it knows the inputs but no reading; its states come from
    the two days before. Inf where these days have a hole.
    """
    before = round(_WINDOW_DAYS * _DAY_S / record.step_s)
    ending = record.cut(slice(max(0, len(record.room_c) - held - before), None))
    windows = _windows(ending, len(ending.room_c) * record.step_s)
    if windows.room_c.shape[0] != 1 or windows.seen[:, -held:].sum() < held / 2:
        return float("inf")
    told = np.ones(windows.room_c.shape[1])
    told[-held:] = 0.0
    off = _off(model, windows, told)[:, -held:]
    return float(np.sqrt((off**2).sum() / windows.seen[:, -held:].sum()))


# The search


def _best(windows: Windows, record: HouseRecord, present: HouseModel | None) -> Minimum:
    starts = STARTS if present is None else (present, *STARTS)
    names = PARAMETERS[: 5 if record.sun_w_per_m2 is None else 6]
    least, most = (np.array([_scaled(name, BOUNDS[name][side]) for name in names]) for side in (0, 1))
    told = np.ones(windows.room_c.shape[1])

    def residuals(x: Floats) -> Floats:
        return _off(_model(x), windows, told).ravel()

    found = [minimise(residuals, _vector(start, names), least, most) for start in starts]
    return min(found, key=lambda minimum: minimum.squares)


def _scaled(name: str, value: float) -> float:
    return log(value) if name in _LOGS else value / _UNITS[name]


def _vector(model: HouseModel, names: tuple[str, ...]) -> Floats:
    return np.array([_scaled(name, getattr(model, name)) for name in names])


def _model(x: Floats) -> HouseModel:
    return HouseModel(
        **{n: exp(v) if n in _LOGS else float(v) * _UNITS[n] for n, v in zip(PARAMETERS, x, strict=False)}
    )


def _errors(minimum: Minimum, model: HouseModel, windows: Windows) -> dict[str, float]:
    free = windows.steps - 2 * len(windows.room_c) - len(minimum.x)
    errors = spread(minimum, free, _ties(minimum.residuals.reshape(windows.room_c.shape)))
    return {
        name: float(e) * (getattr(model, name) if name in _LOGS else _UNITS[name])
        for name, e in zip(PARAMETERS, errors, strict=False)
    }


def _ties(off: Floats) -> float:
    """By how much the variance of a mean grows where each residual resembles the one before: (1 + r) / (1 - r)."""
    r = float((off[:, 1:] * off[:, :-1]).sum() / max(float((off * off).sum()), 1e-12))
    r = min(max(r, 0.0), 0.98)
    return (1.0 + r) / (1.0 - r)


# What is refused


def _bad(minimum: Minimum, windows: Windows) -> Unfit | None:
    if not minimum.is_found:
        return Unfit(Reason.NO_MINIMUM, "house: the search for the parameters did not end")
    rms_k = (minimum.squares / windows.steps) ** 0.5
    if rms_k > MOST_RESIDUAL_K:
        return Unfit(
            Reason.RESIDUAL, f"house: the model is {rms_k:.2f} K off the record; at most {MOST_RESIDUAL_K:g} K"
        )
    return None


def _outside(model: HouseModel) -> Unfit | None:
    """On a bound is outside too, for the search stops there; but no sun is an answer."""
    for name, (least, most, _) in BOUNDS.items():
        value, slack = getattr(model, name), 1e-6 * most
        if value >= most - slack or (value <= least + 1e-6 * abs(least) and least != 0.0):
            return Unfit(
                Reason.UNPHYSICAL, f"house: {name} comes out at {value:.4g}; houses have {least:g} to {most:g}"
            )
    return None


def _uncertain(model: HouseModel, errors: dict[str, float]) -> Unfit | None:
    for name, error in errors.items():
        most = BOUNDS[name][2] * (getattr(model, name) if name in _LOGS else 1.0)
        if not error <= most:
            value = getattr(model, name)
            return Unfit(Reason.UNCERTAIN, f"house: {name} is {value:.3g} ± {error:.2g}; the error may be {most:.2g}")
    return None
