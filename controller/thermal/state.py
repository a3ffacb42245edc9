"""What no sensor shows: the temperature of the masses of a house, estimated from that of its air (a Kalman filter).

Blind (no reading), the model runs on and the estimate grows less sure.
"""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from controller.thermal.exact_step import of_house
from controller.thermal.models import HouseModel

Floats = NDArray[np.float64]

SENSOR_K = 0.1  # a usual sensor: its noise, and its steps of 0.1 K
# What the model does not know (doors, people, sun): K after an hour, of the air and of the masses.
AIR_DRIFT_K, MASS_DRIFT_K = 0.3, 0.1
_FIRST_MASS_K = 2.0  # nobody knows the masses at first; they are near the air


@dataclass(frozen=True, slots=True, eq=False)
class MassObserver:
    """Estimates of air and masses, with their variances in K2; each `after` is the next estimate."""

    model: HouseModel
    air_c: float
    mass_c: float
    variances: Floats

    @classmethod
    def begin(cls, model: HouseModel, room_c: float) -> "MassObserver":
        """Masses as warm as the air, as far as is known."""
        return cls(model, room_c, room_c, np.diag([SENSOR_K**2, _FIRST_MASS_K**2]))

    @property
    def mass_error_k(self) -> float:
        """The standard error of the masses' temperature."""
        return sqrt(float(self.variances[1, 1]))

    def after(self, dt_s: float, outdoor_c: float, heat_w: float, room_c: float | None) -> "MassObserver":
        """After a step with this mean heat into the air (the model's own gain comes on top); `room_c` read at its end."""
        step, hours = of_house(self.model, dt_s), dt_s / 3600.0
        x = step.keep @ [self.air_c, self.mass_c] + step.by @ [outdoor_c, heat_w + self.model.gain_w]
        drift = np.diag([AIR_DRIFT_K**2, MASS_DRIFT_K**2]) * hours
        ahead = replace(
            self, air_c=float(x[0]), mass_c=float(x[1]), variances=step.keep @ self.variances @ step.keep.T + drift
        )
        return ahead if room_c is None else ahead._seen(room_c)

    def _seen(self, room_c: float) -> "MassObserver":
        p = self.variances
        share = p[:, 0] / (p[0, 0] + SENSOR_K**2)
        off_k = room_c - self.air_c
        return replace(
            self,
            air_c=self.air_c + float(share[0]) * off_k,
            mass_c=self.mass_c + float(share[1]) * off_k,
            variances=p - np.outer(share, p[0]),
        )
