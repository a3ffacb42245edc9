"""A seeded sky: clear and cloudy spells that alternate, and the light that flickers within each.

Spells last exponentially long; within one, the clear-sky index returns to the spell's level (Ornstein-Uhlenbeck), which
is seconds-fast under broken cloud. `SkySun` puts it over a place and a plane and has the face of `pv.Sun`.
"""

import math
from dataclasses import dataclass
from random import Random

from sim_hardware.physics.check import above, within
from sim_hardware.physics.grid import Wander
from sim_hardware.physics.load import DAY_S
from sim_hardware.physics.solar import Facing, Place, Plane, clear_sky_w_m2, sun_position

# Light scattered from cloud edges can exceed the clear sky for seconds; under thick cloud some always comes.
MOST_INDEX, LEAST_INDEX = 1.2, 0.08
# The sun moves a quarter of a degree a minute: often enough.
SUN_STEP_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Share of the time under cloud, mean length of a cloudy spell, and the clear-sky index in either."""

    cloudy: float = 0.5
    spell_s: float = 600.0
    cloud_index: float = 0.35
    clear_index: float = 0.98
    flicker: float = 0.06
    flicker_s: float = 30.0

    def __post_init__(self) -> None:
        within("weather: cloudy", self.cloudy, 0.0, 1.0)
        for field in ("spell_s", "flicker_s"):
            above(f"weather: {field}", getattr(self, field))
        for field in ("cloud_index", "clear_index"):
            within(f"weather: {field}", getattr(self, field), 0.0, MOST_INDEX)
        within("weather: flicker", self.flicker, 0.0, 1.0)


class Sky:
    """The clear-sky index over one place: 1 is cloudless. Neighbours under one sky share it."""

    def __init__(self, random: Random, weather: Weather | None = None) -> None:
        self.weather = weather or Weather()
        self._random = random
        self.is_cloudy = random.random() < self.weather.cloudy
        self._light = Wander(random, self._level(), self.weather.flicker, self.weather.flicker_s)
        self._left_s = self._spell_s()

    @property
    def index(self) -> float:
        """Irradiance over that of the clear sky."""
        return min(MOST_INDEX, max(LEAST_INDEX, self._light.value))

    def after(self, dt_s: float) -> None:
        """Let the clouds drift."""
        self._left_s -= dt_s
        if self._left_s <= 0.0:
            self.is_cloudy = not self.is_cloudy
            self._light.mean = self._level()
            self._left_s = self._spell_s()
        self._light.after(dt_s)

    def _level(self) -> float:
        return self.weather.cloud_index if self.is_cloudy else self.weather.clear_index

    def _spell_s(self) -> float:
        w = self.weather
        share = w.cloudy if self.is_cloudy else 1.0 - w.cloudy
        if share >= 1.0:
            return math.inf
        if share <= 0.0:
            return 0.0
        mean_s = w.spell_s if self.is_cloudy else w.spell_s * share / (1.0 - share)
        return self._random.expovariate(1.0 / mean_s)


class SkySun:
    """The irradiance on one plane: sun's path, sky, and `hold_w_m2`, which replaces both by a fixed value."""

    def __init__(self, place: Place, plane: Plane, sky: Sky, *, day_of_year: int, utc_s: float) -> None:
        self.place, self.plane, self.sky = place, plane, sky
        self.day_of_year = int(within("sun: day_of_year", day_of_year, 1, 366))
        self.utc_s = within("sun: utc_s", utc_s, 0.0, DAY_S)
        self.hold_w_m2: float | None = None
        self._old_s = math.inf
        self._stand()

    def _stand(self) -> None:
        """Where the sun stands for the next minute, and what that means for the plane."""
        position = sun_position(self.place, self.day_of_year, self.utc_s)
        self._clear_w_m2 = clear_sky_w_m2(position.elevation_deg)
        self._facing = Facing(self.plane, position, self.day_of_year)

    def after(self, dt_s: float) -> None:
        """Let the sun move on; call `sky.after` once for all that share the sky."""
        self.utc_s += dt_s
        while self.utc_s >= DAY_S:
            self.utc_s -= DAY_S
            self.day_of_year = self.day_of_year % 365 + 1
        self._old_s += dt_s
        if self._old_s >= SUN_STEP_S:
            self._old_s = 0.0
            self._stand()

    @property
    def irradiance_w_m2(self) -> float:
        """The present irradiance on the plane."""
        if self.hold_w_m2 is not None:
            return self.hold_w_m2
        return self._facing.on_plane_w_m2(self._clear_w_m2 * self.sky.index)
