"""Physics against closed forms: what flowed, what a source leaves, what a battery keeps."""

import itertools
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_hardware.physics.battery import BatteryStore
from sim_hardware.physics.grid import Grid, VoltageCollapse, Wander, terminal_voltage_v
from sim_hardware.physics.load import Load
from sim_hardware.physics.pv import PvPlant, Sun
from sim_hardware.physics.terminal import Terminal, approach, balanced


def test_energy_is_power_times_time_per_phase_and_direction() -> None:
    terminal = Terminal(power_w=(3600.0, -1800.0, 0.0), reactive_var=(720.0, 0.0, -360.0))
    terminal.after(10.0)
    terminal.after(20.0)
    assert terminal.import_wh == pytest.approx([30.0, 0.0, 0.0])
    assert terminal.export_wh == pytest.approx([0.0, 15.0, 0.0])
    assert terminal.import_varh == pytest.approx([6.0, 0.0, 0.0])
    assert terminal.export_varh == pytest.approx([0.0, 0.0, 3.0])


def test_current_is_apparent_power_by_voltage() -> None:
    terminal = Terminal(voltage_v=(230.0, 220.0, 240.0), power_w=(-690.0, 0.0, 0.0), reactive_var=(920.0, 0.0, 0.0))
    assert terminal.apparent_va(0) == pytest.approx(1150.0)
    assert terminal.current_a(0) == pytest.approx(5.0)


@given(
    power_w=st.floats(-20_000, 20_000),
    reactive_var=st.floats(-10_000, 10_000),
    source_v=st.floats(200, 260),
)
def test_voltage_and_current_close_kirchhoffs_loop(power_w: float, reactive_var: float, source_v: float) -> None:
    voltage_v = terminal_voltage_v(source_v, 0.25, 0.1, power_w, reactive_var)
    current = complex(power_w, -reactive_var) / voltage_v
    assert abs(voltage_v + complex(0.25, 0.1) * current) == pytest.approx(source_v, rel=1e-9)


def test_import_lowers_and_export_lifts_the_voltage() -> None:
    levels = [terminal_voltage_v(230.0, 0.25, 0.1, power_w, 0.0) for power_w in (3000.0, 0.0, -3000.0)]
    assert levels[0] < levels[1] == 230.0 < levels[2]


def test_too_much_power_is_a_clear_error() -> None:
    with pytest.raises(VoltageCollapse, match="60000 W and 0 var on one phase"):
        terminal_voltage_v(230.0, 0.25, 0.1, 60_000.0, 0.0)


def _wandered(dt_s: float, steps: int) -> list[float]:
    wander, values = Wander(Random(4), 50.0, 0.02, 300.0), []
    for _ in range(steps):
        wander.after(dt_s)
        values.append(wander.value)
    return values


@pytest.mark.parametrize("dt_s", [30.0, 60.0, 300.0])
def test_frequency_wanders_about_fifty_hertz_as_far_for_any_step(dt_s: float) -> None:
    values = _wandered(dt_s, 40_000)
    mean = math.fsum(values) / len(values)
    assert mean == pytest.approx(50.0, abs=0.002)
    assert math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values)) == pytest.approx(0.02, rel=0.1)


def test_frequency_moves_slowly() -> None:
    values = _wandered(1.0, 3600)
    assert max(abs(after - before) for before, after in itertools.pairwise(values)) < 0.01


def test_a_lag_is_63_percent_there_after_its_time_however_often_it_is_stepped() -> None:
    once = approach(0.0, 100.0, 2.0, 2.0)
    often = 0.0
    for _ in range(100):
        often = approach(often, 100.0, 2.0, 0.02)
    assert once == pytest.approx(100.0 * (1.0 - math.exp(-1.0)))
    assert often == pytest.approx(once)
    assert approach(7.0, 3.0, 0.0, 0.1) == 3.0


def test_a_charge_and_discharge_cycle_keeps_the_round_trip_efficiency() -> None:
    store = BatteryStore(soc=0.2, soc_least=0.0, round_trip=0.9, lag_s=0.0)
    store.request_w = 2000.0
    taken_wh = _run(store, 3600)
    assert taken_wh == pytest.approx(2000.0)
    assert store.stored_wh == pytest.approx(2000.0 + 2000.0 * math.sqrt(0.9))
    before_wh, given_wh = store.stored_wh, 0.0
    store.request_w = -2000.0
    while store.stored_wh > 2000.0 + 1.0:
        given_wh -= _run(store, 1)
    assert given_wh / 2000.0 == pytest.approx(0.9, abs=0.001)
    assert before_wh > store.stored_wh


def _run(store: BatteryStore, seconds: int) -> float:
    energy_wh = 0.0
    for _ in range(seconds):
        store.after(1.0)
        energy_wh += store.power_w / 3600.0
    return energy_wh


@given(
    requests=st.lists(st.floats(-9000, 9000), min_size=1, max_size=30),
    dt_s=st.floats(0.1, 900.0),
    soc=st.floats(0.05, 1.0),
)
def test_a_battery_never_leaves_its_limits(requests: list[float], dt_s: float, soc: float) -> None:
    store = BatteryStore(soc=soc)
    for request_w in requests:
        store.request_w = request_w
        store.after(dt_s)
        assert 0.05 - 1e-9 <= store.soc <= 1.0 + 1e-9
        assert abs(store.power_w) <= 5000.0


def test_the_last_step_fills_and_empties_exactly() -> None:
    store = BatteryStore(soc=0.99, lag_s=0.0)
    for request_w, soc in ((5000.0, 1.0), (-5000.0, 0.05)):
        store.request_w = request_w
        store.after(7200.0)
        assert store.soc == pytest.approx(soc)


def test_a_full_battery_takes_nothing_and_an_empty_one_gives_nothing() -> None:
    full, empty = BatteryStore(soc=1.0, lag_s=0.0), BatteryStore(soc=0.05, lag_s=0.0)
    full.request_w, empty.request_w = 3000.0, -3000.0
    full.after(1.0)
    empty.after(1.0)
    assert (full.power_w, empty.power_w) == (0.0, 0.0)


def test_a_discharge_limit_binds_discharging_only() -> None:
    store = BatteryStore(lag_s=0.0)
    store.discharge_limit_w = 500.0
    for request_w, power_w in ((-3000.0, -500.0), (3000.0, 3000.0), (None, 0.0)):
        store.request_w = request_w
        store.after(1.0)
        assert store.power_w == power_w


def _plant(irradiance_w_m2: float) -> PvPlant:
    sun = Sun(Random(1), 43_200.0)
    sun.hold_w_m2 = irradiance_w_m2
    return PvPlant(sun, lag_s=1.0)


def test_pv_follows_the_sun_and_the_limit_with_its_lag() -> None:
    plant = _plant(800.0)
    plant.after(100.0)
    assert plant.power_w == pytest.approx(-4000.0)
    plant.limit_w = 1000.0
    assert plant.is_throttled
    plant.after(1.0)
    assert plant.power_w == pytest.approx(-(1000.0 + 3000.0 * math.exp(-1.0)))
    plant.after(100.0)
    assert plant.power_w == pytest.approx(-1000.0)


def test_pv_gives_at_most_its_rating_and_a_high_limit_changes_nothing() -> None:
    plant = _plant(1300.0)
    plant.limit_w = 9000.0
    plant.after(100.0)
    assert plant.power_w == pytest.approx(-5000.0)
    assert not plant.is_throttled


def test_the_sun_shines_by_day_only() -> None:
    for hour, shines in ((0, False), (5, False), (6, True), (13, True), (20, True), (22, False)):
        assert (Sun(Random(2), hour * 3600.0).irradiance_w_m2 > 0.0) is shines


def test_a_load_is_a_plausible_home_and_the_same_for_the_same_seed() -> None:
    loads = [Load(Random(8), 0.0), Load(Random(8), 0.0), Load(Random(9), 0.0)]
    days = []
    for load in loads:
        energy_wh = 0.0
        for _ in range(8640):
            load.after(10.0)
            assert all(power_w >= 0.0 for power_w in load.power_w)
            energy_wh += sum(load.power_w) / 360.0
        days.append(energy_wh)
    assert days[0] == days[1] != days[2]
    assert 4_000.0 < days[0] < 20_000.0


def test_a_held_load_is_what_was_set() -> None:
    load = Load(Random(8), 0.0)
    load.hold_w = (100.0, 200.0, 300.0)
    load.after(1e6)
    assert load.power_w == (100.0, 200.0, 300.0)
    assert load.reactive_var(load.power_w) == (25.0, 50.0, 75.0)


def test_grid_phases_differ_and_answer_their_own_power() -> None:
    grid = Grid(Random(3))
    idle = grid.voltage_v((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    loaded = grid.voltage_v((4600.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert len(set(idle)) == 3
    assert loaded[0] < idle[0]
    assert loaded[1:] == idle[1:]


def test_balanced_is_a_third_each() -> None:
    assert balanced(-3000.0) == (-1000.0, -1000.0, -1000.0)
