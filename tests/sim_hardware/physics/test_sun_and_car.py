"""Sun, sky, car and the ageing of a battery, against almanac formulas, balances and hand calculation."""

import math
from random import Random

import pytest

from sim_hardware.physics.ageing import Ageing
from sim_hardware.physics.ev import Ev, EvParams, Trip, commuter
from sim_hardware.physics.pv import PvPlant
from sim_hardware.physics.sky import Sky, SkySun, Weather
from sim_hardware.physics.solar import (
    Facing,
    Place,
    Plane,
    SunPosition,
    cell_factor,
    clear_sky_w_m2,
    declination_deg,
    diffuse_share,
    sun_position,
)

BERLIN = Place(52.5, 13.4)

# Sun


def _almanac(place: Place, day_of_year: int, utc_s: float, year: int = 2023) -> tuple[float, float]:
    """Elevation and azimuth by the Astronomical Almanac's low-precision formulas (0.01 deg; Michalsky 1988)."""
    days = (year - 2000) * 365 + (year - 1997) // 4 + day_of_year - 1.5 + utc_s / 86_400.0
    mean_deg, anomaly = 280.460 + 0.9856474 * days, math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(mean_deg + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2.0 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(obliquity) * math.sin(ecliptic))
    sidereal_h = 6.697375 + 0.0657098242 * days + utc_s / 3600.0 + place.longitude_deg / 15.0
    hour = math.radians(15.0 * sidereal_h) - ascension
    latitude = math.radians(place.latitude_deg)
    up = math.sin(declination) * math.sin(latitude) + math.cos(declination) * math.cos(latitude) * math.cos(hour)
    azimuth = math.atan2(
        -math.cos(declination) * math.sin(hour),
        math.sin(declination) * math.cos(latitude) - math.cos(declination) * math.sin(latitude) * math.cos(hour),
    )
    return math.degrees(math.asin(up)), math.degrees(azimuth) % 360.0


@pytest.mark.parametrize("place", [BERLIN, Place(37.8, -122.4), Place(-33.9, 151.2)])
def test_the_sun_stands_where_the_almanac_has_it(place: Place) -> None:
    for day in range(5, 366, 30):
        for hour in range(0, 24, 3):
            ours = sun_position(place, day, hour * 3600.0)
            elevation, azimuth = _almanac(place, day, hour * 3600.0)
            assert ours.elevation_deg == pytest.approx(elevation, abs=0.5)
            apart = (ours.azimuth_deg - azimuth + 180.0) % 360.0 - 180.0
            assert abs(apart) * math.cos(math.radians(elevation)) < 0.6


def test_solstices_and_equinoxes() -> None:
    for day, declination in ((172, 23.44), (355, -23.44), (79.9, 0.0), (266.3, 0.0)):
        assert declination_deg(day) == pytest.approx(declination, abs=0.4)


def test_light_falls_as_published_and_none_at_night() -> None:
    assert clear_sky_w_m2(90.0) == pytest.approx(1098.0 * math.exp(-0.057))
    assert clear_sky_w_m2(30.0) == pytest.approx(549.0 * math.exp(-0.114))
    assert clear_sky_w_m2(-1.0) == 0.0
    assert [diffuse_share(k) for k in (0.0, 0.1, 0.5, 0.9)] == pytest.approx([1.0, 0.991, 0.6592, 0.165], abs=1e-3)


def test_a_plane_that_lies_flat_gets_what_the_ground_gets_and_one_that_faces_the_sun_more() -> None:
    sun = SunPosition(30.0, 180.0)
    assert Facing(Plane(0.0), sun, 80).on_plane_w_m2(450.0) == pytest.approx(450.0)
    south, north = (Facing(Plane(60.0, azimuth), sun, 80).on_plane_w_m2(450.0) for azimuth in (180.0, 0.0))
    assert south > 700.0 > 200.0 > north > 0.0
    assert Facing(Plane(), SunPosition(-3.0, 180.0), 80).on_plane_w_m2(450.0) == 0.0
    assert cell_factor(0.0, 25.0) == 1.0
    assert cell_factor(800.0, 20.0) == pytest.approx(1.0 - 0.004 * 20.0)


def _day_wh_m2(sky: Sky, day_of_year: int) -> float:
    sun = SkySun(BERLIN, Plane(35.0), sky, day_of_year=day_of_year, utc_s=0.0)
    energy = 0.0
    for _ in range(1440):
        sky.after(60.0)
        sun.after(60.0)
        energy += sun.irradiance_w_m2 / 60.0
    assert sun.day_of_year == day_of_year + 1
    return energy


def test_days_in_berlin_are_plausible_and_the_same_for_the_same_seed() -> None:
    clear = Weather(cloudy=0.0, flicker=0.0, clear_index=1.0)
    june, december = (_day_wh_m2(Sky(Random(1), clear), day) for day in (172, 355))
    assert 6_500 < june < 9_000
    assert 1_500 < december < 3_500
    mixed = [_day_wh_m2(Sky(Random(seed)), 172) for seed in (3, 3, 4)]
    assert mixed[0] == mixed[1] != mixed[2]
    assert mixed[0] < june


@pytest.mark.parametrize("cloudy", [0.0, 0.3, 1.0])
def test_clouds_take_their_share_of_the_time(cloudy: float) -> None:
    sky = Sky(Random(2), Weather(cloudy=cloudy))
    under = 0
    for _ in range(100_000):
        sky.after(30.0)
        under += sky.is_cloudy
        assert 0.08 <= sky.index <= 1.2
    assert under / 100_000 == pytest.approx(cloudy, abs=0.02)


def test_a_plant_follows_a_sky_s_sun_and_a_held_one() -> None:
    sun = SkySun(BERLIN, Plane(), Sky(Random(1), Weather(cloudy=0.0)), day_of_year=172, utc_s=11 * 3600.0)
    plant = PvPlant(sun, lag_s=0.0)
    plant.after(1.0)
    assert -5_000.0 < plant.power_w < -3_000.0
    sun.hold_w_m2 = 200.0
    plant.after(1.0)
    assert plant.power_w == pytest.approx(-1_000.0)


def test_places_planes_and_skies_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="latitude_deg is 91; it must be -90 to 90"):
        Place(91.0, 0.0)
    with pytest.raises(ValueError, match="tilt_deg is -5"):
        Plane(-5.0)
    with pytest.raises(ValueError, match="weather: cloudy is nan"):
        Weather(cloudy=math.nan)
    with pytest.raises(ValueError, match="sun: day_of_year is 0"):
        SkySun(BERLIN, Plane(), Sky(Random(1)), day_of_year=0, utc_s=0.0)


# Car

DAY = Trip(8 * 3600.0, 18 * 3600.0, 9_000.0)


def _car(params: EvParams | None = None, soc: float = 0.3, day_s: float = 19 * 3600.0) -> Ev:
    return Ev(lambda: DAY, params, day_s=day_s, soc=soc)


def test_a_car_charges_on_its_phases_and_keeps_its_efficiency() -> None:
    for phases, each in ((1, (3_680.0, 0.0, 0.0)), (2, (3_680.0, 3_680.0, 0.0)), (3, (3_680.0,) * 3)):
        car = _car(EvParams(phases=phases))
        before_wh = car.stored_wh
        car.after(900.0)
        assert car.phase_w == pytest.approx(each)
        assert car.stored_wh - before_wh == pytest.approx(0.9 * car.power_w / 4.0)
        assert car.current_a == pytest.approx(16.0)


def test_a_wallbox_limits_by_amperes_and_below_six_a_car_stops() -> None:
    car = _car()
    for limit_a, power_w in (
        (10.0, 6_900.0),
        (6.0, 4_140.0),
        (5.9, 0.0),
        (0.0, 0.0),
        (40.0, 11_040.0),
        (None, 11_040.0),
    ):
        car.limit_a = limit_a
        car.after(1.0)
        assert car.power_w == pytest.approx(power_w)


def test_it_tapers_when_nearly_full_and_ends_full() -> None:
    car = _car(soc=0.9)
    car.after(1.0)
    assert car.power_w == pytest.approx(11_040.0 * 0.55)
    for _ in range(200):
        car.after(180.0)
    assert car.soc == pytest.approx(1.0)
    assert car.power_w == pytest.approx(0.0, abs=1e-6)


def test_it_leaves_comes_back_and_has_used_its_way() -> None:
    car = _car(soc=1.0, day_s=7 * 3600.0)
    seen = []
    for _ in range(24 * 4):
        car.after(900.0)
        seen.append((car.is_home, car.power_w > 0.0))
    assert [home for home, _ in seen] == [True] * 3 + [False] * 40 + [True] * 53
    assert not any(charging for _, charging in seen[:44])
    assert seen[44][1]
    assert _car(soc=0.05, day_s=10 * 3600.0).is_home is False


def test_commuters_are_seeded_and_their_days_in_order() -> None:
    trips = [commuter(random) for random in [Random(6)] for _ in range(200)]
    again = Random(6)
    assert trips == [commuter(again) for _ in range(200)]
    assert len({trip.leave_s for trip in trips}) == 200
    assert all(3_600.0 <= trip.energy_wh <= 10_800.0 for trip in trips)


def test_cars_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="ev: phases is 4; it must be 1, 2 or 3"):
        EvParams(phases=4)
    with pytest.raises(ValueError, match="ev: capacity_wh is -1"):
        EvParams(capacity_wh=-1.0)
    with pytest.raises(ValueError, match="trip: arrive_s is 10; it must be 20 to 86400"):
        Trip(20.0, 10.0, 0.0)


# Ageing


def test_standing_still_ages_by_the_calendar_as_by_hand() -> None:
    cell = Ageing(soc=0.5)
    for _ in range(10):
        cell.after(365 * 86_400.0, 0.5)
    stress = 4.14e-10 * 10 * 365 * 86_400.0
    assert cell.time_stress == pytest.approx(stress)
    assert cell.health == pytest.approx(0.0575 * math.exp(-121 * stress) + 0.9425 * math.exp(-stress))


def test_heat_and_a_full_battery_age_faster() -> None:
    def stress(soc: float, cell_c: float) -> float:
        cell = Ageing(soc=soc)
        cell.after(86_400.0, soc, cell_c)
        return cell.time_stress

    assert stress(1.0, 25.0) / stress(0.5, 25.0) == pytest.approx(math.exp(1.04 * 0.5))
    assert stress(0.5, 35.0) / stress(0.5, 25.0) == pytest.approx(math.exp(0.0693 * 10 * 298.15 / 308.15))


def _cycled(low: float, high: float, cycles: int, steps: int) -> Ageing:
    cell = Ageing(soc=low)
    for _ in range(cycles):
        for step in range(1, steps + 1):
            cell.after(1.0, low + (high - low) * step / steps)
        for step in range(1, steps + 1):
            cell.after(1.0, high - (high - low) * step / steps)
    cell.after(1.0, low + 0.01)  # a turn, so that the last swing counts
    return cell


def test_full_cycles_age_as_by_hand_however_finely_stepped() -> None:
    half = 0.5 / (1.40e5 * 0.8**-0.501 - 1.23e5)
    for steps in (1, 7, 50):
        assert _cycled(0.1, 0.9, 20, steps).swing_stress == pytest.approx(40 * half, rel=1e-9)


def test_shallow_swings_age_less_than_deep_ones_of_the_same_throughput() -> None:
    assert _cycled(0.4, 0.6, 80, 5).swing_stress < 0.8 * _cycled(0.1, 0.9, 20, 5).swing_stress


def test_noise_is_no_cycle_and_nonsense_is_refused() -> None:
    cell, random = Ageing(soc=0.5), Random(1)
    for _ in range(1000):
        cell.after(1.0, 0.5 + random.uniform(-0.001, 0.001))
    assert cell.swing_stress == 0.0
    with pytest.raises(ValueError, match=r"ageing: soc is 1\.2; it must be"):
        cell.after(1.0, 1.2)
