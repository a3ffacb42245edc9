"""Where the sun stands, and what falls on a tilted plane under a sky of a given clearness.

Position: J. W. Spencer, "Fourier series representation of the position of the sun", Search 2 (1971) 172, as NOAA's Global
Monitoring Laboratory uses it (within about 0.5 degrees). Clear sky: B. Haurwitz (1945), GHI = 1098 cos z exp(-0.057 / cos z).
Diffuse part: D. G. Erbs et al., Solar Energy 28 (1982) 293. On the plane: B. Liu, R. Jordan (1960), isotropic sky.
Angles in degrees; azimuth from north over east; times in UTC seconds of the day.
"""

import math
from dataclasses import dataclass

from sim_hardware.physics.check import within

SOLAR_CONSTANT_W_M2 = 1361.0
GROUND_ALBEDO = 0.2
# Below this height the formulas for direct light divide by next to nothing.
LEAST_COSINE = 0.02


@dataclass(frozen=True, slots=True)
class Place:
    """North and east positive."""

    latitude_deg: float
    longitude_deg: float

    def __post_init__(self) -> None:
        within("place: latitude_deg", self.latitude_deg, -90.0, 90.0)
        within("place: longitude_deg", self.longitude_deg, -180.0, 180.0)


@dataclass(frozen=True, slots=True)
class Plane:
    """Tilt 0 lies flat, 90 stands; azimuth 180 looks south."""

    tilt_deg: float = 30.0
    azimuth_deg: float = 180.0

    def __post_init__(self) -> None:
        within("plane: tilt_deg", self.tilt_deg, 0.0, 90.0)
        within("plane: azimuth_deg", self.azimuth_deg, 0.0, 360.0)


@dataclass(frozen=True, slots=True)
class SunPosition:
    """Elevation above the horizon (no refraction) and azimuth."""

    elevation_deg: float
    azimuth_deg: float


def declination_deg(day_of_year: float) -> float:
    """The sun's angle north of the equator."""
    g = 2.0 * math.pi * (day_of_year - 1.0) / 365.0
    return math.degrees(
        0.006918
        - 0.399912 * math.cos(g) + 0.070257 * math.sin(g)
        - 0.006758 * math.cos(2 * g) + 0.000907 * math.sin(2 * g)
        - 0.002697 * math.cos(3 * g) + 0.00148 * math.sin(3 * g)
    )  # fmt: skip


def equation_of_time_s(day_of_year: float) -> float:
    """How far a sundial is ahead of the clock."""
    g = 2.0 * math.pi * (day_of_year - 1.0) / 365.0
    series = (
        0.000075
        + 0.001868 * math.cos(g) - 0.032077 * math.sin(g)
        - 0.014615 * math.cos(2 * g) - 0.040849 * math.sin(2 * g)
    )  # fmt: skip
    return series * 86_400.0 / (2.0 * math.pi)


def sun_position(place: Place, day_of_year: int, utc_s: float) -> SunPosition:
    """Where the sun stands at this moment of this day (1 = 1 January)."""
    day = day_of_year + utc_s / 86_400.0
    tilt, latitude = math.radians(declination_deg(day)), math.radians(place.latitude_deg)
    solar_s = utc_s + place.longitude_deg * 240.0 + equation_of_time_s(day)
    hour = math.radians((solar_s / 240.0 - 180.0 + 180.0) % 360.0 - 180.0)  # 0 at solar noon, positive after
    up = math.sin(latitude) * math.sin(tilt) + math.cos(latitude) * math.cos(tilt) * math.cos(hour)
    east = -math.cos(tilt) * math.sin(hour)
    north = math.sin(tilt) * math.cos(latitude) - math.cos(tilt) * math.sin(latitude) * math.cos(hour)
    return SunPosition(math.degrees(math.asin(min(1.0, max(-1.0, up)))), math.degrees(math.atan2(east, north)) % 360.0)


def clear_sky_w_m2(elevation_deg: float) -> float:
    """Global irradiance on the ground under a cloudless sky."""
    up = math.sin(math.radians(elevation_deg))
    return 1098.0 * up * math.exp(-0.057 / up) if up > 0.0 else 0.0


def diffuse_share(clearness: float) -> float:
    """The diffuse part of the light on the ground, by its ratio to the light above the air (Erbs)."""
    k = min(1.0, max(0.0, clearness))
    if k <= 0.22:
        return 1.0 - 0.09 * k
    if k > 0.8:
        return 0.165
    return 0.9511 + k * (-0.1604 + k * (4.388 + k * (-16.638 + k * 12.336)))


class Facing:
    """How light on level ground falls on a plane while the sun stands still: the geometry, worked out once."""

    def __init__(self, plane: Plane, sun: SunPosition, day_of_year: int) -> None:
        up, tilt = math.sin(math.radians(sun.elevation_deg)), math.radians(plane.tilt_deg)
        level = math.cos(math.radians(sun.elevation_deg))
        facing = math.cos(tilt) * up + math.sin(tilt) * level * math.cos(
            math.radians(sun.azimuth_deg - plane.azimuth_deg)
        )
        self._is_day = up > 0.0
        self._above_air_w_m2 = SOLAR_CONSTANT_W_M2 * (1.0 + 0.033 * math.cos(2.0 * math.pi * day_of_year / 365.0)) * up
        self._direct = max(0.0, facing) / max(up, LEAST_COSINE)
        self._sky = 0.5 * (1.0 + math.cos(tilt))
        self._ground = GROUND_ALBEDO * 0.5 * (1.0 - math.cos(tilt))

    def on_plane_w_m2(self, ground_w_m2: float) -> float:
        """Irradiance on the plane when `ground_w_m2` falls on level ground."""
        if not self._is_day:
            return 0.0
        diffuse_w_m2 = ground_w_m2 * diffuse_share(ground_w_m2 / self._above_air_w_m2)
        return (ground_w_m2 - diffuse_w_m2) * self._direct + diffuse_w_m2 * self._sky + ground_w_m2 * self._ground


def cell_factor(irradiance_w_m2: float, air_c: float, *, per_k: float = -0.004, noct_c: float = 45.0) -> float:
    """What the cells' warmth leaves of the rated output: `per_k` from 25 degC, cells at NOCT above the air."""
    cell_c = air_c + (noct_c - 20.0) / 800.0 * irradiance_w_m2
    return max(0.0, 1.0 + per_k * (cell_c - 25.0))
