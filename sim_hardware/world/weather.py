"""The weather that all homes share: one sky, one temperature, and the light on each plane that faces it."""

import math
from datetime import datetime
from random import Random

from sim_hardware.physics.load import DAY_S
from sim_hardware.physics.sky import Sky, SkySun
from sim_hardware.physics.sky import Weather as Clouds
from sim_hardware.physics.solar import Place, Plane, cell_factor
from sim_hardware.world.parts import WeatherPart

WARMEST_S = 15 * 3600.0


class Weather:
    """`outdoor_c` and, plane by plane, the light that counts; `start` is UTC."""

    def __init__(self, seed: int, part: WeatherPart, start: datetime, planes: list[Plane]) -> None:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        utc_s, day = (start - midnight).total_seconds(), start.timetuple().tm_yday
        self._part, self._solar_s = part, utc_s + 240.0 * part.longitude_deg
        self._sky = Sky(Random(f"{seed} sky"), Clouds(cloudy=part.cloudy))
        place = Place(part.latitude_deg, part.longitude_deg)
        self.suns = [SkySun(place, plane, self._sky, day_of_year=day, utc_s=utc_s) for plane in planes]
        self._look()

    def after(self, dt_s: float) -> None:
        """Let clouds and sun move on."""
        self._solar_s += dt_s
        self._sky.after(dt_s)
        for sun in self.suns:
            sun.after(dt_s)
        self._look()

    def _look(self) -> None:
        """What the step has brought."""
        angle = 2.0 * math.pi * (self._solar_s - WARMEST_S) / DAY_S
        self.outdoor_c = self._part.outdoor_c + self._part.swing_k * math.cos(angle)
        self._light_w_m2 = [self._on_cells(sun.irradiance_w_m2) for sun in self.suns]

    def _on_cells(self, irradiance_w_m2: float) -> float:
        return irradiance_w_m2 * cell_factor(irradiance_w_m2, self.outdoor_c) if irradiance_w_m2 > 0.0 else 0.0

    def light_w_m2(self, plane: int) -> float:
        """Irradiance on this plane, less what the cells lose by their warmth."""
        return self._light_w_m2[plane]
