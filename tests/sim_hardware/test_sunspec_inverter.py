"""The simulated inverter: signs, limits in both models, and reversion without a master."""

import math

import pytest

from protocols.ports import Table
from sim_hardware.devices.image import ModbusRefusal
from sim_hardware.devices.sunspec_inverter import ALL_MODELS, SunSpecInverter
from sim_hardware.home import SimHome

# Model 704: offsets of the limit, as counted in SunSpec's model file (see test_sunspec_models.py).
ENA, PCT, PCT_RVRT, ENA_RVRT, RVRT_TMS, RVRT_REM = 14, 15, 16, 17, 18, 20


class Bench:
    """A home at 4,000 W of sun, seen through the inverter's registers."""

    def __init__(self, models: tuple[int, ...] = ALL_MODELS, *, step_s: float = 0.1) -> None:
        self.home = SimHome(7, inverter_models=models, step_s=step_s)
        self.home.sun.hold_w_m2 = 800.0
        self.home.load.hold_w = (0.0, 0.0, 0.0)
        image = self.home.images["pv"]
        assert isinstance(image, SunSpecInverter)
        self.image = image
        self.home.after(20.0)

    def read(self, model: int, name: str, count: int = 1) -> list[int]:
        return self.image.read(Table.HOLDING, self.image.address(model, name), count)

    def write(self, model: int, name: str, *words: int) -> None:
        self.image.write(self.image.address(model, name), words)

    def produced_w(self) -> int:
        return self.read(103, "W")[0]

    def limit_704(self, tenths: int, seconds: int, fallback: int = 1000, fallback_on: int = 0) -> None:
        self.write(704, "WMaxLimPctEna", 1, tenths, fallback, fallback_on, 0, seconds)


def test_the_monitor_shows_injection_positive() -> None:
    bench = Bench()
    voltage_v = bench.home.terminals["pv"].voltage_v
    words = bench.read(103, "A", 38)
    assert words[12] == pytest.approx(4000, abs=1)  # W
    assert words[16] == pytest.approx(4000, abs=1)  # VA
    assert words[20] == 10_000  # PF 100.00 %
    assert [words[8] / 10, words[9] / 10, words[10] / 10] == pytest.approx(list(voltage_v), abs=0.06)
    assert words[1] / 100 == pytest.approx(4000 / 3 / voltage_v[0], abs=0.02)
    assert words[14] / 100 == pytest.approx(bench.home.grid.frequency_hz, abs=0.006)
    assert words[36] == 4  # MPPT


def test_energy_is_the_integral_of_production() -> None:
    bench = Bench(step_s=1.0)
    before_wh = bench.read(103, "WH", 2)[1]
    bench.home.after(1800.0)
    assert bench.read(103, "WH", 2)[1] - before_wh == pytest.approx(2000, abs=1)


def test_a_limit_takes_effect_with_the_plants_lag() -> None:
    bench = Bench()
    bench.limit_704(200, 0)  # 20.0 % of 5,000 W
    bench.home.after(1.0)
    assert bench.produced_w() == pytest.approx(1000 + 3000 * math.exp(-1), abs=2)
    bench.home.after(20.0)
    assert bench.produced_w() == pytest.approx(1000, abs=1)
    assert bench.read(103, "St") == [5]  # THROTTLED


def test_the_timer_runs_down_and_the_limit_lifts() -> None:
    bench = Bench()
    bench.limit_704(200, 10)
    seen = []
    for _ in range(12):
        seen.append((bench.read(704, "WMaxLimPctRvrtRem", 2)[1], bench.read(704, "WMaxLimPctEna")[0]))
        bench.home.after(1.0)
    assert seen == [(left, 1) for left in range(10, 0, -1)] + [(0, 0), (0, 0)]
    bench.home.after(20.0)
    assert bench.produced_w() == pytest.approx(4000, abs=1)


def test_the_remaining_time_is_rounded_up_so_that_zero_means_over() -> None:
    bench = Bench()
    bench.limit_704(200, 10)
    bench.home.after(0.5)
    assert bench.read(704, "WMaxLimPctRvrtRem", 2) == [0, 10]
    bench.home.after(9.4)
    assert bench.read(704, "WMaxLimPctRvrtRem", 2) == [0, 1]


def test_reactive_power_shows_injection_positive() -> None:
    bench = Bench()
    bench.home.terminals["pv"].reactive_var = (100.0, 100.0, 100.0)
    assert bench.read(103, "VAr") == [0x10000 - 300]


def test_the_timer_falls_to_the_fallback_limit() -> None:
    bench = Bench()
    bench.limit_704(0, 5, fallback=600, fallback_on=1)
    bench.home.after(4.9)
    assert bench.produced_w() < 100
    bench.home.after(20.0)
    assert bench.produced_w() == pytest.approx(3000, abs=1)
    assert bench.read(704, "WMaxLimPctEna", 2) == [1, 600]


@pytest.mark.parametrize("refresh", [("WMaxLimPctEna", 1), ("WMaxLimPct", 300), ("WMaxLimPctRvrtTms", 0, 10)])
def test_a_refresh_in_time_keeps_the_limit(refresh: tuple[str, int]) -> None:
    bench = Bench()
    bench.limit_704(200, 10)
    for _ in range(5):
        bench.home.after(8.0)
        bench.write(704, *refresh)
        assert bench.read(704, "WMaxLimPctRvrtRem", 2) == [0, 10]
    assert bench.read(704, "WMaxLimPctEna") == [1]


def test_writing_only_the_fallback_refreshes_nothing() -> None:
    bench = Bench()
    bench.limit_704(200, 10)
    bench.home.after(8.0)
    bench.write(704, "WMaxLimPctRvrt", 500)
    assert bench.read(704, "WMaxLimPctRvrtRem", 2) == [0, 2]


def test_without_a_time_the_limit_stays_for_ever() -> None:
    bench = Bench(step_s=1.0)
    bench.limit_704(200, 0)
    bench.home.after(7200.0)
    assert bench.read(704, "WMaxLimPctEna") == [1]
    assert bench.produced_w() == pytest.approx(1000, abs=1)


def test_a_disabled_limit_runs_no_timer_and_binds_nothing() -> None:
    bench = Bench()
    bench.write(704, "WMaxLimPctEna", 0, 100, 1000, 0, 0, 30)
    assert bench.read(704, "WMaxLimPctRvrtRem", 2) == [0, 0]
    bench.home.after(20.0)
    assert bench.produced_w() == pytest.approx(4000, abs=1)


def test_both_models_show_one_limit_and_the_last_writer_wins() -> None:
    bench = Bench()
    bench.limit_704(200, 60)
    assert bench.read(123, "WMaxLimPct", 5) == [2000, 0xFFFF, 60, 0xFFFF, 1]
    bench.write(123, "WMaxLimPct", 4000)
    assert bench.read(704, "WMaxLimPctEna", 2) == [1, 400]
    bench.write(123, "WMaxLim_Ena", 0)
    assert bench.read(704, "WMaxLimPctEna") == [0]


def test_model_123_alone_limits_and_reverts_to_disabled() -> None:
    bench = Bench(models=(1, 103, 120, 121, 123))
    bench.write(123, "WMaxLimPct_RvrtTms", 30)
    bench.write(123, "WMaxLimPct", 1000)
    bench.write(123, "WMaxLim_Ena", 1)
    bench.home.after(29.0)
    assert bench.produced_w() == pytest.approx(500, abs=1)
    bench.home.after(2.0)
    assert bench.read(123, "WMaxLim_Ena") == [0]
    with pytest.raises(KeyError):
        bench.image.address(704, "WMaxLimPct")


def test_model_123_alone_keeps_what_was_written() -> None:
    """24.68 % must not come back as 24.7 %: a client that reads back would call it not applied, and rightly."""
    bench = Bench((1, 103, 120, 121, 123))
    bench.write(123, "WMaxLimPct", 2468)
    assert bench.read(123, "WMaxLimPct") == [2468]


def test_model_704_alone_is_enough() -> None:
    bench = Bench(models=(1, 103, 120, 121, 704))
    bench.limit_704(100, 30)
    bench.home.after(20.0)
    assert bench.produced_w() == pytest.approx(500, abs=1)


def test_per_cent_are_of_the_wmax_that_is_set() -> None:
    bench = Bench()
    bench.write(121, "WMax", 3000)
    bench.home.after(20.0)
    assert bench.produced_w() == pytest.approx(3000, abs=1)
    bench.limit_704(500, 0)
    bench.home.after(20.0)
    assert bench.produced_w() == pytest.approx(1500, abs=1)


def test_disconnected_it_produces_nothing() -> None:
    bench = Bench()
    bench.write(123, "Conn", 0)
    bench.home.after(20.0)
    assert bench.produced_w() == 0
    assert bench.read(103, "St") == [8]  # STANDBY
    bench.write(123, "Conn", 1)
    bench.home.after(20.0)
    assert bench.produced_w() == pytest.approx(4000, abs=1)


@pytest.mark.parametrize(
    ("model", "name", "words", "code"),
    [
        (704, "WMaxLimPct", [1001], 3),  # 100.1 %
        (123, "WMaxLimPct", [10_001], 3),  # 100.01 %
        (704, "WMaxLimPctEna", [2], 3),
        (704, "WMaxLimPctRvrtTms", [0], 2),  # half a value
        (704, "WMaxLimPctRvrtTms", [0xFFFF, 0xFFFF], 3),  # "not implemented" is no time
        (704, "WMaxLimPctRvrtRem", [0, 1], 2),  # read-only
        (704, "WSetEna", [1], 2),  # this inverter has none
        (704, "WMaxLimPct", [200, 1000, 0, 0, 60, 0, 0], 2),  # runs on into the read-only remainder
        (123, "OutPFSet_Ena", [1], 3),
        (123, "WMaxLimPct_WinTms", [5], 2),
        (121, "WMax", [5001], 3),
        (103, "W", [0], 2),
    ],
)
def test_a_wrong_write_is_refused_whole(model: int, name: str, words: list[int], code: int) -> None:
    bench = Bench()
    before = bench.read(704, "PFWInjEna", 65)
    with pytest.raises(ModbusRefusal) as refused:
        bench.write(model, name, *words)
    assert refused.value.code == code
    assert bench.read(704, "PFWInjEna", 65) == before
