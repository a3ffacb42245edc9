"""How a house or a tank stands after a step of any length, exactly, while outdoor temperature and heat hold still.

    x+ = keep x + by u        mean of x over the step = mean_keep x + mean_by u

House: x = (air, mass) in degC, u = (outdoor degC, heat into the air W). Tank: x = (water), u = (room degC, heat W).
A model's own gain is part of the heat: the caller adds `gain_w`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controller.thermal.models import HouseModel, TankModel

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ExactStep:
    """The matrices of one step: `keep` and `mean_keep` are states x states, `by` and `mean_by` states x inputs."""

    keep: Floats
    by: Floats
    mean_keep: Floats
    mean_by: Floats


def of_house(model: HouseModel, dt_s: float) -> ExactStep:
    """The step of both masses. ValueError where a heat capacity or the step is not above 0, or a conductance below."""
    ua, hm = model.envelope_w_per_k, model.coupling_w_per_k
    ca, cm = model.air_j_per_k, model.mass_j_per_k
    slope = np.array([[-(ua + hm) / _above(ca, "air_j_per_k"), hm / ca], [hm / _above(cm, "mass_j_per_k"), -hm / cm]])
    _from_0(ua, "envelope_w_per_k"), _from_0(hm, "coupling_w_per_k")
    return _stepped(slope, np.array([[ua / ca, 1.0 / ca], [0.0, 0.0]]), _above(dt_s, "dt_s"))


def of_tank(model: TankModel, dt_s: float) -> ExactStep:
    """The step of the water. ValueError where its heat capacity or the step is not above 0, or its loss below."""
    c, u = _above(model.heat_j_per_k, "heat_j_per_k"), _from_0(model.loss_w_per_k, "loss_w_per_k")
    return _stepped(np.array([[-u / c]]), np.array([[u / c, 1.0 / c]]), _above(dt_s, "dt_s"))


def _above(value: float, name: str) -> float:
    if not value > 0.0:
        raise ValueError(f"thermal model: {name} is {value:g}; it must be more than 0")
    return value


def _from_0(value: float, name: str) -> float:
    if not value >= 0.0:
        raise ValueError(f"thermal model: {name} is {value:g}; it must be at least 0")
    return value


def _stepped(slope: Floats, inputs: Floats, dt_s: float) -> ExactStep:
    """Masses that warm each other have real eigenvalues, all different and below 0, and never 0."""
    rates, modes = np.linalg.eig(slope)
    back, z = np.linalg.inv(modes), rates * dt_s
    # The integrals of exp(z) over one and two steps, without the cancellation of short steps.
    near = np.abs(z) < 1e-6
    safe = np.where(near, 1.0, z)
    once = np.where(near, 1.0 + z / 2.0, np.expm1(safe) / safe)
    twice = np.where(near, 0.5 + z / 6.0, (np.expm1(safe) - safe) / safe**2)
    mean_keep = np.real(modes * once @ back)
    return ExactStep(
        keep=np.real(modes * np.exp(z) @ back),
        by=mean_keep @ inputs * dt_s,
        mean_keep=mean_keep,
        mean_by=np.real(modes * twice @ back) @ inputs * dt_s,
    )
