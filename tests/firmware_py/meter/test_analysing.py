"""The metrology's results in the meter's names; results made by hand."""

import math
from typing import Any

import numpy as np
import pytest

from firmware_py.meter.analysing import Analysing
from firmware_py.meter.measure import Event, InputFault, Summary, Window
from firmware_py.metrology import results
from firmware_py.metrology.analyser import Analyser
from protocols.samples import Samples

NAN = math.nan


def three(first: float) -> Samples:
    return np.array([first, first + 1, first + 2])


def four(first: float) -> Samples:
    return np.array([first, first + 1, first + 2, first + 3])


SPECTRUM = results.Spectrum(
    bin_v=np.zeros((3, 51)),
    group_v=np.arange(3 * 51.0).reshape(3, 51),
    interharmonic_v=np.zeros((3, 51)),
    bin_a=np.zeros((4, 51)),
    group_a=np.full((4, 51), NAN),
    interharmonic_a=np.zeros((4, 51)),
    thd_v=np.array([0.01, 0.02, 0.03]),
    thd_a=np.array([0.1, 0.2, 0.3, 0.4]),
)
WINDOW = results.Window(
    index=0,
    start_sample=10.5,
    end_sample=2010.25,
    start_s=0.0,
    end_s=0.2,
    frequency_hz=49.9,
    frequency_change_hz_s=NAN,
    voltage_v=three(230.0),
    current_a=four(5.0),
    power_w=np.array([100.0, -200.0, 400.0]),
    reactive_var=three(10.0),
    apparent_va=np.array([200.0, 300.0, 500.0]),
    power_factor=np.array([0.5, -0.6, NAN]),
    fundamental_power_w=three(1.0),
    fundamental_reactive_var=three(2.0),
    phase_angle_rad=np.array([math.pi / 3, 0.0, NAN]),
    voltage_angle_rad=np.array([0.0, -2 * math.pi / 3, 2 * math.pi / 3]),
    sequence_v=three(7.0),
    sequence_a=three(8.0),
    unbalance=0.02,
    zero_unbalance=0.03,
    energy_ws=np.array([20.0, -40.0, 80.0]),
    reactive_energy_vars=np.array([2.0, 2.2, 2.4]),
    spectrum=SPECTRUM,
    faults=(results.InputFault(results.FaultKind.CLIPPED, "i4", 12.0),),
)
EVENT = results.Event(
    kind=results.EventKind.DIP,
    phases=(1, 3),
    start_s=1001.5,
    duration_s=0.1,
    detected_start_s=1001.51,
    detected_duration_s=0.11,
    extreme_v=92.0,
    depth=0.6,
    steady_change=NAN,
    snippet_v=np.zeros((3, 4), np.float32),
    snippet_start_s=1001.4,
)
FLICKER = results.Flicker(start_s=1000.0, end_s=1600.0, pst=three(1.0), plt=None, peak=three(4.0), complete=True)


def found(told: results.Results, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(Analyser, "feed", lambda *_: told)
    return list(Analysing(10_000.0, 4, 230.0, 50.0, epoch_s=1000.0).feed(np.zeros((7, 10))))


def test_a_window_has_its_names_units_and_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    (window,) = found(results.Results(windows=[WINDOW]), monkeypatch)
    assert isinstance(window, Window)
    assert (window.begin, window.end) == (10.5, 2010.25)
    assert window.active_j == 60.0
    assert window.reactive_vars == pytest.approx(6.6)
    for name, value in {
        "frequency_hz": 49.9,
        "frequency_change_hz_s": None,
        "voltage_l3_v": 232.0,
        "current_l1_a": 5.0,
        "current_neutral_a": 8.0,
        "current_a": 18.0,
        "power_l2_w": -200.0,
        "power_w": 300.0,
        "reactive_power_l1_var": 10.0,
        "reactive_power_var": 33.0,
        "apparent_power_va": 1000.0,
        "power_factor_l2_ratio": -0.6,
        "power_factor_l3_ratio": None,
        "power_factor_ratio": 0.3,
        "fundamental_reactive_power_l3_var": 4.0,
        "phase_angle_l1_deg": 60.0,
        "voltage_angle_l2_deg": -120.0,
        "voltage_negative_v": 9.0,
        "current_zero_a": 8.0,
        "unbalance_ratio": 0.02,
        "thd_voltage_l1": 0.01,
        "thd_current_neutral": 0.4,
    }.items():
        assert window.values[name] == (None if value is None else pytest.approx(value)), name
    assert list(window.faults) == [InputFault("clipped", "in", 12.0)]
    assert window.spectrum["harmonics_voltage_l2_v"][5] == 56.0
    assert window.spectrum["harmonics_current_neutral_a"][0] is None


def test_a_window_without_a_spectrum_says_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    bare = replace(WINDOW, spectrum=None, energy_ws=three(NAN), apparent_va=np.zeros(3), power_w=np.zeros(3))
    (window,) = found(results.Results(windows=[bare]), monkeypatch)
    assert "thd_voltage_l1" not in window.values
    assert window.spectrum == {}
    assert window.active_j is None
    assert window.values["power_factor_ratio"] is None


def test_events_and_summaries_lie_where_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    told = results.Results(
        events=[EVENT], flicker=[FLICKER], frequencies=[results.Frequency10s(1010.0, 50.01, 500)], windows=[WINDOW]
    )
    _, event, flicker, frequency = found(told, monkeypatch)
    assert isinstance(event, Event)
    assert (event.kind, event.begin, event.phases) == ("dip", 15_000.0, ["l1", "l3"])
    assert event.values == {
        "duration_s": 0.1,
        "detected_duration_s": 0.11,
        "extreme_v": 92.0,
        "depth_ratio": 0.6,
        "steady_change_ratio": None,
    }
    assert isinstance(flicker, Summary)
    assert (flicker.kind, flicker.begin, flicker.end) == ("flicker", 0.0, 6_000_000.0)
    assert flicker.values["flicker_pst_l3"] == 3.0
    assert "flicker_plt_l1" not in flicker.values
    assert frequency == Summary("frequency_10s", 100_000.0, 200_000.0, {"frequency_10s_hz": 50.01})


@pytest.mark.parametrize(
    ("fs_hz", "hz", "said"), [(5000.0, 50.0, "sample_rate_hz is 5000"), (8000.0, 55.0, "50 and 60")]
)
def test_a_stream_that_cannot_be_measured_is_refused(fs_hz: float, hz: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Analysing(fs_hz, 3, 230.0, hz)
