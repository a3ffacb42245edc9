"""Forecasts of homes that follow a rule, of noise that is known, and of histories that lack nearly everything."""

from datetime import UTC, datetime, timedelta
from math import cos, pi
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.forecasting import forecasters
from controller.forecasting.forecast import LEVELS, Forecast
from controller.forecasting.series import QUARTER_S, Series
from controller.forecasting.sun import Place, clear_w_m2, height
from controller.planning.site import Floats, Horizon
from tests.controller.forecasting.days import BERLIN, NOON, Rule, ahead, before, lived, ruled

HERE = Place(52.52, 13.40)
SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the clocks go forward within the horizon
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)


def with_values(series: Series, values: Floats) -> Series:
    return Series(series.start, series.step_s, values)


# What follows a rule


@pytest.mark.parametrize("start", [NOON, SPRING, AUTUMN, SPRING + timedelta(days=2), AUTUMN + timedelta(days=3)])
def test_a_home_that_lives_by_its_clock_is_forecast_exactly(start: datetime) -> None:
    told = forecasters.load(before(start, 60), ahead(start), BERLIN)
    expected = ruled(lived, start, 192)
    for level in LEVELS:
        assert told.at(level) == pytest.approx(expected, abs=1e-6), level
    assert told.notes == ()


@pytest.mark.parametrize("start", [NOON, SPRING, AUTUMN])
def test_the_plain_forecast_goes_by_local_days_of_the_same_kind(start: datetime) -> None:
    told = forecasters.naive(before(start, 20), ahead(start), BERLIN)
    assert told.median == pytest.approx(ruled(lived, start, 192), abs=1e-6)


def test_steps_of_five_minutes_are_those_of_their_quarter_hour() -> None:
    told = forecasters.load(before(NOON, 20), ahead(NOON, 24, 300.0), BERLIN)
    assert told.median == pytest.approx(np.repeat(ruled(lived, NOON, 96), 3), abs=1e-6)


def test_a_horizon_may_begin_within_a_quarter_hour() -> None:
    told = forecasters.load(before(NOON, 20), ahead(NOON + timedelta(seconds=300), 2, 900.0), BERLIN)
    # The first step is two thirds of its first quarter-hour.
    truth = ruled(lived, NOON, 9)
    assert told.median == pytest.approx(truth[:-1] * 2 / 3 + truth[1:] / 3, abs=1e-6)


def test_a_single_ill_day_and_holes_do_not_carry_on_for_a_home_that_lives_by_its_clock() -> None:
    past = before(NOON, 60)
    values = past.values.copy()
    values[-3000:-2900] = np.nan
    values[::7] = np.nan
    told = forecasters.load(with_values(past, values), ahead(), BERLIN)
    assert told.median == pytest.approx(ruled(lived, NOON, 192), abs=1e-6)


# What is known of noise


def noisy(days: float, sigma: float, fades: float = 0.0, seed: int = 1) -> tuple[Series, float]:
    """A home by its clock with Gaussian noise, each quarter's passing on as AR(1); and the last deviation."""
    past, random = before(NOON, days), np.random.default_rng(seed)
    steps = random.normal(0.0, sigma, len(past.values))
    off = np.empty(len(steps))
    state = 0.0
    for place, step in enumerate(steps):
        state = off[place] = fades * state + step
    return with_values(past, past.values + off), state


def test_gaussian_noise_gives_gaussian_quantiles_at_every_lead() -> None:
    told = forecasters.load(noisy(60, 100.0)[0], ahead(), BERLIN)
    for level in LEVELS:
        off = (told.at(level) - ruled(lived, NOON, 192)).mean()
        # A mean of few days is itself off by a quarter of their spread, which widens the band by 4 %.
        assert off == pytest.approx(NormalDist(0.0, 104.0).inv_cdf(level), abs=12.0), level
    for part in (slice(0, 4), slice(4, 96), slice(96, 192)):
        width = (told.at(0.9) - told.at(0.1))[part].mean()
        assert width == pytest.approx(2 * 1.2816 * 104.0, rel=0.12)


def test_what_the_last_hours_were_off_fades_as_it_always_did() -> None:
    fades = 0.9
    past, state = noisy(60, 60.0, fades)
    values = past.values.copy()
    values[-8:] += 300.0 - state  # something is on
    state = 300.0 + (past.values[-1] + 300.0 - state - ruled(lived, past.end - timedelta(seconds=900), 1)[0] - 300.0)
    told = forecasters.load(with_values(past, values), ahead(), BERLIN)
    off = told.median - ruled(lived, NOON, 192)
    leads = np.array([1, 4, 8, 16])
    assert off[leads - 1] == pytest.approx(state * fades**leads, abs=45.0)
    assert abs(off[40:].mean()) < 30.0
    # Near the origin more is known than a day ahead: 1 against 1 / sqrt(1 - 0.81).
    width = told.at(0.9) - told.at(0.1)
    assert width[0] < 0.6 * width[60:90].mean()
    assert width[60:90].mean() == pytest.approx(2 * 1.2816 * 60.0 / np.sqrt(1 - fades**2), rel=0.15)


def test_a_home_that_follows_the_weather_is_forecast_by_it() -> None:
    random = np.random.default_rng(5)
    days = random.normal(0.0, 6.0, 64)
    outdoor = Series(NOON - timedelta(days=60), QUARTER_S, np.repeat(days, 96)[: 62 * 96])
    heated = before(NOON, 60)
    heated = with_values(heated, heated.values + 40.0 * (20.0 - outdoor.values[: 60 * 96]))
    truth = ruled(lived, NOON, 192) + 40.0 * (20.0 - outdoor.values[60 * 96 :])
    blind = forecasters.load(heated, ahead(), BERLIN)
    told = forecasters.load(heated, ahead(), BERLIN, outdoor)
    assert np.abs(told.median - truth).mean() < 0.6 * np.abs(blind.median - truth).mean()
    # Holes in it are closed; of a thermometer nobody has read for weeks nothing is believed.
    gone = with_values(outdoor, np.where(np.arange(len(outdoor.values)) % 5 == 0, np.nan, outdoor.values))
    assert np.abs(forecasters.load(heated, ahead(), BERLIN, gone).median - told.median).mean() < 30.0
    dead = with_values(outdoor, np.full(len(outdoor.values), np.nan))
    assert forecasters.load(heated, ahead(), BERLIN, dead).median == pytest.approx(blind.median)


def cold(local: datetime) -> float:
    return 8.0 - 4.0 * cos(2 * pi * (local.hour + local.minute / 60 - 3) / 24)


def test_warm_and_cold_spells_persist_and_the_day_still_has_its_wave() -> None:
    past, wave, spells = before(NOON, 60, cold), ruled(cold, NOON, 192), []
    for seed in range(10):
        random = np.random.default_rng(seed)
        daily = 2.0 * np.convolve(random.normal(0.0, 1.0, 70), 0.8 ** np.arange(10))[5:66]
        drift = np.interp(np.arange(60 * 96) / 96, np.arange(61), daily)
        off = forecasters.outdoor(with_values(past, past.values + drift), ahead()).median - wave
        spells.append((drift[-1], off[:8].mean(), off[-8:].mean()))
    now, soon, later = np.array(spells).T
    assert np.polyfit(now, soon, 1)[0] == pytest.approx(1.0, abs=0.05)
    assert 0.4 < np.polyfit(now, later, 1)[0] < 1.0


# The sun


def shone(clearness: float, *, watts_per: float = 4.0, days: int = 40) -> Series:
    start = NOON - timedelta(days=days)
    light = clear_w_m2(HERE, start.timestamp(), QUARTER_S, 96 * days)
    return Series(start, QUARTER_S, clearness * watts_per * light)


@pytest.mark.parametrize("clearness", [1.0, 0.3])
def test_a_sky_that_stays_is_forecast_by_the_suns_own_course(clearness: float) -> None:
    told = forecasters.pv(shone(clearness), ahead(), HERE)
    truth = clearness * 4.0 * clear_w_m2(HERE, NOON.timestamp(), QUARTER_S, 192)
    assert told.median == pytest.approx(truth, abs=0.01 * truth.max())


def test_without_the_place_the_own_best_days_stand_in() -> None:
    told = forecasters.pv(shone(1.0), ahead())
    truth = 4.0 * clear_w_m2(HERE, NOON.timestamp(), QUARTER_S, 192)
    assert np.abs(told.median - truth).mean() < 0.02 * truth.max()
    assert (told.values[:, truth == 0.0] == 0.0).all()


def test_without_the_place_an_hour_never_seen_promises_nothing() -> None:
    past = shone(1.0)
    hour = np.arange(len(past.values)) // 4 % 24  # from 12:00 UTC on
    told = forecasters.pv(with_values(past, np.where(hour == 2, np.nan, past.values)), ahead())
    assert (told.values[:, 8:12] == 0.0).all()
    assert (told.median[4:8] > 0.0).all()


def test_clouds_of_the_last_hour_stay_a_while() -> None:
    random = np.random.default_rng(3)
    past = shone(1.0)
    cloud = np.empty(len(past.values))
    state = 0.0
    for place, step in enumerate(random.normal(0.0, 0.08, len(cloud))):
        state = cloud[place] = 0.95 * state + step
    sky = np.clip(0.6 + cloud, 0.05, 1.0)
    sky[-6:] = 0.1
    told = forecasters.pv(with_values(past, past.values * sky), ahead(), HERE)
    clear = 4.0 * clear_w_m2(HERE, NOON.timestamp(), QUARTER_S, 192)
    assert told.median[0] / clear[0] == pytest.approx(0.13, abs=0.08)
    assert told.median[96] / clear[96] > 0.4


def test_modules_never_seen_make_what_their_rating_says() -> None:
    told = forecasters.pv(Series.empty(), ahead(), HERE, 5000.0)
    light = clear_w_m2(HERE, NOON.timestamp(), QUARTER_S, 192)
    assert told.at(0.95).max() == pytest.approx(0.85 * 5.0 * light.max(), rel=1e-6)
    assert "any sky" in told.notes[-1]


@pytest.mark.parametrize(
    ("place", "rated_w", "says"), [(None, None, "no place and no history"), (HERE, None, "no rated power")]
)
def test_modules_of_which_nothing_is_known_make_nothing(place: Place | None, rated_w: float | None, says: str) -> None:
    told = forecasters.pv(Series.empty(), ahead(), place, rated_w)
    assert (told.values == 0.0).all()
    assert says in told.notes[0]


# Little history


def test_without_history_a_typical_home_and_any_weather_are_assumed_and_said() -> None:
    load = forecasters.load(Series.empty(), ahead(), BERLIN)
    assert load.at(0.25)[0] < 400.0 < load.at(0.75)[0]
    assert load.notes == ("load: 0 h of history, so 400 W are assumed",)
    air = forecasters.outdoor(Series.empty(), ahead())
    assert air.at(0.9)[0] - air.at(0.1)[0] > 20.0
    assert "no history" in air.notes[0]
    assert "no history" in forecasters.naive(Series.empty(), ahead(), BERLIN).notes[0]


def test_a_single_day_is_held_flat() -> None:
    past = before(NOON, 1)
    told = forecasters.load(past, ahead(), BERLIN)
    assert told.at(0.05).max() < past.values.mean() < told.at(0.95).min()
    assert np.ptp(told.median) == 0.0
    assert told.notes == (f"load: 24 h of history, so their mean {past.values.mean():.0f} W is held",)
    air = forecasters.outdoor(before(NOON, 1, cold), ahead())
    assert air.median[0] == pytest.approx(8.0)
    assert "24 h" in air.notes[0]


@pytest.mark.parametrize("days", [2, 3, 7, 9])
def test_a_few_days_are_enough_for_a_home_that_lives_by_its_clock(days: int) -> None:
    # A weekend is within reach only from a week on; until then the other days stand in.
    told = forecasters.load(before(NOON, days), ahead(NOON, 24), BERLIN)
    assert told.median == pytest.approx(ruled(lived, NOON, 96), abs=1e-6)


def test_before_it_was_ever_wrong_a_forecast_is_as_unsure_as_the_values_are_spread() -> None:
    saturday = datetime(
        2026, 6, 20, 14, tzinfo=UTC
    )  # a Friday and a Saturday: no day of its kind has been forecast yet
    past = before(saturday, 1.6)
    told = forecasters.load(past, ahead(saturday, 24), BERLIN)
    expected = np.quantile(past.values, 0.9) - np.quantile(past.values, 0.1)
    assert (told.at(0.9) - told.at(0.1)).mean() == pytest.approx(expected, rel=0.2)


def test_absurd_values_are_left_out_and_said() -> None:
    past = before(NOON, 20)
    values = past.values.copy()
    values[-200:-190] = 3e7
    told = forecasters.load(with_values(past, values), ahead(), BERLIN)
    assert told.median == pytest.approx(ruled(lived, NOON, 192), abs=1e-6)
    assert told.notes == ("load: 10 absurd values of the history are left out; -1e+06 to 1e+06 is allowed",)


def test_history_of_another_time_is_no_history() -> None:
    for start in (NOON + timedelta(days=400), NOON - timedelta(days=400)):
        assert "0 h of history" in forecasters.load(before(NOON, 20), ahead(start), BERLIN).notes[0]


# Whatever comes


rule_free = st.lists(st.one_of(st.floats(-2e4, 2e4), st.just(np.nan), st.just(1e12)), min_size=0, max_size=12)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Series, Horizon]:
    """Any days with any holes, ending anywhere near the horizon."""
    count = draw(st.integers(0, 96 * 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.normal(draw(st.floats(-500.0, 3000.0)), draw(st.sampled_from([0.0, 1.0, 800.0])), count)
    values[random.random(count) < draw(st.sampled_from([0.0, 0.1, 0.9]))] = np.nan
    for value in draw(rule_free):
        if count:
            values[draw(st.integers(0, count - 1))] = value
    start = datetime(2026, draw(st.integers(1, 12)), draw(st.integers(1, 28)), draw(st.integers(0, 23)), tzinfo=UTC)
    step_s = draw(st.sampled_from([300.0, 900.0, 3600.0]))
    late_s = 300.0 * draw(st.integers(0, 400))
    past = Series(start - timedelta(seconds=count * QUARTER_S), QUARTER_S, values)
    return past, Horizon(start + timedelta(seconds=late_s), step_s, draw(st.integers(1, 60)))


@given(histories())
@settings(max_examples=30)
def test_whatever_the_history_a_forecast_is_finite_and_rises(drawn: tuple[Series, Horizon]) -> None:
    past, horizon = drawn
    made: list[Forecast] = [
        forecasters.load(past, horizon, BERLIN),
        forecasters.outdoor(past, horizon),
        forecasters.naive(past, horizon, BERLIN),
    ]
    for told in made:  # the values are checked by Forecast itself
        assert told.values.shape == (len(LEVELS), horizon.steps)
    seen_w = float(np.nanmax(np.abs(past.within(-1e6, 1e6)[0].values), initial=0.0))
    assert np.abs(made[0].values).max() <= max(1400.0, 3.5 * seen_w)


@given(
    histories(), st.sampled_from([None, HERE, Place(-33.9, 151.2), Place(69.6, 18.9)]), st.sampled_from([None, 3000.0])
)
@settings(max_examples=30)
def test_whatever_the_history_no_sun_shines_at_night_nor_beyond_the_most(
    drawn: tuple[Series, Horizon], place: Place | None, rated_w: float | None
) -> None:
    past, horizon = drawn
    told = forecasters.pv(past, horizon, place, rated_w)
    seen_w = float(np.nanmax(past.within(-1e6, 1e6)[0].values, initial=0.0))
    assert told.values.min() >= 0.0
    assert told.values.max() <= (seen_w if rated_w is None else rated_w) * (1 + 1e-9)
    if place is not None:
        parts: Floats = horizon.start.timestamp() + np.arange(horizon.steps * 12, dtype=np.float64) * (
            horizon.step_s / 12
        )
        # A quarter-hour of the grid may reach into a step of five minutes that is dark itself.
        dark = (height(place, parts) < -0.06).reshape(-1, 12).all(axis=1)
        assert (told.values[:, dark] == 0.0).all()


def test_the_rule_of_the_week_is_in_the_home() -> None:
    rule: Rule = lived
    assert rule(datetime(2026, 6, 20, 9)) != rule(datetime(2026, 6, 19, 9))  # noqa: DTZ001
