"""A recording played: windows and registers by the recording's own samples, the same with any calibration taken out."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware_py.meter.analysing import Analysing
from firmware_py.meter.calibration import Calibration, Constants
from firmware_py.meter.inputs.files import open_recording
from firmware_py.meter.inputs.recording import BadRecording
from firmware_py.meter.measure import Event, Found, InputFault, Summary, Window
from firmware_py.meter.play import Player, Told
from protocols.samples import Samples
from sim_hardware.waves.files import write_npz
from sim_hardware.waves.signal import Wave
from sim_hardware.waves.spec import parse_part, wave_spec
from tests.firmware_py.meter.plain_measuring import PlainMeasuring


class WithEvent(PlainMeasuring):
    """Tells an event in front of its first window and a summary behind it; faults where a sample is missing."""

    told = False

    def feed(self, block: Samples) -> list[Found]:
        found = [self._judged(each) for each in super().feed(block)]
        if self.told:
            return found
        self.told = True
        event = Event("dip", 500.0, ["l1"], {"depth_ratio": 0.6})
        return [event, *found, Summary("frequency_10s", 0.0, 50_000.0, {"frequency_10s_hz": 50.0})]

    @staticmethod
    def _judged(window: Found) -> Found:
        assert isinstance(window, Window)
        if window.active_j is not None and not math.isnan(window.active_j):
            return replace(window, spectrum={"harmonics_voltage_l1_v": [0.0, 230.0]})
        return replace(window, active_j=None, values={}, faults=[InputFault("missing_samples", "u2", 5.0)])


def player(tmp_path: Path, *adds: str, calibration: Calibration | None = None, **options: bool) -> Player:
    spec = wave_spec({"fs_hz": 5000.0, "duration_s": 3.1, "add": [parse_part(add) for add in adds]})
    write_npz(tmp_path / "a.npz", Wave(spec))
    return Player(open_recording(tmp_path / "a.npz"), WithEvent(5000.0), calibration or {}, **options)


def test_windows_tile_and_the_energy_is_power_by_time(tmp_path: Path) -> None:
    played = player(tmp_path)
    event, *windows = list(played.told())
    assert event == {"kind": "dip", "begin_s": 0.1, "phases": ["l1"], "depth_ratio": 0.6}
    assert [window["begin_s"] for window in windows] == pytest.approx([0.2 * n for n in range(15)])
    assert all(window["duration_s"] == pytest.approx(0.2) and "kind" not in window for window in windows)
    energies = [window["energy_import_wh"] for window in windows]
    assert energies[-1] == pytest.approx(3 * 230 * 5 * 3.0 / 3600, abs=1e-3)
    assert (played.windows, played.events) == (15, 1)


def test_what_a_calibration_takes_out_is_out_of_the_windows(tmp_path: Path) -> None:
    calibration = {"u1": Constants(1 / 1.1), "i1": Constants(offset=2.0), "i2": Constants(delay_us=1000.0)}
    adds = ("phasor of=u1 ratio=1.1", "offset of=i1 value=2", "phasor of=i2 angle_deg=-18")
    _, *windows = list(player(tmp_path, *adds, calibration=calibration).told())
    for window in windows:
        assert window["power_w"] == pytest.approx(3 * 230 * 5, rel=1e-5)
    assert windows[0]["begin_s"] == pytest.approx(48 / 5000)  # what the filter needs before its first sample


def test_a_recording_that_is_damaged_ends_where_it_is(tmp_path: Path) -> None:
    played = player(tmp_path, "missing of=u2 start_s=1.5")
    told: list[Told] = []
    with pytest.raises(BadRecording, match=r"u2 is nan at sample 7500 \(1.5 s\)"):
        told.extend(played.told())
    assert len(told) == 1 + 7  # a dip, and the windows of 1.4 s


def test_with_gaps_samples_that_are_missing_are_told_and_not_counted(tmp_path: Path) -> None:
    _, *windows = list(player(tmp_path, "missing of=u2 start_s=1.5 duration_s=0.001", gaps=True).told())
    faulty = [window for window in windows if "faults" in window]
    assert len(windows) == 15
    assert [window["faults"] for window in faulty] == [[{"kind": "missing_samples", "channel": "u2", "amount": 5.0}]]
    assert windows[-1]["energy_import_wh"] == pytest.approx(3 * 230 * 5 * 2.8 / 3600, abs=1e-3)


def test_an_infinite_sample_is_no_missing_one(tmp_path: Path) -> None:
    x = np.zeros((3, 6000))
    x[1, 5] = np.inf
    np.savez(tmp_path / "b.npz", u=x, i=np.zeros((3, 6000)), fs=5000.0)
    played = Player(open_recording(tmp_path / "b.npz"), WithEvent(5000.0), {}, gaps=True)
    with pytest.raises(BadRecording, match="u2 is inf at sample 5"):
        list(played.told())


def test_harmonics_and_summaries_are_told_when_they_are_asked_for(tmp_path: Path) -> None:
    told = list(player(tmp_path, spectrum=True, summaries=True).told())
    assert told[1]["harmonics_voltage_l1_v"] == [0.0, 230.0]
    (summary,) = (each for each in told if each.get("kind") == "frequency_10s")
    assert summary == {"kind": "frequency_10s", "begin_s": 0.0, "duration_s": 10.0, "frequency_10s_hz": 50.0}
    assert all("harmonics_voltage_l1_v" not in each for each in player(tmp_path).told())


def test_a_calibration_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="calibration of u1: 5000 us; at most 3200 us"):
        player(tmp_path, calibration={"u1": Constants(delay_us=5000.0)})


@pytest.mark.parametrize("seconds", [0.9173, 3.1])
def test_the_registers_at_the_end_are_the_power_by_the_whole_time(tmp_path: Path, seconds: float) -> None:
    spec = wave_spec({"fs_hz": 10_000.0, "duration_s": seconds, "angle_deg": 30.0})
    write_npz(tmp_path / "a.npz", Wave(spec))
    played = Player(open_recording(tmp_path / "a.npz"), Analysing(10_000.0, 3, 230.0, 50.0), {})
    *_, rest = played.told()
    assert rest["kind"] == "rest"
    counts = played.registers.counts
    for kind, power in (("import", 3 * 1150 * math.cos(math.pi / 6)), ("q1", 3 * 1150 * 0.5)):
        assert counts[kind, 0] / 2**60 == pytest.approx(power * seconds, rel=2e-6)
    assert rest["energy_import_wh"] == pytest.approx(3 * 1150 * math.cos(math.pi / 6) * seconds / 3600, abs=1e-3)
