"""Recordings of every kind, written by somebody else or by hand, and files that are no recordings."""

import io
import struct
import wave as stdlib_wave
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from firmware_py.meter.inputs.files import open_recording
from firmware_py.meter.inputs.recording import BadRecording, Scale
from protocols.samples import Samples

FS = 8000.0


def signal(rows: int = 6, count: int = 400) -> Samples:
    t = np.arange(count) / FS
    peaks = [325.0] * 3 + [7.0] * (rows - 3)
    return np.array([peak * np.sin(2 * np.pi * 50 * t - row) for row, peak in enumerate(peaks)])


def read(path: Path, length: int = 100, **options: Any) -> Samples:
    return np.concatenate(list(open_recording(path, **options).blocks(length)), axis=1)


# npz


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<i2"])
@pytest.mark.parametrize("rows", [6, 7])
def test_npz_of_every_form(tmp_path: Path, save: Callable[..., None], order: Any, dtype: str, rows: int) -> None:  # noqa: ANN401
    x = signal(rows).astype(dtype)
    save(tmp_path / "a.npz", u=np.asarray(x[:3], order=order), i=np.asarray(x[3:], order=order), fs=FS)
    recording = open_recording(tmp_path / "a.npz")
    assert (recording.fs_hz, recording.samples, recording.currents) == (FS, 400, rows - 3)
    for length in (1, 7, 400, 1000):
        assert np.array_equal(read(tmp_path / "a.npz", length), x.astype(float))


GOOD: dict[str, Any] = {"u": signal()[:3], "i": signal()[3:], "fs": FS}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"u": None}, "u is missing, there is fs, i: u as (3, n) in V is needed"),
        ({"fs": None}, "fs is missing"),
        ({"u": signal()[:2]}, "u has the shape (2, 400): (3, n) in V is allowed"),
        ({"u": signal()[:3].T}, "u has the shape (400, 3): (3, n) in V is allowed"),
        ({"u": signal()[0]}, "u has the shape (400,)"),
        ({"i": signal()[:2]}, "i has the shape (2, 400): (3, n) or (4, n) in A is allowed"),
        ({"i": signal()[3:, :-1]}, "u has 400 samples and i 399: as many are needed"),
        ({"i": signal()[3:].astype(complex)}, "i holds complex128: real numbers are allowed"),
        ({"u": np.array([["a"]])}, "u holds <U1: real numbers are allowed"),
        ({"fs": np.array([1.0, 2.0])}, "fs has the shape (2,): a number in Hz is allowed"),
        ({"fs": 0.0}, "sample rate 0 Hz: 1000 to 1e+06 Hz is allowed"),
        ({"fs": np.nan}, "sample rate nan Hz"),
        ({"u": np.zeros((3, 0)), "i": np.zeros((3, 0))}, "no samples; at least 1 is needed"),
    ],
)
def test_what_is_wrong_with_an_archive_is_named(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    arrays = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(BadRecording) as found:
        open_recording(tmp_path / "a.npz")
    assert said in str(found.value)
    assert str(found.value).startswith(f"{tmp_path}/a.npz: ")


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{**GOOD, "u": np.array([object()], dtype=object)})
    with pytest.raises(BadRecording, match="u holds object"):
        open_recording(tmp_path / "a.npz")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_sample_that_is_no_number_is_named(tmp_path: Path, wrong: float) -> None:
    x = signal(7)
    x[6, 321] = wrong
    np.savez(tmp_path / "a.npz", u=x[:3], i=x[3:], fs=FS)
    with pytest.raises(BadRecording, match=rf"in is {wrong} at sample 321 \(0.040125 s\): a finite number of A"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_cut_anywhere_is_refused(tmp_path: Path, save: Callable[..., None]) -> None:
    save(tmp_path / "a.npz", **GOOD)
    whole = (tmp_path / "a.npz").read_bytes()
    for size in range(0, len(whole), 997):
        (tmp_path / "b.npz").write_bytes(whole[:size])
        with pytest.raises(BadRecording, match=r"b\.npz: "):
            read(tmp_path / "b.npz")


@given(st.binary(max_size=200), st.integers(0, 19_000))
def test_an_archive_with_other_bytes_in_it_is_read_or_refused(tmp_path_factory: Any, junk: bytes, place: int) -> None:  # noqa: ANN401
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    np.savez(path, **GOOD)
    raw = bytearray(path.read_bytes())
    raw[place : place + len(junk)] = junk
    path.write_bytes(raw)
    with suppress(BadRecording):
        assert read(path).shape[0] in (6, 7)


# WAV


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_wav_written_by_scipy(tmp_path: Path, dtype: type[Any]) -> None:
    x = signal(7)
    full = np.array([500.0] * 3 + [10.0] * 4)[:, None]
    most = np.iinfo(dtype).max if issubclass(dtype, np.integer) else 1.0
    wavfile.write(tmp_path / "a.wav", int(FS), (x / full * most).T.astype(dtype))
    found = read(tmp_path / "a.wav", scale=Scale(500.0, 10.0))
    assert np.abs((found - x) / full).max() <= (1.0 / most if most > 1 else 1e-7)


def test_24_bits_written_by_the_standard_library(tmp_path: Path) -> None:
    numbers = [-(2**23) + 1, -1, 0, 1, 2**23 - 1, 1234567]
    with stdlib_wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(6)
        file.setsampwidth(3)
        file.setframerate(8000)
        file.writeframes(b"".join(number.to_bytes(3, "little", signed=True) for number in numbers) * 2)
    found = read(tmp_path / "a.wav", scale=Scale(1.0, 1.0))
    assert found == pytest.approx(np.array([numbers, numbers]).T / (2**23 - 1), abs=1e-15)


def wav(form: bytes, data: bytes, announced: int | None = None, before: bytes = b"") -> bytes:
    """A file by hand from the specification: RIFF, fmt, data."""
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + before
    body += b"data" + struct.pack("<I", len(data) if announced is None else announced) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


PCM16 = struct.pack("<HHIIHH", 1, 6, 8000, 96000, 12, 16)
FRAME = struct.pack("<6h", 32767, -32767, 0, 1, 2, 3)


def test_the_extensible_format_other_chunks_and_an_unknown_size(tmp_path: Path) -> None:
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    extensible = struct.pack("<HHIIHHHHI", 0xFFFE, 6, 8000, 96000, 12, 16, 22, 16, 0x3F) + guid
    raw = wav(extensible, FRAME * 3, 0xFFFF_FFFF, b"LIST" + struct.pack("<I", 3) + b"abc\0")
    (tmp_path / "a.wav").write_bytes(raw)
    found = read(tmp_path / "a.wav", scale=Scale(500.0, 32767.0))
    assert np.array_equal(found, np.array([[500, -500, 0, 1, 2, 3]] * 3).T)


def test_channels_of_a_wav_by_number(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(PCM16, FRAME))
    found = read(tmp_path / "a.wav", scale=Scale(1.0, 32767.0), channels=["2", "1", "3", "6", "5", "4"])
    assert found[:, 0].tolist() == [-1, 1, 0, 3, 2, 1]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "a RIFF WAVE file is needed"),
        (b"RIFF\0\0\0\0AVI fmt ", "a RIFF WAVE file is needed"),
        (wav(PCM16, FRAME)[:30], "a format of 10 bytes: at least 16 are needed"),
        (wav(PCM16, FRAME)[:40], "there is no data chunk"),
        (wav(PCM16, FRAME * 9)[:-5], "cut: 103 bytes of samples, 108 were announced"),
        (wav(PCM16, b""), "no samples"),
        (wav(struct.pack("<HHIIHH", 1, 2, 8000, 1, 4, 16), FRAME), "2 channels: 6 (u1, u2, u3, i1, i2, i3) or 7"),
        (wav(struct.pack("<HHIIHH", 1, 0, 8000, 1, 4, 16), FRAME), "0 channels"),
        (wav(struct.pack("<HHIIHH", 1, 6, 8000, 1, 6, 8), FRAME), "format 0x0001 of 8 bits"),
        (wav(struct.pack("<HHIIHH", 85, 6, 8000, 1, 6, 16), FRAME), "format 0x0055 of 16 bits"),
        (wav(struct.pack("<HHIIHH", 1, 6, 100, 1, 12, 16), FRAME), "sample rate 100 Hz: 1000 to 1e+06 Hz is allowed"),
        (b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd", "samples before their format"),
    ],
)
def test_what_is_wrong_with_a_wav_is_named(tmp_path: Path, raw: bytes, said: str) -> None:
    (tmp_path / "a.wav").write_bytes(raw)
    with pytest.raises(BadRecording) as found:
        read(tmp_path / "a.wav")
    assert said in str(found.value)


def test_a_channel_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(PCM16, FRAME))
    with pytest.raises(BadRecording, match="i1 from channel '7': 1 to 6 is allowed"):
        open_recording(tmp_path / "a.wav", channels=["1", "2", "3", "7", "5", "6"])


# COMTRADE: laid out by hand from IEEE C37.111 (1999, clauses 5 and 6), not with our writer.

ANALOGUE = [
    (f"{'UI'[row // 3]}{'ABC'[row % 3]}", "ABC"[row % 3], "VA"[row // 3], (0.02, 0.0005)[row // 3]) for row in range(6)
]


def cfg(form: str, count: int, rates: str = "", year: str = ",1999", channels: list[str] | None = None) -> str:
    lines = channels or [
        f"{n},{name},{phase},line,{unit},{a},0,0,-32767,32767,1,1,P"
        for n, (name, phase, unit, a) in enumerate(ANALOGUE, 1)
    ]
    rates = rates or f"1\r\n{FS:g},{count}"
    when = "12/01/2011,05:55:30.750110"
    factor = "" if year == "" else "1\r\n"
    return (
        "\r\n".join(
            [
                f"substation,dev{year}",
                f"{len(lines) + 1},{len(lines)}A,1D",
                *lines,
                "1,trip,,,0",
                "50",
                rates,
                when,
                when,
                form,
            ]
        )
        + "\r\n"
        + factor
    )


def raw_numbers(count: int = 400) -> np.ndarray[Any, np.dtype[np.int64]]:
    scale = np.array([a for *_, a in ANALOGUE])[:, None]
    whole: np.ndarray[Any, np.dtype[np.int64]] = np.rint(signal(6, count) / scale).astype(np.int64)
    return whole


def rows(numbers: np.ndarray[Any, np.dtype[np.int64]], code: str) -> bytes:
    out = io.BytesIO()
    for n, column in enumerate(numbers.T.tolist()):
        out.write(struct.pack(f"<II{len(column)}{code}H", n + 1, round(n * 1e6 / FS), *column, 1))
    return out.getvalue()


def ascii_rows(numbers: np.ndarray[Any, np.dtype[np.int64]]) -> bytes:
    lines = [
        f"{n + 1},{round(n * 1e6 / FS)},{','.join(map(str, column))},0" for n, column in enumerate(numbers.T.tolist())
    ]
    return "\r\n".join([*lines, ""]).encode()


DATA: dict[str, Callable[[np.ndarray[Any, np.dtype[np.int64]]], bytes]] = {
    "ASCII": ascii_rows,
    "BINARY": lambda numbers: rows(numbers, "h"),
    "BINARY32": lambda numbers: rows(numbers, "i"),
}


def comtrade_file(folder: Path, text: str, data: bytes) -> Path:
    (folder / "a.cfg").write_text(text, newline="")
    (folder / "a.dat").write_bytes(data)
    return folder / "a.cfg"


@pytest.mark.parametrize("form", DATA)
@pytest.mark.parametrize("year", [",1999", ",2013"])
def test_comtrade_of_every_form(tmp_path: Path, form: str, year: str) -> None:
    numbers = raw_numbers()
    path = comtrade_file(
        tmp_path, cfg(form, 400, year=year) + ("0,0\r\nF,0\r\n" if "2013" in year else ""), DATA[form](numbers)
    )
    recording = open_recording(path)
    assert (recording.fs_hz, recording.samples, recording.currents, recording.nominal_hz) == (FS, 400, 3, 50.0)
    assert np.allclose(read(path, 37), numbers * np.array([a for *_, a in ANALOGUE])[:, None], rtol=1e-12)


@pytest.mark.parametrize("form", DATA)
def test_comtrade_in_one_file(tmp_path: Path, form: str) -> None:
    numbers = raw_numbers()
    data = DATA[form](numbers)
    size = "" if form == "ASCII" else f": {len(data)}"
    head = f"--- file type: CFG ---\r\n{cfg(form, 400, year=',2013')}0,0\r\nF,0\r\n--- file type: HDR ---\r\nhello\r\n"
    (tmp_path / "a.cff").write_bytes(f"{head}--- file type: DAT {form}{size} ---\r\n".encode() + data)
    assert np.allclose(read(tmp_path / "a.cff"), numbers * np.array([a for *_, a in ANALOGUE])[:, None], rtol=1e-12)


def channel_lines(*channels: str) -> list[str]:
    return [f"{n},{channel}" for n, channel in enumerate(channels, 1)]


def test_channels_are_told_by_unit_and_phase_and_brought_to_the_primary_side(tmp_path: Path) -> None:
    lines = channel_lines(
        "IL3,L3,,A,1,0,0,-9,9,100,5,S",
        "IL1,L1,,A,1,0,0,-9,9,100,5,S",
        "IL2,L2,,A,1,0,0,-9,9,100,5,S",
        "freq,,,Hz,1,0,0,-9,9,1,1,P",
        "UL2,L2,,kV,1,0,0,-9,9,1,1,P",
        "UL1,L1,,kV,1,0.5,0,-9,9,1,1,P",
        "UL3,L3,,kV,1,0,0,-9,9,1,1,P",
        "IN,N,,mA,1,0,0,-9,9,1,1,P",
    )
    numbers = np.array([[3], [1], [2], [50], [22], [11], [33], [4]]) * np.ones((1, 5), int)
    path = comtrade_file(tmp_path, cfg("BINARY", 5, channels=lines), rows(numbers, "h"))
    assert read(path)[:, 0] == pytest.approx([11_500, 22_000, 33_000, 20, 40, 60, 0.004])
    named = read(path, channels=["UL3", "UL2", "UL1", "2", "3", "1"])
    assert named[:, 4] == pytest.approx([33_000, 22_000, 11_500, 20, 40, 60])


def test_a_skew_is_told(tmp_path: Path) -> None:
    lines = [
        line.replace(",0,0,-32767", ",0,12.5,-32767") if ",IA," in line else line
        for line in cfg("ASCII", 400).split("\r\n")
    ]
    path = comtrade_file(tmp_path, "\r\n".join(lines), ascii_rows(raw_numbers()))
    assert list(open_recording(path).notes) == ["i1 was sampled 12.5 us late (skew); not corrected"]


def test_the_rate_may_stand_in_the_time_stamps_alone(tmp_path: Path) -> None:
    path = comtrade_file(tmp_path, cfg("ASCII", 400, rates="0\r\n0,400"), ascii_rows(raw_numbers()))
    assert open_recording(path).fs_hz == pytest.approx(FS)


def test_a_missing_value_is_named(tmp_path: Path) -> None:
    numbers = raw_numbers()
    numbers[4, 7] = -0x8000
    path = comtrade_file(tmp_path, cfg("BINARY", 400), rows(numbers, "h"))
    with pytest.raises(BadRecording, match="i2 is nan at sample 7 "):
        read(path)


TWICE = b"".join([rows(raw_numbers(), "h")[:220], rows(raw_numbers(), "h")[242:]])


@pytest.mark.parametrize(
    ("text", "data", "said"),
    [
        ("", b"", "no whole COMTRADE file"),
        ("hello\r\nworld\r\n", b"", "no whole COMTRADE file"),
        (cfg("BINARY", 400)[:150], b"", "no whole COMTRADE file"),
        (cfg("BINARY", 400), rows(raw_numbers(), "h")[:-500], "sample 378 of 400: the file is cut"),
        (cfg("ASCII", 400), ascii_rows(raw_numbers())[:9000], "no whole COMTRADE file"),
        (cfg("BINARY", 400), TWICE, "sample 11 of 400: +1 places from where it belongs"),
        (cfg("BINARY", 400), b"", "the file is cut"),
        (
            cfg("BINARY", 400, rates="2\r\n8000,200\r\n4000,400"),
            rows(raw_numbers(), "h"),
            "2 sample rates (8000, 4000)",
        ),
        (cfg("BINARY", 10**15), rows(raw_numbers(), "h"), "1000000000000000 samples: at most"),
        (cfg("BINARY", 1), rows(raw_numbers(), "h"), "1 samples: at least 2"),
        (cfg("MADE-UP", 400), rows(raw_numbers(), "h"), "no whole COMTRADE file"),
        (cfg("ASCII", 400, channels=channel_lines("UA,A,,V,1,0,0,-9,9,1,1,P")), b"", "cut"),
    ],
)
def test_what_is_wrong_with_a_comtrade_file_is_named(tmp_path: Path, text: str, data: bytes, said: str) -> None:
    path = comtrade_file(tmp_path, text, data)
    with pytest.raises(BadRecording) as found:
        open_recording(path)
    assert said in str(found.value)
    assert str(found.value).startswith(f"{path}: ")


def test_channels_that_are_missing_are_named(tmp_path: Path) -> None:
    numbers = raw_numbers()[:5]
    lines = channel_lines(*(f"{name},{phase},,{unit},{a},0,0,-9,9,1,1,P" for name, phase, unit, a in ANALOGUE[:5]))
    path = comtrade_file(tmp_path, cfg("BINARY", 400, channels=lines), rows(numbers, "h"))
    said = r"3 voltages and 2 currents among UA \(V\), UB \(V\), UC \(V\), IA \(A\), IB \(A\): 3 and 3 or 4 are needed"
    with pytest.raises(BadRecording, match=said):
        open_recording(path)
    with pytest.raises(BadRecording, match="i3 from channel 'IC': allowed are UA, UB, UC, IA, IB, or their numbers"):
        open_recording(path, channels=["UA", "UB", "UC", "IA", "IB", "IC"])


def test_a_dat_that_is_missing_and_files_of_no_kind(tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text(cfg("BINARY", 400), newline="")
    with pytest.raises(BadRecording, match=r"a\.dat is missing; a \.cfg needs its \.dat"):
        open_recording(tmp_path / "a.cfg")
    with pytest.raises(BadRecording, match=r"allowed are \.npz, \.wav, \.cff and \.cfg; give the \.cfg beside it"):
        open_recording(tmp_path / "a.dat")
    with pytest.raises(BadRecording, match=r"a\.wav: No such file"):
        open_recording(tmp_path / "a.wav")
