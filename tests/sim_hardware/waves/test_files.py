"""Test signals in files, read back by somebody else: numpy, the standard library, scipy, python-comtrade."""

import wave as stdlib_wave
from pathlib import Path

import comtrade
import numpy as np
import pytest
from scipy.io import wavfile

from sim_hardware.waves.files import (
    ComtradeFormat,
    FullScale,
    TooLarge,
    WavFormat,
    write_comtrade,
    write_npz,
    write_wav,
)
from sim_hardware.waves.signal import Wave
from sim_hardware.waves.spec import parse_part, wave_spec

SCALE = FullScale(500.0, 20.0)
FULL = np.array([500.0] * 3 + [20.0] * 4)[:, None]


def short(*adds: str) -> Wave:
    parts = [parse_part(add) for add in adds]
    return Wave(wave_spec({"duration_s": 0.25, "fs_hz": 6400.0, "neutral": True, "angle_deg": 20.0, "add": parts}))


def test_numpy_reads_the_archive(tmp_path: Path) -> None:
    wave = short()
    write_npz(tmp_path / "a.npz", wave)
    with np.load(tmp_path / "a.npz") as found:
        assert sorted(found) == ["fs", "i", "u"]
        assert float(found["fs"]) == 6400.0
        assert np.array_equal(np.vstack([found["u"], found["i"]]), wave.samples(0, 1600))


def test_the_same_signal_makes_the_same_file(tmp_path: Path) -> None:
    for name in "ab":
        write_npz(tmp_path / name, short("noise snr_db=50"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(("form", "width"), [("pcm16", 2), ("pcm24", 3), ("pcm32", 4)])
def test_the_standard_library_reads_integers(tmp_path: Path, form: WavFormat, width: int) -> None:
    wave = short()
    write_wav(tmp_path / "a.wav", wave, SCALE, form)
    with stdlib_wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (7, 6400, width)
        raw = file.readframes(1600)
    whole = [int.from_bytes(raw[n : n + width], "little", signed=True) for n in range(0, len(raw), width)]
    found = np.array(whole).reshape(-1, 7).T / (2 ** (8 * width - 1) - 1) * FULL
    assert np.abs(found - wave.samples(0, 1600)).max() <= 500.0 / 2 ** (8 * width - 1)


def test_scipy_reads_floats(tmp_path: Path) -> None:
    wave = short("missing of=u2 start_s=0.1 duration_s=0.01")
    write_wav(tmp_path / "a.wav", wave, SCALE, "float32")
    rate, found = wavfile.read(tmp_path / "a.wav")
    assert (rate, found.dtype) == (6400, np.float32)
    assert np.allclose(found.T * FULL, wave.samples(0, 1600), rtol=1e-6, atol=1e-4, equal_nan=True)


@pytest.mark.parametrize("ending", ["cff", "cfg"])
@pytest.mark.parametrize(
    ("form", "step"), [("ASCII", 1 / 90_000), ("BINARY", 1 / 32_767), ("BINARY32", 1e-9), ("FLOAT32", 1e-7)]
)
def test_python_comtrade_reads_every_form(tmp_path: Path, ending: str, form: ComtradeFormat, step: float) -> None:
    wave = short("missing of=i1 start_s=0.1 duration_s=0.01") if form != "FLOAT32" else short()
    write_comtrade(tmp_path / f"a.{ending}", wave, SCALE, form)
    record = comtrade.Comtrade(use_numpy_arrays=True, use_double_precision=True).load(str(tmp_path / f"a.{ending}"))
    assert record.ft == form
    assert record.analog_channel_ids == ["u1", "u2", "u3", "i1", "i2", "i3", "in"]
    assert [channel.uu for channel in record.cfg.analog_channels] == ["V"] * 3 + ["A"] * 4
    assert record.time[-1] == pytest.approx(1599 / 6400)
    found, true = np.array(record.analog), wave.samples(0, 1600)
    assert np.array_equal(np.isnan(found), np.isnan(true))
    assert np.nanmax(np.abs(found - true) / FULL) <= 0.51 * step


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="u1 reaches 690 V: full scale is 500 V"):
        write_wav(tmp_path / "a.wav", short("offset of=u1 value=364.731"), SCALE)
    with pytest.raises(ValueError, match="float32, npz or COMTRADE"):
        write_wav(tmp_path / "a.wav", short("missing of=u1"), SCALE, "pcm16")
