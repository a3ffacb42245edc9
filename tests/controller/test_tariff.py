"""Prices on the steps of a plan, against tables written by hand: bands, days of 23 and 25 hours, feeds that are gone."""

from datetime import UTC, datetime, time, timedelta
from math import nan
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.planning.site import Horizon
from controller.tariff import CELL_S, Band, Prices, Received, Tariff, prices
from protocols.faults import Refused

BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS, SUNDAY = frozenset(range(5)), frozenset({6})
DAY_H = 24


def local(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=BERLIN).astimezone(UTC)


def hours(start: datetime, count: int) -> Horizon:
    return Horizon(start, 3600.0, count)


def received(start: datetime, hourly: list[float], export: list[float] | None = None) -> Received:
    cells = np.repeat(np.array(hourly, dtype=np.float64), 3600 // CELL_S)
    sold = np.full(len(cells), nan) if export is None else np.repeat(np.array(export), 3600 // CELL_S)
    return Received(start, cells, sold)


NIGHT = Band(time(22), time(6), import_per_kwh=0.20)
DYNAMIC = Tariff(BERLIN, is_dynamic=True)


def test_a_fixed_price_is_that_of_every_step() -> None:
    told = prices(hours(local(2026, 6, 1), 3), Tariff(BERLIN, 0.32, 0.08))
    assert told == Prices(told.import_per_kwh, told.export_per_kwh, ())
    assert told.import_per_kwh.tolist() == [0.32] * 3
    assert told.export_per_kwh.tolist() == [0.08] * 3


def test_a_band_passes_midnight() -> None:
    told = prices(hours(local(2026, 6, 1, 20), 12), Tariff(BERLIN, 0.32, 0.0, (NIGHT,)))
    assert told.import_per_kwh.tolist() == [0.32] * 2 + [0.20] * 8 + [0.32] * 2


def test_a_night_belongs_to_the_day_it_began_on() -> None:
    """From Sunday 22:00 to Monday 06:00; the same hours of Saturday and Monday are not of Sunday's band."""
    band = Band(time(22), time(6), SUNDAY, import_per_kwh=0.10)
    told = prices(hours(local(2026, 6, 6, 22), 48 + 8), Tariff(BERLIN, 0.30, 0.0, (band,)))
    assert told.import_per_kwh.tolist() == [0.30] * 24 + [0.10] * 8 + [0.30] * 24


def test_the_first_band_with_a_value_decides() -> None:
    bands = (
        Band(time(12), time(14), export_per_kwh=-0.02),
        Band(time(11), time(15), WORKDAYS, import_per_kwh=0.15, export_per_kwh=0.05),
    )
    told = prices(hours(local(2026, 6, 1, 10), 6), Tariff(BERLIN, 0.30, 0.08, bands))
    assert told.import_per_kwh.tolist() == [0.30, 0.15, 0.15, 0.15, 0.15, 0.30]
    assert told.export_per_kwh.tolist() == [0.08, 0.05, -0.02, -0.02, 0.05, 0.08]


def test_equal_ends_are_the_whole_day() -> None:
    band = Band(time(0), time(0), SUNDAY, import_per_kwh=0.10)
    told = prices(hours(local(2026, 6, 6), 72), Tariff(BERLIN, 0.30, 0.0, (band,)))
    assert told.import_per_kwh.tolist() == [0.30] * 24 + [0.10] * 24 + [0.30] * 24


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        # 2026-03-29: 01:59:59 CET is followed by 03:00 CEST, so the night has seven hours and the day 23.
        (local(2026, 3, 29), 23, [0.20] * 5 + [0.32] * 16 + [0.20] * 2),
        # 2026-10-25: the hour from 02:00 comes twice, so the night has nine hours and the day 25.
        (local(2026, 10, 25), 25, [0.20] * 7 + [0.32] * 16 + [0.20] * 2),
    ],
    ids=["23 hours", "25 hours"],
)
def test_bands_are_the_walls_on_days_of_23_and_25_hours(start: datetime, count: int, expected: list[float]) -> None:
    told = prices(hours(start, count), Tariff(BERLIN, 0.32, 0.0, (NIGHT,)))
    assert told.import_per_kwh.tolist() == expected
    assert (start + timedelta(hours=count)).astimezone(BERLIN).hour == 0


def test_prices_received_bear_factor_and_addition() -> None:
    tariff = Tariff(BERLIN, is_dynamic=True, factor=1.19, added_per_kwh=0.20, export_factor=0.9)
    told = prices(hours(local(2026, 6, 1), 2), tariff, received(local(2026, 6, 1), [0.10, -0.05], [0.10, -0.05]))
    assert told.import_per_kwh == pytest.approx([0.319, 0.1405])
    assert told.export_per_kwh == pytest.approx([0.09, -0.045])
    assert told.notes == ()


def test_what_is_added_may_have_bands_of_its_own() -> None:
    """A network charge that depends on the hour, on top of a price that comes by message."""
    tariff = Tariff(BERLIN, None, 0.0, (Band(time(1), time(2), added_per_kwh=0.05),), True, added_per_kwh=0.15)
    told = prices(hours(local(2026, 6, 1), 3), tariff, received(local(2026, 6, 1), [0.1, 0.1, 0.1]))
    assert told.import_per_kwh == pytest.approx([0.25, 0.15, 0.25])


def test_hourly_prices_on_quarters_and_on_five_minutes() -> None:
    start = local(2026, 6, 1)
    for step_s in (900.0, 300.0):
        each = int(3600 / step_s)
        told = prices(Horizon(start, step_s, 2 * each), DYNAMIC, received(start, [0.1, 0.3]))
        assert told.import_per_kwh.tolist() == [0.1] * each + [0.3] * each


def test_steps_that_do_not_align_are_weighted_by_time() -> None:
    """Steps of 15 min from 00:52:30 on: the first has 7.5 min at 0.1 and 7.5 min at 0.3."""
    start = local(2026, 6, 1)
    horizon = Horizon(start + timedelta(minutes=52, seconds=30), 900.0, 2)
    told = prices(horizon, DYNAMIC, received(start, [0.1, 0.3]))
    assert told.import_per_kwh == pytest.approx([0.2, 0.3])


def test_negative_prices_are_prices() -> None:
    told = prices(hours(local(2026, 6, 1), 1), DYNAMIC, received(local(2026, 6, 1), [-0.5]))
    assert told.import_per_kwh.tolist() == [-0.5]


def test_a_day_not_yet_published_is_as_the_day_before() -> None:
    """Monday's prices stand for Tuesday's."""
    monday = [0.01 * hour for hour in range(24)]
    told = prices(hours(local(2026, 6, 1), 48), DYNAMIC, received(local(2026, 6, 1), monday))
    assert told.import_per_kwh == pytest.approx(monday + monday)
    assert told.notes[0].startswith(
        "import price not known for 24 h from 2026-06-01T22:00:00.000Z on: the mean of the same"
    )
    assert told.notes[0].endswith("known up to 2026-06-01")


def test_days_of_the_same_kind_stand_in() -> None:
    """Of Thursday to Sunday (1, 2, 3, 4) Monday is as Thursday and Friday, and the Saturday after it as both weekend days."""
    known = received(local(2026, 6, 4), [1.0] * 24 + [2.0] * 24 + [3.0] * 24 + [4.0] * 24)
    assert prices(hours(local(2026, 6, 8), 24), DYNAMIC, known).import_per_kwh == pytest.approx([1.5] * 24)
    assert prices(hours(local(2026, 6, 13), 24), DYNAMIC, known).import_per_kwh == pytest.approx([3.5] * 24)


def test_three_days_of_a_kind_are_enough() -> None:
    """Monday to Friday at 1, 2, 4, 8, 16: the Monday after is as the last three."""
    known = received(local(2026, 6, 1), [float(2**day) for day in range(5) for _ in range(24)])
    assert prices(hours(local(2026, 6, 8), 24), DYNAMIC, known).import_per_kwh == pytest.approx([28 / 3] * 24)


def test_a_hole_is_filled_from_before_and_not_from_after() -> None:
    hourly = [0.1] * 24 + [0.5, nan, 0.5] + [0.9] * 45
    told = prices(hours(local(2026, 6, 2), 3), DYNAMIC, received(local(2026, 6, 1), hourly))
    assert told.import_per_kwh.tolist() == [0.5, 0.1, 0.5]
    assert "for 1 h from 2026-06-01T23:00:00.000Z" in told.notes[0]


def test_what_no_day_knows_is_the_fixed_price() -> None:
    tariff = Tariff(BERLIN, 0.30, 0.0, (Band(time(2), time(3), import_per_kwh=0.25),), True, added_per_kwh=0.2)
    told = prices(hours(local(2026, 6, 1), 4), tariff, received(local(2026, 6, 1), [0.1]))
    assert told.import_per_kwh == pytest.approx([0.3, 0.30, 0.25, 0.30])
    assert "fixed price" in told.notes[0]


def test_without_a_fixed_price_it_is_the_mean_of_what_is_known() -> None:
    told = prices(hours(local(2026, 6, 1), 3), DYNAMIC, received(local(2026, 6, 1), [0.1, 0.2]))
    assert told.import_per_kwh == pytest.approx([0.1, 0.2, 0.15])
    assert "mean of all prices known" in told.notes[0]


@pytest.mark.parametrize("tariff", [DYNAMIC, Tariff(BERLIN), Tariff(BERLIN, None, 0.0, (NIGHT,))])
def test_without_anything_it_is_refused(tariff: Tariff) -> None:
    with pytest.raises(Refused, match=r"no import price for 2026-06-01T10:00:00\.000Z") as caught:
        prices(hours(local(2026, 6, 1, 12), 24), tariff)
    assert caught.value.reason == "no_prices"


def test_export_without_a_price_brings_nothing_and_that_is_said() -> None:
    told = prices(hours(local(2026, 6, 1), 2), Tariff(BERLIN, 0.3))
    assert told.export_per_kwh.tolist() == [0.0, 0.0]
    assert told.notes == ("export price not set: 0 is assumed",)


def test_export_not_received_is_the_fixed_one() -> None:
    tariff = Tariff(BERLIN, None, 0.08, is_dynamic=True)
    told = prices(hours(local(2026, 6, 1), 2), tariff, received(local(2026, 6, 1), [0.1, 0.1]))
    assert told.export_per_kwh.tolist() == [0.08, 0.08]
    assert told.notes == ()


def test_an_hour_that_comes_twice_stands_for_one_and_one_for_both() -> None:
    """The Monday after the 25 hours knows 02:00 as the mean of both; the 25 hours after a Saturday use its 02:00 twice."""
    autumn = [0.0, 0.0, 2.0, 4.0] + [0.0] * 21
    known = received(local(2026, 10, 25), autumn)
    assert prices(hours(local(2026, 10, 31), 4), DYNAMIC, known).import_per_kwh.tolist() == [0.0, 0.0, 3.0, 0.0]
    saturday = received(local(2026, 10, 24), [0.0, 1.0, 2.0, 3.0] + [0.0] * 20)
    told = prices(hours(local(2026, 10, 25), 5), DYNAMIC, saturday)
    assert told.import_per_kwh.tolist() == [0.0, 1.0, 2.0, 2.0, 3.0]


def test_an_hour_that_is_left_out_is_looked_for_farther_back() -> None:
    """Sunday 2026-03-29 has no 02:00: for the Saturday after, only the Saturday before knows it."""
    known = received(local(2026, 3, 28), [1.0] * 24 + [3.0] * 23)
    told = prices(hours(local(2026, 4, 4), 4), DYNAMIC, known)
    assert told.import_per_kwh.tolist() == [2.0, 2.0, 1.0, 2.0]


def test_the_23_hours_leave_the_hour_out() -> None:
    saturday = received(local(2026, 3, 28), [float(hour) for hour in range(24)])
    told = prices(hours(local(2026, 3, 29), 23), DYNAMIC, saturday)
    assert told.import_per_kwh.tolist() == [0.0, 1.0, *(float(hour) for hour in range(3, 24))]


def test_clocks_that_change_by_half_an_hour() -> None:
    """Lord Howe, 2026-04-05: at 02:00 (+11:00) it is 01:30 (+10:30) again, so the band from 01:00 has an hour and a half."""
    zone = ZoneInfo("Australia/Lord_Howe")
    start = datetime(2026, 4, 5, tzinfo=zone).astimezone(UTC)
    tariff = Tariff(zone, 1.0, 0.0, (Band(time(1), time(2), import_per_kwh=0.0),))
    assert prices(Horizon(start, 1800.0, 7), tariff).import_per_kwh.tolist() == [1, 1, 0, 0, 0, 1, 1]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=30, max_size=30), st.integers(0, 7199), st.sampled_from([300.0, 900.0, 3600.0])
)
def test_the_mean_of_the_steps_is_that_of_the_time_they_cover(hourly: list[float], late_s: int, step_s: float) -> None:
    """Money does not come or go by the choice of steps: the area over whole steps is that of the hourly prices."""
    start = local(2026, 6, 1)
    horizon = Horizon(start + timedelta(seconds=late_s), step_s, int(24 * 3600 / step_s))
    told = prices(horizon, DYNAMIC, received(start, hourly))
    seconds = np.repeat(hourly, 3600)[late_s : late_s + 86_400]
    assert told.import_per_kwh.mean() == pytest.approx(seconds.mean(), abs=1e-8)
