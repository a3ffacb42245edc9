"""A healthy meter passes; each defect of a driver or a device is caught by the check that is named after it."""

import math
from collections.abc import Callable

import pytest

from firmware_py.conform.checks import Result, Sample, look

Values = dict[str, float | None]
VOLTS, AMPS, ANGLES = (231.0, 229.5, 230.4), (4.0, 2.5, 8.0), (0.2, -0.1, 0.3)


def healthy(second: int) -> Values:
    """Three phases that import; P = U I cos, Q = U I sin, and registers that count it."""
    swing = 1.0 + 0.02 * math.sin(second / 5.0)
    amps = [amp * swing for amp in AMPS]
    watts = [v * a * math.cos(phi) for v, a, phi in zip(VOLTS, amps, ANGLES, strict=True)]
    vars_ = [v * a * math.sin(phi) for v, a, phi in zip(VOLTS, amps, ANGLES, strict=True)]
    va = math.hypot(sum(watts), sum(vars_))
    values: Values = {"power_w": sum(watts), "apparent_power_va": va, "power_factor_ratio": sum(watts) / va}
    for phase in range(3):
        name = f"l{phase + 1}"
        values |= {f"voltage_{name}_v": VOLTS[phase], f"current_{name}_a": amps[phase]}
        values |= {f"power_{name}_w": watts[phase], f"reactive_power_{name}_var": vars_[phase]}
        values[f"power_factor_{name}_ratio"] = math.cos(ANGLES[phase])
    # The mean of the swing over a quarter of an hour is 1 to a thousandth.
    power_w = sum(v * a * math.cos(phi) for v, a, phi in zip(VOLTS, AMPS, ANGLES, strict=True))
    counted = 1e6 + power_w * second / 3600.0
    return values | {"frequency_hz": 50.01, "energy_import_wh": counted, "energy_export_wh": 500.0}


def results(change: Callable[[int, Values], Values], expected: str | None = "import") -> dict[str, Result]:
    samples = [Sample(float(second), change(second, healthy(second))) for second in range(900)]
    return {check.name: check.result for check in look(samples, expected)}


def without(*names: str) -> Callable[[int, Values], Values]:
    return lambda second, values: {name: value for name, value in values.items() if name not in names}


def times(factor: float, *names: str) -> Callable[[int, Values], Values]:
    return lambda second, values: values | {name: factor * (values[name] or 0.0) for name in names}


def test_a_healthy_meter_passes_everything() -> None:
    assert set(results(lambda second, values: values).values()) == {Result.PASSED}


DEFECTS: dict[str, tuple[Callable[[int, Values], Values], set[str]]] = {
    "no total": (without("power_w"), {"complete"}),
    "one phase counted the other way": (times(-1.0, "power_l2_w"), {"phase sum"}),
    "everything counted the other way": (
        times(-1.0, "power_w", "power_l1_w", "power_l2_w", "power_l3_w"),
        {"energy", "sign"},
    ),
    "tenths of a volt": (
        times(10.0, "voltage_l1_v", "voltage_l2_v", "voltage_l3_v"),
        {"mains", "apparent power", "believable", "V I pf"},
    ),
    "currents in tenths": (times(0.1, "current_l1_a", "current_l2_a", "current_l3_a"), {"apparent power", "V I pf"}),
    "power factors of another phase": (
        lambda s, v: v | {"power_factor_l1_ratio": 0.5, "power_factor_l3_ratio": 0.5},
        {"V I pf"},
    ),
    "hundredths of a hertz": (times(0.1, "frequency_hz"), {"mains"}),
    "kilowatts": (times(0.001, "power_w"), {"phase sum", "power factor", "energy"}),
    "kilowatt hours": (times(0.001, "energy_import_wh"), {"energy"}),
    "import and export changed places": (
        lambda s, v: v | {"energy_import_wh": 500.0, "energy_export_wh": v["energy_import_wh"]},
        {"energy"},
    ),
    "a counter that is reset": (
        lambda s, v: v | ({"energy_import_wh": 0.0} if s == 450 else {}),
        {"counters rise"},
    ),
    "a power factor in percent": (times(100.0, "power_factor_ratio"), {"believable", "power factor"}),
    "swapped words": (lambda s, v: v | {"power_w": 1.1e38}, {"believable", "phase sum", "energy"}),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_caught_by_the_checks_that_are_meant_for_it(defect: str) -> None:
    change, caught = DEFECTS[defect]
    assert {name for name, result in results(change).items() if result is Result.FAILED} == caught


def test_a_tenth_of_the_readings_off_passes_and_shows() -> None:
    """Registers read while a kettle is switched on do not fit each other; a median hides them, p95 and worst do not."""

    def change(second: int, values: Values) -> Values:
        off_w = 0.0 if second % 10 else (500.0 if second else 2000.0)
        return values | {"power_w": (values["power_w"] or 0.0) + off_w}

    samples = [Sample(float(second), change(second, healthy(second))) for second in range(900)]
    (found,) = [check for check in look(samples) if check.name == "phase sum"]
    assert found.result is Result.PASSED
    assert "differ from the total by 0.0 (p95 500.0, worst 2000.0) W" in found.said


def test_what_nobody_expected_is_not_asked() -> None:
    assert results(lambda second, values: values, expected=None)["sign"] is Result.NOT_ASKED


def test_a_device_that_stands_still_answers_without_measuring() -> None:
    still = healthy(0)
    assert results(lambda second, values: still)["moves"] is Result.FAILED


def test_a_device_at_rest_may_stand_still() -> None:
    asleep: Values = {"power_w": 0.0, "voltage_l1_v": 230.0}
    assert results(lambda second, values: asleep)["moves"] is Result.NOT_POSSIBLE


def test_a_check_without_anything_to_look_at_is_no_pass() -> None:
    bare = results(lambda second, values: {"power_w": 100.0 + second}, expected=None)
    assert {name for name, result in bare.items() if result is Result.PASSED} == {"complete", "believable", "moves"}
    assert Result.FAILED not in bare.values()


@pytest.mark.parametrize(("expected", "result"), [("import", Result.PASSED), ("export", Result.FAILED)])
def test_the_sign_is_that_of_whoever_stands_beside_it(expected: str, result: Result) -> None:
    assert results(lambda second, values: values, expected)["sign"] is result
