"""The home with everything under a real node: every probe is told of, and what is truly warm and paid can be seen."""

from datetime import UTC, datetime

import pytest

from sim_hardware.devices.sg_ready import SgState
from sim_hardware.physics.climate import SUMMER, WINTER
from sim_hardware.physics.ev import Trip
from tests.scenarios.comfort_words import (
    Watch,
    banded,
    car_is_plugged,
    car_is_unplugged,
    draws_power,
    energy_wh,
    is_warm,
    outside_is,
    probe_is_cut,
    probe_is_mended,
    pump_is_in,
    room_stands_at,
    socket_is_empty,
)
from tests.scenarios.film import Film, at
from tests.scenarios.full_home import CHARGER, HOUR_S, MIDNIGHT, TARIFF, full
from tests.scenarios.stage import Stage
from tests.scenarios.words import healths


def told_c(stage: Stage, probe: str) -> list[float | None]:
    return [reading.values["temperature_c"] for _, reading in stage.head_end.telemetry(probe)]


def test_every_probe_is_told_of_and_a_cut_one_is_a_fault(film: Film) -> None:
    watch = Watch()
    stage = film(
        at(0, watch.watched, outside_is(-7.3), room_stands_at(21.0)),
        at(600, probe_is_cut("tank")),
        at(1200, healths("tank-probe", "online", "suspect", "offline"), probe_is_mended("tank")),
        at(1500, healths("tank-probe", "online", "suspect", "offline", "online"), pump_is_in(SgState.NORMAL)),
        at(1500, healths("room-probe", "online")),
        setup=full(climate=WINTER),
    )
    assert told_c(stage, "outside")[-1] == pytest.approx(-7.3, abs=0.0821)
    assert told_c(stage, "room-probe")[-1] == pytest.approx(watch.true_c["room"][-1], abs=0.15)
    interval = next(each for each in stage.head_end.intervals if each.device == "room-probe")
    told = [value for value in told_c(stage, "room-probe")[:90] if value is not None]  # of the first quarter of an hour
    assert interval.means["temperature_c"] == pytest.approx(sum(told) / len(told), abs=0.05)


def test_a_morning_of_everything(film: Film) -> None:
    watch, charges = Watch(every_s=300.0), draws_power("charger", 4_000.0, 12_000.0)
    always = {"charger": [{**CHARGER, "use": "always"}]}
    stage = film(
        at(0, watch.watched, room_stands_at(20.5)),
        at(3 * HOUR_S, charges, car_is_unplugged),
        at(3 * HOUR_S + 60, socket_is_empty, draws_power("charger", 0.0, 0.0)),
        at(4 * HOUR_S, car_is_plugged),
        at(4.2 * HOUR_S, charges, is_warm("room", 18.5, 22.0)),
        at(5.1 * HOUR_S, socket_is_empty),
        setup=full(climate=WINTER, cycle_s=30.0, trips=[Trip(5 * HOUR_S, 17.5 * HOUR_S, 9_000.0)], loads=always),
    )
    assert watch.degree_hours("room", 18.5, 22.0) == 0.0
    assert energy_wh(stage, "heat_pump") > 2000.0
    flowed_wh = sum(watch.net_wh)
    # All of it by night, and none of it given back.
    assert watch.cost(banded(TARIFF)) == pytest.approx(0.22 * flowed_wh / 1000.0)
    assert watch.cost(lambda when: (0.5 if when.hour < 3 else 0.0, 9.0)) == pytest.approx(
        0.5 * sum(watch.net_wh[:36]) / 1000.0
    )
    grid_wh = energy_wh(stage, "grid")
    assert grid_wh == pytest.approx(sum(energy_wh(stage, name) for name in stage.home.terminals if name != "grid"))


def test_degree_hours_count_both_ends_of_the_bounds(film: Film) -> None:
    watch = Watch(every_s=60.0)
    film(
        at(0, room_stands_at(30.0), watch.watched),
        at(600, is_warm("room", 28.0, 31.0)),
        setup=full(climate=SUMMER, clock=datetime(2026, 7, 1, 12, tzinfo=UTC)),
    )
    warm = watch.true_c["room"]
    assert watch.degree_hours("room", 19.0, 29.0) == pytest.approx(sum(max(0.0, c - 29.0) for c in warm) / 60.0)
    assert watch.degree_hours("room", 31.0, 40.0) == pytest.approx(sum(31.0 - c for c in warm) / 60.0)
    assert watch.degree_hours("room", 31.0, 40.0, lambda when: when.hour != 12) == 0.0


def test_prices_of_bands() -> None:
    prices = banded({**TARIFF, "band": [{"from": "22:00", "to": "06:00", "import_per_kwh": 0.2}]})
    assert [prices(MIDNIGHT.replace(hour=hour)) for hour in (5, 6, 21, 22)] == [
        (0.2, 0.08),
        (0.32, 0.08),
        (0.32, 0.08),
        (0.2, 0.08),
    ]
