"""The simulated battery: signs, set power in both modes, reversion, state of charge."""

import pytest

from protocols.ports import Table
from sim_hardware.devices.image import ModbusRefusal
from sim_hardware.devices.sunspec_battery import SunSpecBattery
from sim_hardware.home import SimHome

PCT, WATTS = 0, 1


class Bench:
    """A home seen through the battery's registers; raw words, so that signs are those of the wire."""

    def __init__(self, *, step_s: float = 0.1) -> None:
        self.home = SimHome(7, step_s=step_s)
        image = self.home.images["battery"]
        assert isinstance(image, SunSpecBattery)
        self.image = image
        self.home.after(1.0)

    def read(self, model: int, name: str, count: int = 1) -> list[int]:
        return self.image.read(Table.HOLDING, self.image.address(model, name), count)

    def write(self, name: str, *words: int) -> None:
        self.image.write(self.image.address(704, name), words)

    def set_w(self, inject_w: int, seconds: int, *, fallback_w: int = 0, fallback_on: int = 0) -> None:
        self.write("WSetRvrt", *_int32(fallback_w))
        self.write("WSetEnaRvrt", fallback_on, 0, seconds)
        self.write("WSetEna", 1, WATTS, *_int32(inject_w))

    def injected_w(self) -> int:
        (word,) = self.read(701, "W")
        return word - 0x10000 if word & 0x8000 else word


def _int32(value: int) -> tuple[int, int]:
    return value >> 16 & 0xFFFF, value & 0xFFFF


def test_it_rests_until_it_is_asked() -> None:
    bench = Bench()
    bench.home.after(60.0)
    assert bench.injected_w() == 0
    assert bench.read(701, "InvSt") == [7]  # STANDBY


@pytest.mark.parametrize("inject_w", [-3000, 2500])
def test_it_follows_a_set_power_injection_positive(inject_w: int) -> None:
    bench = Bench()
    bench.set_w(inject_w, 0)
    bench.home.after(20.0)
    assert bench.injected_w() == inject_w
    assert bench.home.terminals["battery"].total_w == pytest.approx(-inject_w, abs=0.1)
    assert bench.read(701, "InvSt") == [3]  # RUNNING
    assert bench.read(701, "PF") == [1000 if inject_w > 0 else 0x10000 - 1000]


def test_per_cent_mode_is_of_wmax() -> None:
    bench = Bench()
    bench.write("WSetPct", 0x10000 - 400)  # -40.0 % of 5,000 W
    bench.write("WSetEna", 1, PCT)
    bench.home.after(20.0)
    assert bench.injected_w() == -2000


def test_the_timer_runs_down_and_the_battery_rests() -> None:
    bench = Bench()
    bench.set_w(2000, 10)
    seen = []
    for _ in range(11):
        seen.append((bench.read(704, "WSetRvrtRem", 2)[1], bench.read(704, "WSetEna")[0]))
        bench.home.after(1.0)
    assert seen == [(left, 1) for left in range(10, 0, -1)] + [(0, 0)]
    bench.home.after(20.0)
    assert bench.injected_w() == 0


def test_the_timer_falls_to_the_fallback_power() -> None:
    bench = Bench()
    bench.set_w(2000, 10, fallback_w=-700, fallback_on=1)
    bench.home.after(40.0)
    assert bench.injected_w() == -700
    assert bench.read(704, "WSetEna") == [1]


def test_a_refresh_in_time_keeps_the_power() -> None:
    bench = Bench()
    for _ in range(5):
        bench.set_w(2000, 10)
        bench.home.after(9.0)
    assert bench.injected_w() == 2000


def test_a_limit_binds_discharging() -> None:
    bench = Bench()
    bench.set_w(4000, 0)
    bench.write("WMaxLimPctEna", 1, 250)
    bench.home.after(20.0)
    assert bench.injected_w() == 1250
    bench.set_w(-4000, 0)
    bench.home.after(20.0)
    assert bench.injected_w() == -4000


def test_a_limit_reverts_by_its_own_timer() -> None:
    bench = Bench()
    bench.set_w(4000, 0)
    bench.write("WMaxLimPctEna", 1, 250, 500, 1, 0, 30)
    bench.home.after(29.0)
    assert (bench.injected_w(), bench.read(704, "WMaxLimPctRvrtRem", 2)) == (1250, [0, 1])
    bench.home.after(20.0)
    assert (bench.injected_w(), bench.read(704, "WMaxLimPct")) == (2500, [500])


def test_reactive_power_shows_injection_positive() -> None:
    bench = Bench()
    bench.home.terminals["battery"].reactive_var = (100.0, 100.0, 100.0)
    assert (bench.read(701, "Var"), bench.read(701, "VarL2")) == ([0x10000 - 300], [0x10000 - 100])


def test_discharged_energy_is_injected_energy_of_each_phase() -> None:
    bench = Bench(step_s=1.0)
    bench.set_w(3000, 0)
    bench.home.after(1800.0)
    assert bench.read(701, "TotWhInj", 4)[3] == pytest.approx(1500, abs=2)
    assert bench.read(701, "TotWhInjL2", 4)[3] == pytest.approx(500, abs=1)
    assert bench.read(701, "TotWhAbsL2", 4) == [0, 0, 0, 0]


def test_energy_and_state_of_charge_are_what_flowed() -> None:
    bench = Bench(step_s=1.0)
    bench.set_w(-3000, 0)
    bench.home.after(20.0)
    start_wh = bench.home.store.stored_wh
    absorbed_wh = bench.read(701, "TotWhAbs", 4)[3]
    bench.home.after(3600.0)
    assert bench.read(701, "TotWhAbs", 4)[3] - absorbed_wh == pytest.approx(3000, abs=1)
    assert bench.read(701, "TotWhInj", 4) == [0, 0, 0, 0]
    expected_wh = start_wh + 3000 * 0.92**0.5
    assert bench.read(713, "WHRtg", 4) == [10_000, round(expected_wh), round(expected_wh / 10), 1000]


def test_phases_share_alike() -> None:
    bench = Bench()
    bench.set_w(3000, 0)
    bench.home.after(20.0)
    assert [bench.read(701, f"W{phase}")[0] for phase in ("L1", "L2", "L3")] == [1000, 1000, 1000]


def test_ratings_are_on_the_nameplate() -> None:
    assert Bench().read(702, "WChaRteMaxRtg", 2) == [5000, 5000]


@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("WSet", [*_int32(5001)], 3),
        ("WSet", [*_int32(-5001)], 3),
        ("WSet", [0], 2),
        ("WSetPct", [1001], 3),
        ("WSetMod", [2], 3),
        ("WSetRvrtRem", [0, 5], 2),
        ("VarSetEna", [1], 2),
    ],
)
def test_a_wrong_write_is_refused(name: str, words: list[int], code: int) -> None:
    bench = Bench()
    with pytest.raises(ModbusRefusal) as refused:
        bench.write(name, *words)
    assert refused.value.code == code
    bench.home.after(20.0)
    assert bench.injected_w() == 0
