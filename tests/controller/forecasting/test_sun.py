"""The sun's height against closed forms of spherical astronomy."""

from datetime import UTC, datetime
from math import acos, cos, degrees, radians, tan

import numpy as np
import pytest

from controller.forecasting.sun import Place, clear_w_m2, height
from controller.planning.site import Floats

BERLIN = Place(52.52, 13.40)
SOLSTICE = datetime(2026, 6, 21, tzinfo=UTC).timestamp()
TILT_DEG = 23.44


def day(place: Place, start_s: float) -> Floats:
    return height(place, start_s + np.arange(0.0, 86_400.0, 60.0))


@pytest.mark.parametrize("latitude_deg", [52.52, 0.0, -33.9])
def test_noon_stands_as_high_as_latitude_and_tilt_say(latitude_deg: float) -> None:
    highest = day(Place(latitude_deg, 13.4), SOLSTICE).max()
    assert degrees(np.arcsin(highest)) == pytest.approx(90.0 - abs(latitude_deg - TILT_DEG), abs=0.3)


def test_the_longest_day_is_as_long_as_the_sunrise_equation_says() -> None:
    # cos H = -tan(latitude) tan(declination); W. M. Smart, Textbook on Spherical Astronomy.
    hours = 2.0 * degrees(acos(-tan(radians(52.52)) * tan(radians(TILT_DEG)))) / 15.0
    assert (day(BERLIN, SOLSTICE) > 0.0).sum() / 60.0 == pytest.approx(hours, abs=0.1)


def test_noon_comes_when_longitude_and_equation_of_time_say() -> None:
    # The equation of time is +16.4 min on 3 November and -14.2 min on 11 February (Astronomical Almanac).
    for month, number, ahead_min in ((11, 3, 16.4), (2, 11, -14.2)):
        start_s = datetime(2026, month, number, tzinfo=UTC).timestamp()
        noon_min = float(day(BERLIN, start_s).argmax())
        assert noon_min == pytest.approx(720.0 - 13.40 * 4.0 - ahead_min, abs=2.0)


def test_clear_light_is_haurwitz_at_noon_and_exactly_nothing_at_night() -> None:
    light = clear_w_m2(BERLIN, SOLSTICE, 900.0, 96)
    up = cos(radians(52.52 - TILT_DEG))
    assert light.max() == pytest.approx(1098.0 * up * 2.718281828 ** (-0.057 / up), rel=0.01)
    assert (light[:9] == 0.0).all()  # until 02:15 UTC
    assert (light >= 0.0).all()


@pytest.mark.parametrize(("latitude_deg", "longitude_deg"), [(91.0, 0.0), (0.0, 181.0), (np.nan, 0.0)])
def test_no_place_on_earth_is_refused(latitude_deg: float, longitude_deg: float) -> None:
    with pytest.raises(ValueError, match="is allowed"):
        Place(latitude_deg, longitude_deg)
