"""Where the sun stands and what a cloudless sky lets through, for many moments at once.

Position: J. W. Spencer, "Fourier series representation of the position of the sun", Search 2 (1971) 172 (about 0.5 degrees).
Clear sky: B. Haurwitz (1945), GHI = 1098 cos z exp(-0.057 / cos z). The simulated hardware has its own: truth and belief
are different code.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from controller.planning.site import Floats

DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Place:
    """North and east positive; ValueError off the globe."""

    latitude_deg: float
    longitude_deg: float

    def __post_init__(self) -> None:
        for name, value, most in (("latitude", self.latitude_deg, 90.0), ("longitude", self.longitude_deg, 180.0)):
            if not -most <= value <= most:
                raise ValueError(f"place: {name}_deg is {value:g}; {-most:g} to {most:g} is allowed")


def height(place: Place, utc_s: Floats) -> Floats:
    """The sine of the sun's elevation at moments in seconds since 1970 UTC, without refraction."""
    year_s = 365.2425 * DAY_S
    angle = 2.0 * np.pi * ((utc_s % year_s) / DAY_S) / 365.0
    declination = (
        0.006918
        - 0.399912 * np.cos(angle) + 0.070257 * np.sin(angle)
        - 0.006758 * np.cos(2 * angle) + 0.000907 * np.sin(2 * angle)
        - 0.002697 * np.cos(3 * angle) + 0.00148 * np.sin(3 * angle)
    )  # fmt: skip
    ahead = (
        0.000075
        + 0.001868 * np.cos(angle) - 0.032077 * np.sin(angle)
        - 0.014615 * np.cos(2 * angle) - 0.040849 * np.sin(2 * angle)
    )  # fmt: skip
    hour = 2.0 * np.pi * (utc_s / DAY_S + place.longitude_deg / 360.0 - 0.5) + ahead
    latitude = np.radians(place.latitude_deg)
    sine: Floats = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour)
    return sine


def clear_w_m2(place: Place, start_s: float, step_s: float, steps: int) -> Floats:
    """Mean irradiance on level ground over each step under a cloudless sky; exactly 0 where the sun does not rise in it."""
    parts = 3
    moments: Floats = start_s + (np.arange(steps * parts, dtype=np.float64) + 0.5) * (step_s / parts)
    up = height(place, moments)
    above = up > 0.0
    light = np.where(above, 1098.0 * up * np.exp(-0.057 / np.where(above, up, 1.0)), 0.0)
    means: Floats = light.reshape(steps, parts).mean(axis=1)
    return means
