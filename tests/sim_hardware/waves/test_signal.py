"""Test signals against closed forms: what a textbook says of a sine, a ramp, a modulation."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_hardware.waves.signal import Samples, Wave
from sim_hardware.waves.spec import WaveError, parse_part, wave_spec

FS = 10_000


def made(*adds: str, **keys: object) -> Samples:
    spec = wave_spec({"duration_s": 1.0, **keys, "add": [parse_part(add) for add in adds]})
    return Wave(spec).samples(0, spec.samples)


def rms(x: Samples) -> float:
    return math.sqrt(float(np.mean(x * x)))


def phasor(x: Samples, frequency_hz: float) -> complex:
    """RMS and angle by correlation over whole periods (cosine reference)."""
    t = np.arange(len(x)) / FS
    return complex(np.mean(x * np.exp(-2j * np.pi * frequency_hz * t))) * math.sqrt(2.0)


def test_a_plain_signal_is_three_sines_with_currents_that_lag() -> None:
    x = made(voltage_v=230.0, current_a=5.0, angle_deg=60.0)
    for row, angle_deg in enumerate((0, -120, 120, -60, 180, 60)):
        rms_ = 230.0 if row < 3 else 5.0
        assert phasor(x[row], 50.0) == pytest.approx(rms_ * np.exp(1j * math.radians(angle_deg)), abs=1e-9)
    power_w = float(np.mean((x[:3] * x[3:]).sum(axis=0)))
    assert power_w == pytest.approx(3 * 230.0 * 5.0 * 0.5)


def test_the_neutral_takes_back_what_the_phases_bring() -> None:
    x = made("phasor of=i1 ratio=2", "harmonic order=3 ratio=0.3 of=i", neutral=True)
    assert np.abs(x[3:].sum(axis=0)).max() < 1e-12
    assert abs(phasor(x[6], 50.0)) == pytest.approx(5.0)  # 2, 1 and 1 leave 1
    assert abs(phasor(x[6], 150.0)) == pytest.approx(3 * 0.3 * 5.0)  # of the third order all phases add up


def test_harmonics_have_their_share_and_turn_with_their_phase() -> None:
    x = made("harmonic order=5 ratio=0.06 angle_deg=30 of=u", "interharmonic frequency_hz=182 ratio=0.01 of=i2")
    for row, angle_deg in enumerate((30, 30 - 600, 30 + 600)):
        assert phasor(x[row], 250.0) == pytest.approx(0.06 * 230 * np.exp(1j * math.radians(angle_deg)), abs=1e-9)
    assert abs(phasor(x[4], 182.0)) == pytest.approx(0.05)
    assert abs(phasor(x[3], 182.0)) < 1e-9


def test_a_ramp_counts_the_cycles_of_its_mean_frequency() -> None:
    wave = Wave(wave_spec({"add": [parse_part("frequency_ramp start_s=1 duration_s=2 to_hz=52")]}))
    end = wave.samples(50_000, 1)[0, 0]
    cycles = 50.0 * 1.0 + 51.0 * 2.0 + 52.0 * 2.0
    assert end == pytest.approx(230 * math.sqrt(2) * math.cos(2 * math.pi * cycles), abs=1e-6)
    halfway = 50.0 * 1.0 + 50.0 * 1.0 + 0.5 * 1.0 * 1.0**2  # 1 Hz/s for 1 s
    assert wave.samples(20_000, 1)[0, 0] == pytest.approx(
        230 * math.sqrt(2) * math.cos(2 * math.pi * halfway), abs=1e-6
    )
    assert [wave.frequency_hz(t) for t in (0.5, 2.0, 4.0)] == [50.0, 51.0, 52.0]


def test_a_step_changes_the_frequency_and_not_the_phase() -> None:
    x = made("frequency_step start_s=0.5 to_hz=60")
    assert np.abs(np.diff(x[0])).max() < 230 * math.sqrt(2) * 2 * math.pi * 60.001 / FS
    t = np.arange(5000, 10_000) / FS - 0.5
    assert np.allclose(x[0, 5000:], 230 * math.sqrt(2) * np.cos(2 * math.pi * 60 * t), atol=1e-6)


@pytest.mark.parametrize("shape", ["rectangular", "sinusoidal"])
def test_flicker_swings_by_its_depth(shape: str) -> None:
    x = made(f"flicker depth_percent=10 frequency_hz=2 shape={shape}", duration_s=1.0)
    plain = made()
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = (x[0] / plain[0])[np.abs(plain[0]) > 100]
    assert gain.max() == pytest.approx(1.05, abs=1e-4)
    assert gain.min() == pytest.approx(0.95, abs=1e-4)
    assert np.array_equal(x[3], plain[3])


def test_changes_per_minute_are_two_a_period() -> None:
    assert np.array_equal(
        made("flicker depth_percent=3 changes_per_min=1620"), made("flicker depth_percent=3 frequency_hz=13.5")
    )


def test_a_dip_leaves_what_it_says_where_it_says() -> None:
    x, plain = made("dip start_s=0.2 duration_s=0.1 ratio=0.4 phase=l1,l3"), made()
    inside = np.zeros(10_000, bool)
    inside[2000:3000] = True
    assert np.allclose(x[0], np.where(inside, 0.4 * plain[0], plain[0]))
    assert np.array_equal(x[1], plain[1])
    assert not made("interruption start_s=0 duration_s=1")[:3].any()
    assert rms(made("swell start_s=0 duration_s=1")[2]) == pytest.approx(1.15 * 230)


def test_noise_is_as_far_below_as_it_says_and_its_own_in_each_channel() -> None:
    spoilt = made("noise snr_db=40", duration_s=4.0, seed=7) - made(duration_s=4.0)
    for row in range(6):
        assert rms(spoilt[row]) == pytest.approx((230.0 if row < 3 else 5.0) / 100.0, rel=0.02)
    table = np.corrcoef(spoilt)
    assert np.abs(table - np.eye(6)).max() < 0.03
    assert not np.array_equal(made("noise snr_db=40", seed=1), made("noise snr_db=40", seed=2))


def test_what_is_wrong_with_the_measurement() -> None:
    plain = made()
    assert np.array_equal(made("swap of=u1,u2")[[0, 1]], plain[[1, 0]])
    assert np.array_equal(made("reversed of=i2")[4], -plain[4])
    assert np.allclose(made("offset of=i1 value=0.5")[3], plain[3] + 0.5)
    assert np.array_equal(made("clip of=u3 limit=300")[2], np.clip(plain[2], -300, 300))
    assert not made("dead of=i3 start_s=0.5")[5, 5000:].any()
    missing = made("missing of=u1 start_s=0.1 duration_s=0.1")[0]
    assert np.array_equal(np.flatnonzero(np.isnan(missing)), np.arange(1000, 2000))


def test_a_fast_clock_sees_a_lower_frequency() -> None:
    x = made(clock_ppm=200.0, duration_s=1.0)
    t = np.arange(10_000) / (FS * 1.0002)
    assert np.allclose(x[0], 230 * math.sqrt(2) * np.cos(2 * math.pi * 50 * t), atol=1e-6)


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12), st.integers(0, 20_000))
def test_any_cutting_gives_the_same_samples(lengths: list[int], first: int) -> None:
    adds = [
        "noise snr_db=50",
        "flicker depth_percent=2 frequency_hz=8.8",
        "frequency_ramp start_s=1 duration_s=1 to_hz=51",
    ]
    wave = Wave(wave_spec({"seed": 3, "neutral": True, "add": [parse_part(add) for add in adds]}))
    whole, place = wave.samples(first, sum(lengths)), 0
    for length in lengths:
        assert np.array_equal(wave.samples(first + place, length), whole[:, place : place + length])
        place += length


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"duration": 10}, "duration = 10: unknown key; did you mean duration_s?"),
        ({"duration_s": 0}, "duration_s = 0: Input should be greater than 0"),
        ({"add": [{"kind": "dipp"}]}, 'add.0.kind = "dipp": did you mean dip?'),
        ({"add": [{"order": 5}]}, "add.0.kind = (absent): allowed are harmonic"),
        ({"add": [{"kind": "harmonic", "ratio": 0.1}]}, "add.0.order = (absent): must be there"),
        ({"add": [{"kind": "noise", "snr": 60}]}, "did you mean snr_db?"),
        ({"add": [{"kind": "offset", "value": 1, "of": "u4"}]}, 'add.0.of.0 = "u4": did you mean u?'),
        ({"add": [{"kind": "flicker", "depth_percent": 1}]}, "exactly one of frequency_hz and changes_per_min"),
        ({"add": [{"kind": "swap", "of": ["u1", "in"]}]}, "must be two channels that are there"),
        (
            {
                "add": [
                    parse_part("frequency_ramp start_s=1 duration_s=2 to_hz=51"),
                    parse_part("frequency_step start_s=2 to_hz=50"),
                ]
            },
            "add.1.start_s = 2.0: a ramp lasts until 3; not before it",
        ),
    ],
)
def test_mistakes_are_named(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(WaveError) as found:
        wave_spec(raw)
    assert said in str(found.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(WaveError) as found:
        wave_spec({"fs_hz": "x", "add": [{"kind": "dip"}, {}]})
    assert [mistake.key for mistake in found.value.mistakes] == [
        "fs_hz",
        "add.0.start_s",
        "add.0.duration_s",
        "add.1.kind",
    ]


def test_a_word_that_is_no_key_and_value_is_refused() -> None:
    with pytest.raises(ValueError, match="'ratio': key=value is needed"):
        parse_part("harmonic ratio")
