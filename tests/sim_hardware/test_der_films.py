"""Grid functions on film, beside EPRI's OpenDER: within 1 % of the rating, step by step; and by hand what each must do.

Each film states the largest deviation seen when it was made; `pytest -s` prints that of today.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from sim_hardware.physics.der.settings import (
    VOLT_VAR_A,
    ConstantVar,
    Droop,
    EnterService,
    PowerFactor,
    Priority,
    Settings,
    VoltVar,
    VoltWatt,
    WattVar,
)
from tests.sim_hardware.der_film import TO_60_HZ, Film, Later, line, oracle, play, profile, steps

pytestmark = pytest.mark.oracle
WITHIN = 0.01
NO_DROOP = Droop(enabled=False)
DROOP_50_HZ = {"PF_KOF": 0.05 * 50 / 60, "PF_KUF": 0.05 * 50 / 60}
QV: dict[str, object] = {"QV_MODE_ENABLE": True}
PV: dict[str, object] = {"PV_MODE_ENABLE": True}
VOLT_VAR, VOLT_WATT = VoltVar(enabled=True), VoltWatt(enabled=True)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """OpenDER warns of each setting on the root logger."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def check(film: Film, name: str) -> Film:
    print(f"{name}: P {100 * film.deviation_p:.2f} %, Q {100 * film.deviation_q:.2f} % of rated")
    assert film.deviation_p < WITHIN
    assert film.deviation_q < WITHIN
    return film


def settled(value: float, start: float, after_s: float, response_s: float) -> float:
    """A response that has done 90 % after `response_s`."""
    return value + (start - value) * math.pow(0.1, after_s / response_s)


def test_volt_var_steps() -> None:
    """Q 0.58 %: OpenDER's filter takes half of a step one row later."""
    volts = steps((0, 1.0), (5, 1.05), (25, 1.09), (40, 0.93), (55, 1.0))
    film = check(
        play(profile(volts, sun_pu=steps((0, 0.7), (55, 0.15), (60, 0.03))), 62, Settings(volt_var=VOLT_VAR), QV),
        "volt-var steps",
    )
    assert film.at(10)[1] == pytest.approx(settled(-0.22, 0.0, 5, 5))
    assert film.at(10)[1] == pytest.approx(0.9 * -0.22)
    assert film.at(24.9)[1] == pytest.approx(-0.22, abs=1e-4)
    assert film.at(39.9)[1] == pytest.approx(-0.44, abs=1e-3)
    assert film.at(54.9)[1] == pytest.approx(0.44 * 5 / 6, abs=1e-3)
    assert film.at(61.0) == pytest.approx((0.03, 0.0))  # below 5 % of power there is no reactive power


def test_volt_var_ramp_takes_from_active_power() -> None:
    """P 0.04 %, Q 0.13 %."""
    volts = line((0, 1.0), (2, 1.0), (17, 1.095), (25, 1.095), (45, 0.89), (50, 0.89))
    film = check(play(profile(volts), 50, Settings(volt_var=VOLT_VAR), QV), "volt-var ramp")
    assert film.at(24.9) == pytest.approx((math.sqrt(1 - 0.44**2), -0.44), abs=2e-3)


def test_volt_var_of_category_a_with_active_priority() -> None:
    """P 0.01 %, Q 0.08 % at rows of 1/16 s."""
    fields: dict[str, object] = {
        "QV_CURVE_V1": 0.9,
        "QV_CURVE_V2": 1.0,
        "QV_CURVE_V3": 1.0,
        "QV_CURVE_V4": 1.1,
        "QV_CURVE_Q1": 0.25,
    }
    fields |= {"QV_CURVE_Q4": -0.25, "QV_OLRT": 10.0}
    own = VoltVar(enabled=True, curve=VOLT_VAR_A.curve, response_s=10.0, priority=Priority.ACTIVE)
    volts = line((0, 1.0), (2, 1.0), (20, 1.095), (35, 0.95))
    active = {"NP_PRIO_OUTSIDE_MIN_Q_REQ": "ACTIVE"}
    film = check(play(profile(volts), 80, Settings(volt_var=own), QV | fields | active, step_s=1 / 16), "volt-var A")
    assert film.at(80)[1] == pytest.approx(0.125, abs=1e-3)


def test_volt_var_reference_follows_the_voltage() -> None:
    """Q 0.41 % at rows of 1/8 s."""
    own = VoltVar(enabled=True, automatic=True, automatic_s=100.0)
    fields = QV | {"QV_VREF_AUTO_MODE": True, "QV_VREF_TIME": 100.0}
    film = check(
        play(profile(steps((0, 1.0), (5, 1.04))), 200, Settings(volt_var=own), fields, step_s=1 / 8),
        "volt-var, own reference",
    )
    assert min(film.ours[:, 1]) < -0.1
    assert film.at(200)[1] == pytest.approx(0.0, abs=0.01)


def test_volt_watt_steps() -> None:
    """P 0.26 %."""
    volts = steps((0, 1.0), (5, 1.08), (30, 1.09), (45, 1.0))
    film = check(play(profile(volts), 60, Settings(volt_watt=VOLT_WATT), PV), "volt-watt steps")
    assert film.at(15)[0] == pytest.approx(settled(0.5, 1.0, 10, 10))
    assert film.at(15)[0] == pytest.approx(0.55)
    assert film.at(30)[0] == pytest.approx(0.5, abs=3e-3)


def test_volt_watt_ramp() -> None:
    """P 0.13 %."""
    volts = line((0, 1.0), (2, 1.05), (20, 1.099), (45, 1.05))
    film = check(play(profile(volts, sun_pu=steps((0, 0.9))), 50, Settings(volt_watt=VOLT_WATT), PV), "volt-watt ramp")
    assert min(film.ours[:, 0]) < 0.35


def test_droop_steps() -> None:
    """P 0.26 %: above, and below from under a limit, which droop may exceed."""
    hertz = steps((0, 50.0), (2, 50.5), (17, 51.0), (32, 50.2), (45, 50.0))
    film = check(play(profile(frequency_hz=hertz), 55, Settings(), DROOP_50_HZ), "droop steps, above")
    assert film.at(7)[0] == pytest.approx(settled(1 - (0.5 - 0.036) / 2.5, 1.0, 5, 5))
    assert film.at(32)[0] == pytest.approx(1 - (1.0 - 0.036) / 2.5, abs=1e-3)
    assert film.at(55)[0] == pytest.approx(1.0)
    hertz = steps((0, 50.0), (3, 49.5), (18, 49.0), (33, 49.9), (43, 50.0))
    limit = {"AP_LIMIT_ENABLE": True, "AP_LIMIT": 0.5}
    film = check(
        play(profile(frequency_hz=hertz), 50, Settings(limit_pu=0.5), DROOP_50_HZ | limit), "droop steps, below"
    )
    assert film.at(33)[0] == pytest.approx(0.5 + (1.0 - 0.036) / 2.5, abs=1e-3)
    assert film.at(50)[0] == pytest.approx(0.5, abs=2e-3)


def test_droop_ramp() -> None:
    """P 0.07 %."""
    hertz = line((0, 50.0), (2, 50.0), (15, 51.1), (35, 49.2), (45, 50.0), (50, 50.0))
    film = check(play(profile(frequency_hz=hertz, sun_pu=steps((0, 0.8))), 50, Settings(), DROOP_50_HZ), "droop ramp")
    slope, lag_s = 1.1 / 13 / 2.5, 5 / math.log(10)  # a lag behind a ramp
    since_s = 13 * (1 - 0.036 / 1.1)
    lagging = slope * (since_s - lag_s * (1 - math.exp(-since_s / lag_s)))
    assert film.at(15)[0] == pytest.approx(0.8 - lagging, abs=2e-3)


def test_droop_from_one_side_to_the_other_starts_from_what_flows() -> None:
    """P 0.28 %."""
    hertz = steps((0, 50.0), (2, 51.0), (12, 49.6), (22, 50.6))
    film = check(play(profile(frequency_hz=hertz), 30, Settings(), DROOP_50_HZ), "droop, side to side")
    low = 1 - (1.0 - 0.036) / 2.5
    assert film.at(12)[0] == pytest.approx(low, abs=5e-3)
    assert film.at(22)[0] == pytest.approx(low + (0.4 - 0.036) / 2.5, abs=5e-3)


def test_droop_while_entering_service() -> None:
    """P 0.10 %."""
    own, fields = EnterService(delay_s=2.0, ramp_s=30.0), DROOP_50_HZ | {"ES_DELAY": 2.0, "ES_RAMP_RATE": 30.0}
    volts, hertz = steps((0, 1.0), (1, 1.25), (2, 1.0)), steps((0, 50.0), (10, 50.4), (14, 50.0))
    film = check(play(profile(volts, hertz), 36, Settings(enter=own), fields), "droop while entering")
    assert film.at(9.9)[0] == pytest.approx(5.9 / 30, abs=2e-3)
    assert film.at(13.9)[0] < film.at(9.9)[0]
    assert film.at(36)[0] == 1.0


def test_droop_stops_at_the_least_power() -> None:
    """P 0.14 %."""
    film = check(
        play(
            profile(frequency_hz=steps((0, 50.0), (2, 51.1)), sun_pu=steps((0, 0.3))),
            20,
            Settings(droop=Droop(least_pu=0.1)),
            DROOP_50_HZ | {"NP_P_MIN_PU": 0.1},
        ),
        "droop, least power",
    )
    assert film.at(20)[0] == pytest.approx(0.1, abs=1e-3)


def test_a_limit_is_reached_on_a_ramp() -> None:
    """None."""
    later = Later(2.0, Settings(limit_pu=0.3), {"AP_LIMIT_ENABLE": True, "AP_LIMIT": 0.3})
    film = check(play(profile(), 15, Settings(), DROOP_50_HZ, later=later), "limit")
    assert film.at(8)[0] == pytest.approx(1 - 6 / 15)
    assert film.at(13)[0] == pytest.approx(0.3)


def test_a_function_enabled_on_the_way_comes_on_a_ramp() -> None:
    """None: from nothing, as OpenDER always starts."""
    later = Later(2.0, Settings(volt_var=VOLT_VAR), QV)
    film = check(play(profile(steps((0, 1.08))), 15, Settings(), DROOP_50_HZ, later=later), "volt-var enabled later")
    assert film.at(5)[1] == pytest.approx(-3 / 15)
    assert film.at(15)[1] == pytest.approx(-0.44)


SUN = steps((0, 0.3), (5, 0.8), (20, 1.0), (35, 0.6), (45, 0.1))


def test_watt_var() -> None:
    """Q 0.25 %."""
    own = WattVar(enabled=True)
    film = check(play(profile(sun_pu=SUN), 50, Settings(watt_var=own), {"QP_MODE_ENABLE": True}), "watt-var")
    assert film.at(19.9)[1] == pytest.approx(-0.44 * 0.6, abs=1e-3)
    power, reactive = film.at(34.9)
    assert math.hypot(power, reactive) == pytest.approx(1.0, abs=1e-3)
    assert reactive == pytest.approx(-0.44 * (power - 0.5) / 0.5, abs=1e-2)  # still on the curve


@pytest.mark.parametrize(("factor", "word", "most"), [(0.95, "ABS", 0.3123), (0.8, "INJ", 0.44)])
def test_constant_power_factor(factor: float, word: str, most: float) -> None:
    """P 0.01 %, Q 0.27 %."""
    own = PowerFactor(enabled=True, factor=factor, injecting=word == "INJ")
    fields = {"CONST_PF_MODE_ENABLE": True, "CONST_PF": factor, "CONST_PF_EXCITATION": word}
    film = check(play(profile(sun_pu=SUN), 50, Settings(power_factor=own), fields), f"power factor {factor}")
    power, reactive = film.at(34.9)
    assert (math.hypot(power, reactive), abs(reactive)) == pytest.approx((1.0, most), abs=2e-3)
    assert (reactive > 0) is (word == "INJ")


def test_constant_var() -> None:
    """None."""
    own = ConstantVar(enabled=True, reactive_pu=-0.3)
    film = check(
        play(profile(sun_pu=SUN), 50, Settings(constant_var=own), {"CONST_Q_MODE_ENABLE": True, "CONST_Q": -0.3}),
        "constant var",
    )
    assert film.at(34.9) == pytest.approx((math.sqrt(1 - 0.3**2), -0.3))
    assert film.at(50) == pytest.approx((0.1, -0.22))  # at 10 % of power half of the capability


@pytest.mark.parametrize(
    ("name", "voltage_pu", "frequency_hz", "after_s"),
    [
        ("OV2", 1.21, 50.0, 0.16),
        ("OV1", 1.15, 50.0, 13.0),
        ("UV1", 0.85, 50.0, 21.0),
        ("UV2", 0.40, 50.0, 2.0),
        ("OF2", 1.00, 52.1, 0.16),
        ("UF2", 1.00, 46.4, 0.16),
    ],
)
def test_trip_steps(name: str, voltage_pu: float, frequency_hz: float, after_s: float) -> None:
    """P 0.59 % (OF2, where droop acts until it trips); none elsewhere, to the row."""
    volts, hertz = steps((0, 1.0), (2, voltage_pu)), steps((0, 50.0), (2, frequency_hz))
    film = check(play(profile(volts, hertz), 4 + after_s, Settings(), DROOP_50_HZ), f"trip {name}")
    feeds = film.ours[:, 0] > 0.0
    assert not feeds[film.time_s >= 2 + after_s].any()
    if name[:2] in ("OV", "UV") and name != "UV1":
        assert not feeds[film.time_s > 2].any()  # momentary cessation at once, and the trip within it
    else:
        assert feeds[film.time_s < 2 + after_s].all()


@pytest.mark.parametrize(("voltage_pu", "after_s"), [(1.21, 0.16), (1.15, 13.0), (0.40, 2.0)])
@pytest.mark.parametrize("early", [True, False])
def test_a_trip_is_told_from_cessation_when_the_voltage_is_back(voltage_pu: float, after_s: float, early: bool) -> None:
    """None: back a tenth of a second before the time it feeds on, after the time it stays away."""
    back_s = 2 + after_s + (-0.1 if early else 0.1)
    volts = steps((0, 1.0), (2, voltage_pu), (back_s, 1.0))
    film = check(play(profile(volts), back_s + 1, Settings(), DROOP_50_HZ), f"back at {back_s} s")
    assert film.ours[-1, 0] == (1.0 if early else 0.0)


def test_trip_of_the_slow_frequency_stage() -> None:
    """None."""
    hertz = line((0, 50.0), (2, 50.0), (2, 51.25), (330, 51.25))
    fields = {"PF_MODE_ENABLE": False}
    film = check(play(profile(frequency_hz=hertz), 306, Settings(droop=NO_DROOP), fields, step_s=1 / 4), "trip OF1")
    assert film.at(301.75)[0] == 1.0
    assert film.at(302)[0] == 0.0


def test_trip_ramps() -> None:
    """P 0.01 %: a voltage that sinks and recovers in time, then sinks for good; current bounds power on the way."""
    volts = line((0, 1.0), (2, 1.0), (10, 0.6), (14, 0.9), (18, 0.9), (20, 0.86), (50, 0.86))
    film = check(play(profile(volts), 42, Settings(), DROOP_50_HZ), "trip ramp")
    assert film.at(10)[0] == pytest.approx(1.2 * 0.6, abs=0.01)
    assert film.at(39.9)[0] == 1.0  # below 0.88 from 19 s on
    assert film.at(40.1)[0] == 0.0


def test_momentary_cessation_gives_way_at_once() -> None:
    """None."""
    volts = steps((0, 1.0), (2, 0.4), (3.5, 1.0), (5, 1.11), (7, 1.0))
    film = check(play(profile(volts), 9, Settings(), DROOP_50_HZ), "momentary cessation")
    assert [film.at(time_s)[0] for time_s in (1.9, 2.1, 3.4, 3.6, 5.1, 7.1)] == [1.0, 0.0, 0.0, 1.0, 0.0, 1.0]


def test_enter_service() -> None:
    """None: 300 s of waiting, begun anew when the voltage leaves the window, then a ramp of 300 s."""
    volts = steps((0, 1.0), (2, 1.25), (3, 1.0), (100, 1.06), (110, 1.0))
    film = check(
        play(profile(volts, sun_pu=steps((0, 1.0), (600, 0.6))), 720, Settings(), DROOP_50_HZ, step_s=1 / 4),
        "enter service",
    )
    assert film.at(409.75)[0] == 0.0
    assert film.at(410)[0] == pytest.approx(0.25 / 300)
    assert film.at(410 + 75)[0] == pytest.approx(0.25, abs=1e-3)
    assert film.at(590)[0] == pytest.approx(0.6, abs=1e-3)
    assert film.at(700)[0] == 0.6


def test_enter_service_after_a_random_time() -> None:
    """None: without a ramp, the time drawn from the seed."""
    own = EnterService(delay_s=20.0, random_s=60.0, ramp_s=0.0)
    drawn_s = Random(5).uniform(0.0, 60.0)
    fields: dict[str, object] = {
        "ES_DELAY": 20.0,
        "ES_RAMP_RATE": 0.0,
        "ES_RANDOMIZED_DELAY": 60.0,
        "ES_RANDOMIZED_DELAY_ACTUAL": drawn_s,
    }
    volts = steps((0, 1.0), (2, 1.25), (3, 1.0))
    film = check(
        play(profile(volts), 90, Settings(enter=own), DROOP_50_HZ | fields, step_s=1 / 8, seed=5), "random delay"
    )
    back_s = film.time_s[(film.time_s > 3) & (film.ours[:, 0] > 0)][0]
    assert back_s == pytest.approx(23 + drawn_s, abs=0.25)


@pytest.mark.parametrize(
    ("own", "fields"),
    [
        (Settings(volt_watt=VOLT_WATT), PV),
        (Settings(limit_pu=0.3), {"AP_LIMIT_ENABLE": True, "AP_LIMIT": 0.3}),
        (Settings(volt_var=VOLT_VAR), QV),
    ],
)
def test_a_trip_forgets_what_the_functions_had_come_to(own: Settings, fields: dict[str, object]) -> None:
    """P 0.31 %, Q 0.31 %."""
    again = EnterService(delay_s=1.0, ramp_s=4.0)
    volts = steps((0, 1.0), (1, 1.095), (9, 1.25), (10, 1.045))
    fields = DROOP_50_HZ | {"ES_DELAY": 1.0, "ES_RAMP_RATE": 4.0} | fields
    film = check(play(profile(volts), 20, replace(own, enter=again), fields), "service after a trip")
    assert film.at(10.5) == (0.0, 0.0)
    assert film.at(13)[0] == pytest.approx(2 / 4, abs=0.01)


def test_the_defaults_are_opender_s() -> None:
    """Frequencies 10 Hz lower."""
    field, own = oracle({}, 1.0).der_file, Settings()
    assert own.volt_var.curve.points == tuple(
        (field_of(field, f"QV_CURVE_V{n}"), field_of(field, f"QV_CURVE_Q{n}")) for n in range(1, 5)
    )
    assert own.volt_watt.curve.points == tuple(
        (field_of(field, f"PV_CURVE_V{n}"), field_of(field, f"PV_CURVE_P{n}")) for n in (1, 2)
    )
    assert own.watt_var.curve.points == tuple(
        (field_of(field, f"QP_CURVE_P{n}_GEN"), field_of(field, f"QP_CURVE_Q{n}_GEN")) for n in (1, 2, 3)
    )
    responses = own.volt_var.response_s, own.volt_watt.response_s, own.watt_var.response_s, own.droop.response_s
    assert responses == tuple(field_of(field, name) for name in ("QV_OLRT", "PV_OLRT", "QP_RT", "PF_OLRT"))
    dead = own.droop.dead_over_hz, own.droop.dead_under_hz, own.droop.slope_over, own.droop.slope_under
    assert dead == tuple(field_of(field, name) for name in ("PF_DBOF", "PF_DBUF", "PF_KOF", "PF_KUF"))
    enter = own.enter.low_pu, own.enter.high_pu, own.enter.delay_s, own.enter.ramp_s
    assert enter == tuple(field_of(field, name) for name in ("ES_V_LOW", "ES_V_HIGH", "ES_DELAY", "ES_RAMP_RATE"))
    hertz = own.enter.low_hz + TO_60_HZ, own.enter.high_hz + TO_60_HZ
    assert hertz == pytest.approx((field.ES_F_LOW, field.ES_F_HIGH))
    assert (own.limit_ramp_s, own.mode_change_s) == (field.AP_RT, field.NP_MODE_TRANSITION_TIME)
    trips = own.trips
    cease = trips.cease_under_voltage[0].at, trips.cease_over_voltage[0].at
    assert cease == (field.MC_LVRT_V1, field.MC_HVRT_V1)
    for limits, names, letter in (
        (trips.under_voltage, ("UV2", "UV1"), "V"),
        (trips.over_voltage, ("OV1", "OV2"), "V"),
        (trips.under_frequency, ("UF2", "UF1"), "F"),
        (trips.over_frequency, ("OF1", "OF2"), "F"),
    ):
        shift = TO_60_HZ if letter == "F" else 0.0
        theirs = [(field_of(field, f"{name}_TRIP_{letter}"), field_of(field, f"{name}_TRIP_T")) for name in names]
        assert [(limit.at + shift, limit.hold_s) for limit in limits] == theirs


def field_of(fields: object, name: str) -> float:
    return float(getattr(fields, name))


def test_all_together() -> None:
    """P 0.18 %, Q 0.13 %."""
    volts = line((0, 1.0), (5, 1.0), (25, 1.095), (45, 0.89), (55, 1.0))
    hertz = line((0, 50.0), (20, 50.0), (30, 50.5), (45, 49.7), (55, 50.0))
    check(
        play(profile(volts, hertz), 60, Settings(volt_var=VOLT_VAR, volt_watt=VOLT_WATT), QV | PV | DROOP_50_HZ),
        "all together",
    )
