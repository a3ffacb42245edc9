"""The simulated inverter of the 7xx generation: stored curves, controls, reversion, trips, and what each write does."""

import copy
import math
from dataclasses import astuple, is_dataclass
from random import Random
from typing import Any

import pytest

from protocols.ports import Table
from sim_hardware.devices.image import ModbusRefusal
from sim_hardware.devices.sunspec_der import SunSpecDer
from sim_hardware.devices.sunspec_der_models import POINTS, SETS
from sim_hardware.home import SimHome
from sim_hardware.physics.der.plant import DerPlant
from sim_hardware.physics.der.settings import Curve, Droop, Limit, Priority, Ratings, Settings
from sim_hardware.physics.pv import Sun
from sim_hardware.physics.terminal import Terminal, balanced
from tests.sim_hardware.test_sunspec_der_models import rows
from tests.sim_hardware.test_sunspec_image import ABSENT
from tests.sim_hardware.test_sunspec_models import official

IN_PROGRESS, COMPLETED, FAILED = 0, 1, 2
MODELS = (1, *range(701, 713))


class Bench:
    """The inverter on a stiff grid, at 5,000 W of sun unless told otherwise."""

    def __init__(self, *, voltage_pu: float = 1.0, sun_w: float = 5000.0, settings: Settings | None = None) -> None:
        sun = Sun(Random(1), 43_200.0)
        sun.hold_w_m2 = sun_w / 5.0
        self.terminal = Terminal()
        self.plant = DerPlant(sun, self.terminal, Random(2), settings=settings, lag_s=0.0)
        self.image = SunSpecDer(self.terminal, self.plant, serial="PV-0042")
        self.grid(voltage_pu)
        self.after(1.0)

    def grid(self, voltage_pu: float = 1.0, frequency_hz: float = 50.0) -> None:
        volts = 230.0 * voltage_pu
        self.terminal.voltage_v, self.terminal.frequency_hz = (volts, volts, volts), frequency_hz

    def after(self, seconds: float, step_s: float = 0.1) -> None:
        for _ in range(round(seconds / step_s)):
            self.image.after(step_s)
            self.plant.after(step_s)
            self.terminal.power_w = balanced(self.plant.power_w)
            self.terminal.reactive_var = balanced(self.plant.reactive_var)
            self.terminal.after(step_s)

    def read(self, model: int, name: str, count: int = 1) -> list[int]:
        return self.image.read(Table.HOLDING, self.image.address(model, name), count)

    def write(self, model: int, name: str, *words: int) -> None:
        self.image.write(self.image.address(model, name), words)

    def result(self, model: int) -> int:
        return self.read(model, "AdptCtlRslt" if model == 711 else "AdptCrvRslt")[0]

    def produced(self) -> tuple[float, float]:
        """Watts and var injected, as the registers show them."""
        watts, _, var = self.read(701, "W", 3)
        return watts, var - 0x10000 if var & 0x8000 else var


def volt_var_curve(bench: Bench, number: int, *points: tuple[int, int]) -> None:
    """Points in hundredths of a per cent; response 1.0 s."""
    words = [word & 0xFFFF for point in points for word in point]
    bench.write(705, f"Crv{number}.Pt1.V", *words)
    bench.write(705, f"Crv{number}.ActPt", len(points))
    bench.write(705, f"Crv{number}.RspTms", 0, 10)


STEEP = (9600, 4000), (9900, 0), (10_100, 0), (10_400, -4000)


def test_a_curve_is_written_adopted_and_takes_effect() -> None:
    bench = Bench(voltage_pu=1.04, sun_w=3000.0)
    bench.write(705, "Ena", 1)
    bench.after(60.0)
    assert bench.produced() == pytest.approx((3000, -0.44 * 5000 / 3), abs=2)
    volt_var_curve(bench, 2, *STEEP)
    bench.after(60.0)
    assert bench.produced()[1] == pytest.approx(-0.44 * 5000 / 3, abs=2)  # stored, not adopted
    bench.write(705, "AdptCrvReq", 2)
    assert bench.result(705) == IN_PROGRESS
    bench.after(0.1)
    assert bench.result(705) == COMPLETED
    assert bench.read(705, "Crv1.Pt1.V", 8) == bench.read(705, "Crv2.Pt1.V", 8)
    assert (bench.read(705, "Crv1.ReadOnly"), bench.read(705, "Crv2.ReadOnly")) == ([1], [0])
    bench.after(0.9)
    left = 0.1 * (-0.44 / 3 + 0.4)  # 90 % of the way in the response time
    assert bench.produced()[1] == pytest.approx(5000 * (-0.4 + left), abs=3)
    bench.after(10.0)
    assert bench.produced() == pytest.approx((3000, -2000), abs=1)
    bench.write(705, "Ena", 0)
    bench.after(20.0)
    assert bench.produced() == (3000, 0)


@pytest.mark.parametrize("points", [((9600, 4000), (9500, 0)), ((9600, 0), (9700, 0), (9400, 0), (9900, 0))])
def test_a_curve_that_runs_backwards_fails_and_changes_nothing(points: tuple[tuple[int, int], ...]) -> None:
    bench = Bench()
    before = bench.read(705, "Crv1.ActPt", 18), bench.plant.settings.volt_var
    volt_var_curve(bench, 2, *points)
    bench.write(705, "AdptCrvReq", 2)
    bench.after(0.1)
    assert bench.result(705) == FAILED
    assert (bench.read(705, "Crv1.ActPt", 18), bench.plant.settings.volt_var) == before


def test_a_curve_reverts_to_the_factorys_when_its_time_is_up() -> None:
    bench = Bench(voltage_pu=1.04, sun_w=3000.0)
    volt_var_curve(bench, 2, *STEEP)
    bench.write(705, "RvrtTms", 0, 30)
    bench.write(705, "Ena", 1, 2)
    bench.after(10.0)
    assert bench.read(705, "RvrtRem", 2) == [0, 20]
    assert bench.produced()[1] == pytest.approx(-2000, abs=1)
    bench.after(20.5)
    assert (bench.read(705, "Ena", 3), bench.read(705, "RvrtRem", 2)) == ([1, 3, COMPLETED], [0, 0])
    bench.after(60.0)
    assert bench.produced()[1] == pytest.approx(-0.44 * 5000 / 3, abs=2)


def test_what_is_refreshed_does_not_revert() -> None:
    bench = Bench()
    bench.write(711, "RvrtTms", 0, 10)
    bench.write(711, "Ena", 1, 2)
    for _ in range(4):
        bench.after(8.0)
        bench.write(711, "AdptCtlReq", 2)
    assert bench.read(711, "AdptCtlReq") == [2]


def test_per_cent_are_of_what_the_curve_says() -> None:
    bench = Bench()
    bench.write(702, "VarMaxInj", 2000, 1000)  # and VarMaxAbs
    for reference, injected, absorbed in ((0, 0.4, -0.4), (1, 0.16, -0.08), (3, 0.4, -0.4)):
        volt_var_curve(bench, 2, *STEEP)
        bench.write(705, "Crv2.DeptRef", reference)
        bench.write(705, "AdptCrvReq", 2)
        bench.after(0.1)
        curve = bench.plant.settings.volt_var.curve
        assert (curve.at(0.9), curve.at(1.1)) == pytest.approx((injected, absorbed))


def flat(value: object) -> list[object]:
    """Numbers and words inside settings, one after the other; approx cannot look inside."""
    if isinstance(value, tuple):
        return [each for inner in value for each in flat(inner)]
    if is_dataclass(value) and not isinstance(value, type):
        return flat(astuple(value))
    return [value]


# What a write does to the settings: model, point, words, what to look at, what it must say.
EFFECTS: list[tuple[int, str, list[int], str, object]] = [
    (705, "Crv2.VRef", [9800], "volt_var.reference_pu", 0.98),
    (705, "Crv2.Pri", [0], "volt_var.priority", Priority.ACTIVE),
    (705, "Crv2.VRefAutoEna", [1, 600], "volt_var.automatic_s", 600.0),
    (705, "Crv2.VRefAutoEna", [1], "volt_var.automatic", True),
    (706, "Crv2.Pt1.V", [10_500, 10_000, 10_900, 2000], "volt_watt.curve", Curve(((1.05, 1.0), (1.09, 0.2)))),
    (706, "Crv2.RspTms", [0, 25], "volt_watt.response_s", 2.5),
    (707, "Crv2.MustTrip.Pt1.V", [4500, 0, 150], "trips.under_voltage", (Limit(0.45, 1.5), Limit(0.88, 21.0))),
    (707, "Crv2.MomCess.ActPt", [0], "trips.cease_under_voltage", ()),
    (708, "Crv2.MustTrip.ActPt", [1], "trips.over_voltage", (Limit(1.10, 13.0),)),
    (708, "Crv2.MomCess.Pt1.V", [11_500, 0, 5], "trips.cease_over_voltage", (Limit(1.15, 0.05),)),
    (
        709,
        "Crv2.MustTrip.Pt2.Hz",
        [0, 47_500, 0, 1000],
        "trips.under_frequency",
        (Limit(46.5, 0.16), Limit(47.5, 10.0)),
    ),
    (710, "Crv2.MustTrip.Pt1.Hz", [0, 51_500], "trips.over_frequency", (Limit(51.5, 300.0), Limit(52.0, 0.16))),
    (711, "Ctl2.DbOf", [0, 200, 0, 100, 40, 60, 0, 15, 20], "droop", Droop(True, 0.2, 0.1, 0.04, 0.06, 1.5, 0.2)),
    (712, "Crv2.Pt2.W", [6000, -1000 & 0xFFFF], "watt_var.curve", Curve(((0.2, 0.0), (0.6, -0.1), (1.0, -0.44)))),
    (712, "Crv2.Pri", [0], "watt_var.priority", Priority.ACTIVE),
    (702, "WMax", [4000], "ratings.power_w", 4000.0),
    (702, "VAMax", [4500], "ratings.power_w", 4500.0),
    (702, "VarMaxInj", [2000, 1000], "ratings.absorb_var", 1000.0),
    (703, "ES", [0], "enter.permitted", False),
    (703, "ESVHi", [10_400, 9300], "enter.high_pu", 1.04),
    (703, "ESVHi", [10_400, 9300], "enter.low_pu", 0.93),
    (703, "ESHzHi", [0, 50_200, 0, 49_800], "enter.high_hz", 50.2),
    (703, "ESHzLo", [0, 49_800], "enter.low_hz", 49.8),
    (703, "ESDlyTms", [0, 60, 0, 30, 0, 120], "enter.delay_s", 60.0),
    (703, "ESRndTms", [0, 30], "enter.random_s", 30.0),
    (703, "ESRmpTms", [0, 120], "enter.ramp_s", 120.0),
    (704, "PFWInj.PF", [950, 1], "power_factor.factor", 0.95),
    (704, "PFWInj.PF", [950, 1], "power_factor.injecting", False),
    (704, "PFWInjEna", [1], "power_factor.enabled", True),
    (704, "WMaxLimPctEna", [1, 405], "limit_pu", 0.405),
    (704, "VarSetEna", [1], "constant_var.enabled", True),
    (704, "VarSetMod", [4, 0, 0xFFFF, -500 & 0xFFFF], "constant_var.reactive_pu", -0.1),
    (704, "VarSetPri", [0], "constant_var.priority", Priority.ACTIVE),
]


@pytest.mark.parametrize(("model", "name", "words", "where", "value"), EFFECTS)
def test_a_write_sets_what_it_says(model: int, name: str, words: list[int], where: str, value: object) -> None:
    bench = Bench()
    bench.write(model, name, *words)
    if model >= 705:
        bench.write(model, "Ena", 1, 2)
        bench.after(0.1)
        assert bench.result(model) == COMPLETED
    found: Any = bench.plant.settings
    for part in where.split("."):
        found = getattr(found, part)
    assert flat(found) == pytest.approx(flat(value))


@pytest.mark.parametrize(
    ("mode", "percent", "reactive_pu"), [(0, 200, 0.16), (1, 500, 0.22), (1, -500, -0.11), (3, -250, -0.25)]
)
def test_var_in_per_cent(mode: int, percent: int, reactive_pu: float) -> None:
    bench = Bench()
    bench.write(702, "VarMaxAbs", 1100)
    bench.write(702, "WMax", 4000)
    bench.write(704, "VarSetMod", mode)
    bench.write(704, "VarSetPct", percent & 0xFFFF)
    assert bench.plant.settings.constant_var.reactive_pu == pytest.approx(reactive_pu)


def test_as_delivered_the_settings_are_those_of_the_functions() -> None:
    for settings in (Settings(), Settings(ratings=Ratings(power_w=4000.0))):
        assert flat(Bench(settings=settings).plant.settings) == pytest.approx(flat(settings))


def test_a_function_without_an_active_set_rests() -> None:
    bench = Bench()
    bench.grid(frequency_hz=51.0)
    bench.after(20.0)
    assert bench.produced()[0] == pytest.approx(5000 * (1 - 0.964 / 2.5), abs=2)
    bench.write(711, "AdptCtlReq", 0)
    bench.after(20.0)
    assert bench.result(711) == COMPLETED
    assert bench.produced()[0] == 5000


def test_a_power_factor_is_kept_and_reverts() -> None:
    bench = Bench(sun_w=4000.0)
    bench.write(704, "PFWInjRvrtTms", 0, 60)
    bench.write(704, "PFWInj.PF", 900, 1)
    bench.write(704, "PFWInjEna", 1)
    bench.after(50.0)
    assert bench.produced() == pytest.approx((4000, -4000 * math.tan(math.acos(0.9))), abs=2)
    assert bench.read(704, "PFWInjRvrtRem", 2) == [0, 10]
    bench.after(11.0)
    assert bench.read(704, "PFWInjEna") == [0]
    bench.after(30.0)
    assert bench.produced() == (4000, 0)


def test_a_limit_is_reached_on_the_ramp_and_reverts() -> None:
    bench = Bench()
    bench.write(704, "WMaxLimPctEna", 1, 400, 1000, 0, 0, 30)
    bench.after(6.0)
    assert bench.produced()[0] == pytest.approx(5000 * (1 - 6 / 15), abs=1)
    bench.after(20.0)
    assert (bench.produced()[0], bench.read(701, "InvSt")) == (2000, [4])
    assert (bench.plant.limit_w, bench.plant.rating_w) == (2000.0, 5000.0)
    bench.after(5.0)
    assert (bench.produced()[0], bench.plant.limit_w) == (5000, None)


def test_constant_var_takes_from_active_power_and_its_fallback_is_kept() -> None:
    bench = Bench()
    bench.write(704, "VarSetRvrt", 0, 500)
    bench.write(704, "VarSetEnaRvrt", 1, 0, 60)
    bench.write(704, "VarSet", 0, 2000)
    bench.write(704, "VarSetEna", 1)
    bench.after(50.0)
    assert bench.produced() == pytest.approx((math.sqrt(5000**2 - 2000**2), 2000), abs=1)
    bench.after(60.0)
    assert bench.produced()[1] == pytest.approx(500, abs=1)
    assert bench.read(704, "VarSetEna") == [1]


def test_it_trips_tells_why_waits_and_comes_back_on_a_ramp() -> None:
    bench = Bench()
    bench.grid(voltage_pu=0.85)
    bench.after(20.8)
    assert (bench.read(701, "ConnSt"), bench.produced()[0]) == ([1], 5000)
    bench.after(0.4)
    assert (bench.read(701, "St", 3), bench.produced()) == ([0, 7, 0], (0, 0))
    assert bench.read(701, "Alrm", 2) == [0, 1 << 11]
    bench.grid()
    bench.after(0.1)
    bench.after(100.0, 0.5)
    assert bench.read(703, "ESDlyRemTms", 2) == [0, 200]
    bench.after(201.0, 0.5)
    assert (bench.read(701, "St", 3), bench.read(701, "Alrm", 2)) == ([1, 2, 1], [0, 0])
    bench.after(149.0, 0.5)
    assert bench.produced()[0] == pytest.approx(2500, abs=10)
    bench.after(160.0, 0.5)
    assert (bench.produced()[0], bench.read(701, "InvSt")) == (5000, [3])


@pytest.mark.parametrize(
    ("voltage_pu", "frequency_hz", "alarm"), [(1.25, 50.0, 10), (0.3, 50.0, 11), (1.0, 52.5, 8), (1.0, 46.0, 9)]
)
def test_alarms(voltage_pu: float, frequency_hz: float, alarm: int) -> None:
    bench = Bench()
    bench.grid(voltage_pu, frequency_hz)
    bench.after(3.0)
    high, low = bench.read(701, "Alrm", 2)
    assert high << 16 | low == 1 << alarm


def test_a_disabled_trip_does_not_trip() -> None:
    bench = Bench()
    bench.write(708, "Ena", 0)
    bench.grid(voltage_pu=1.25)
    bench.after(20.0)
    assert bench.produced()[0] == pytest.approx(5000, abs=1)


def test_service_not_permitted_stops_at_once() -> None:
    bench = Bench()
    bench.write(703, "ES", 0)
    bench.after(0.1)
    assert (bench.produced(), bench.read(701, "Alrm", 2)) == ((0, 0), [0, 1 << 6])


def test_the_own_reference_is_shown() -> None:
    bench = Bench(voltage_pu=1.03)
    bench.write(705, "Crv2.VRefAutoEna", 1, 10)
    bench.write(705, "Ena", 1, 2)
    bench.grid(voltage_pu=1.01)
    bench.after(60.0)
    assert bench.read(705, "Crv1.VRefAuto") == [10_100]


def test_the_worst_phase_trips_and_the_mean_steers() -> None:
    bench = Bench(sun_w=3000.0)
    bench.write(705, "Ena", 1)
    bench.terminal.voltage_v = (0.89 * 230.0, 1.04 * 230.0, 1.07 * 230.0)
    bench.after(60.0)
    assert bench.produced() == (3000, 0)
    bench.write(706, "Ena", 1)
    bench.write(705, "Ena", 0)
    bench.terminal.voltage_v = (1.05 * 230.0, 1.095 * 230.0, 1.095 * 230.0)
    bench.after(60.0)
    assert bench.produced() == pytest.approx((2500, 0), abs=2)  # of 1.08
    bench.terminal.voltage_v = (0.87 * 230.0, 1.06 * 230.0, 1.07 * 230.0)
    bench.after(22.0)
    assert bench.produced() == (0, 0)


WRONG = [
    (705, "Crv1.Pt1.V", [9000], 2),  # the current settings
    (705, "Crv3.ActPt", [2], 2),  # the factory's
    (705, "Crv2.ReadOnly", [0], 2),
    (705, "Crv2.VRefAuto", [10_000], 2),
    (705, "AdptCrvRslt", [1], 2),
    (705, "AdptCrvReq", [0], 3),
    (705, "AdptCrvReq", [4], 3),
    (711, "AdptCtlReq", [4], 3),
    (705, "RvrtCrv", [0], 3),
    (705, "RvrtRem", [0, 0], 2),
    (705, "Crv2.ActPt", [1], 3),
    (705, "Crv2.ActPt", [5], 3),
    (705, "Crv2.DeptRef", [2], 3),  # of what is available
    (705, "Crv2.Pri", [2], 3),
    (705, "Crv2.VRef", [10_501], 3),
    (705, "Crv2.Pt1.V", [20_001], 3),
    (705, "Crv2.Pt1.Var", [10_001], 3),
    (705, "Crv2.Pt4.V", [10_000, 0, 3], 2),  # runs on into the next set
    (706, "Crv2.DeptRef", [1], 3),
    (706, "Crv2.Pt1.W", [0xFFFF], 3),
    (707, "Crv2.MustTrip.ActPt", [6], 3),
    (707, "Crv2.MustTrip.Pt1.Tms", [0], 2),  # half a value
    (707, "Crv2.MayTrip.ActPt", [0], 2),
    (709, "Crv2.MomCess.ActPt", [0], 2),
    (711, "Ctl2.KOf", [0], 3),
    (702, "WMax", [499], 3),
    (702, "WMax", [5001], 3),
    (702, "WMaxRtg", [5000], 2),
    (703, "ESVHi", [9900], 3),
    (703, "ESDlyRemTms", [0, 0], 2),
    (704, "PFWInj.PF", [1001], 3),
    (704, "PFWInj.PF", [499], 3),
    (704, "PFWAbsEna", [1], 2),
    (704, "VarSetMod", [2], 3),
    (704, "WSetEna", [1], 2),
    (701, "W", [0], 2),
]


@pytest.mark.parametrize(("model", "name", "words", "code"), WRONG)
def test_a_wrong_write_is_refused_whole(model: int, name: str, words: list[int], code: int) -> None:
    bench = Bench()
    before = everything(bench.image)
    with pytest.raises(ModbusRefusal) as refused:
        bench.write(model, name, *words)
    assert refused.value.code == code
    assert everything(bench.image) == before


def everything(image: SunSpecDer) -> list[int]:
    """All registers, to the end marker."""
    words, address = [], 40_002
    while (head := image.read(Table.HOLDING, address, 2))[0] != 0xFFFF:
        words += image.read(Table.HOLDING, address, 2 + head[1])
        address += 2 + head[1]
    return words


def test_the_models_stand_one_after_the_other() -> None:
    words, models = everything(Bench().image), []
    while words:
        models.append(words[0])
        words = words[2 + words[1] :]
    assert tuple(models) == MODELS


@pytest.mark.parametrize("model", MODELS[1:])
def test_every_mandatory_point_is_implemented(model: int) -> None:
    bench = Bench()
    counts = dict.fromkeys(("NCrv", "NCrvSet", "NCtl"), SETS) | {"NPt": POINTS.get(model, 0)}
    mandatory = {p["name"] for p in _all_points(official(model)) if p.get("mandatory") == "M"} - {"ID", "L"}
    for name, _, kind, size, *_ in rows(official(model), counts):
        if name.split(".")[-1] in mandatory:
            assert bench.read(model, name, size) != ABSENT[kind], name


def _all_points(group: dict[str, Any]) -> list[dict[str, Any]]:
    return [*group["points"], *(point for inner in group.get("groups", ()) for point in _all_points(inner))]


def test_a_copy_stands_still() -> None:
    """As the fault word freeze takes one."""
    bench = Bench(voltage_pu=1.04)
    frozen = copy.deepcopy(bench.image)
    before = everything(frozen)
    bench.write(705, "Ena", 1)
    bench.after(20.0)
    assert everything(frozen) == before != everything(bench.image)


def test_a_generation_that_does_not_exist_is_said() -> None:
    with pytest.raises(ValueError, match="'8xx': allowed are 1xx, 7xx"):
        SimHome(1, inverter="8xx")  # type: ignore[arg-type]


def test_in_a_home_reactive_power_lowers_the_voltage_and_the_meter_sees_it() -> None:
    seen = []
    for enabled in (0, 1):
        home = SimHome(7, inverter="7xx")
        home.sun.hold_w_m2, home.load.hold_w = 800.0, (0.0, 0.0, 0.0)
        image = home.images["pv"]
        assert isinstance(image, SunSpecDer)
        image.write(image.address(704, "VarSet"), [0xFFFF, -1500 & 0xFFFF])
        image.write(image.address(704, "VarSetEna"), [enabled])
        home.after(60.0)
        assert home.terminals["grid"].reactive_var == home.terminals["pv"].reactive_var
        assert home.terminals["grid"].total_var == pytest.approx(1500.0 * enabled, abs=1.0)
        seen.append(sum(home.terminals["pv"].voltage_v) / 3)
    assert seen[1] - seen[0] == pytest.approx(-500.0 * 0.10 / 234.0, abs=0.02)  # Q X / V
