"""Test signals as files: npz, WAV and COMTRADE, written block by block, so that an hour needs no more memory than a second.

npz:      `u` (3, n) in V, `i` (3 or 4, n) in A, `fs` in Hz; 64-bit floats, one sample of all channels behind the other.
WAV:      one channel each in the order u1 u2 u3 i1 i2 i3 (in); full scale (1.0) stands for `full_scale` V or A.
COMTRADE: IEEE C37.111-2013: a .cfg with its .dat, or both in one .cff; ASCII, BINARY (16 bit), BINARY32 or FLOAT32.
"""

import math
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from sim_hardware.waves.signal import Samples, Wave
from sim_hardware.waves.spec import WaveSpec

BLOCK: Final = 100_000
WavFormat = Literal["pcm16", "pcm24", "pcm32", "float32"]
ComtradeFormat = Literal["ASCII", "BINARY", "BINARY32", "FLOAT32"]
# Zip members and recordings carry a time; a file made twice from one seed is to be the same.
_WHEN: Final = (2026, 1, 1, 0, 0, 0)
_STARTS: Final = "01/01/2026,00:00:00.000000"


@dataclass(frozen=True, slots=True)
class FullScale:
    """What the largest number of a file stands for."""

    voltage_v: float = 500.0
    current_a: float = 100.0

    def of(self, spec: WaveSpec) -> Samples:
        """By channel, as a column."""
        currents = len(spec.channels) - 3
        return np.array([self.voltage_v] * 3 + [self.current_a] * currents)[:, None]


class TooLarge(Exception):
    """A sample lies beyond the full scale of the file that it is to stand in."""


def write_npz(path: Path, wave: Wave) -> None:
    """A numpy archive of `u`, `i` and `fs`."""
    count, currents = wave.spec.samples, len(wave.spec.channels) - 3
    with zipfile.ZipFile(path, "w") as archive:
        _member(archive, "u", (3, count), (block[:3] for block in wave.blocks(BLOCK)))
        _member(archive, "i", (currents, count), (block[3:] for block in wave.blocks(BLOCK)))
        _member(archive, "fs", (), iter([np.array(wave.spec.fs_hz)]))


def _member(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], blocks: Iterator[Samples]) -> None:
    header = {"descr": "<f8", "fortran_order": True, "shape": shape}
    with archive.open(zipfile.ZipInfo(f"{name}.npy", _WHEN), "w", force_zip64=True) as file:
        npy.write_array_header_2_0(file, header)
        for block in blocks:
            file.write(block.astype("<f8").tobytes(order="F"))


def write_wav(path: Path, wave: Wave, scale: FullScale, form: WavFormat = "float32") -> None:
    """A RIFF WAVE file; TooLarge where a sample lies beyond the full scale."""
    spec = wave.spec
    channels, width = len(spec.channels), {"pcm16": 2, "pcm24": 3, "pcm32": 4, "float32": 4}[form]
    rate, size = round(spec.fs_hz), spec.samples * channels * width
    if rate != spec.fs_hz:
        raise ValueError(f"fs_hz = {spec.fs_hz:g}: a WAV file has whole samples a second")
    if size > 0xFFFF_FF00:
        raise ValueError(f"{size} bytes of samples: a WAV file has at most 4 GiB")
    tag = 3 if form == "float32" else 1
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt ")
        file.write(
            struct.pack("<IHHIIHH", 16, tag, channels, rate, rate * channels * width, channels * width, 8 * width)
        )
        file.write(b"data" + struct.pack("<I", size))
        for block in _scaled(wave, scale):
            file.write(_wav_bytes(block, form))


def _scaled(wave: Wave, scale: FullScale) -> Iterator[Samples]:
    """Blocks in shares of the full scale."""
    full = scale.of(wave.spec)
    for block in wave.blocks(BLOCK):
        most = np.nanmax(np.abs(block), axis=1, initial=0.0, keepdims=True)
        for row in np.flatnonzero(most > full):
            name, unit = wave.spec.channels[row], "V" if row < 3 else "A"
            raise TooLarge(f"{name} reaches {most[row, 0]:g} {unit}: full scale is {full[row, 0]:g} {unit}")
        yield block / full


def _wav_bytes(block: Samples, form: WavFormat) -> bytes:
    if np.isnan(block).any() and form != "float32":
        raise ValueError("a missing sample: a WAV file of integers has no word for it; float32, npz or COMTRADE has")
    if form == "float32":
        return block.astype("<f4").tobytes(order="F")
    bits = int(form[3:])
    whole = np.rint(block * (2 ** (bits - 1) - 1)).astype("<i4")
    if bits == 24:
        return bytes(whole.T.copy().view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    return bytes(whole.astype(f"<i{bits // 8}").tobytes(order="F"))


@dataclass(frozen=True, slots=True)
class _Coding:
    """How a COMTRADE number is written: the largest one, the one that says "missing", and its type in a .dat file."""

    most: int
    missing: int | None
    kind: str


# C37.111-2013, 8.4 and 8.6; the numbers for "missing" were read in python-comtrade 0.2.0.
_CODINGS: Final[dict[ComtradeFormat, _Coding]] = {
    "ASCII": _Coding(90_000, 99_999, ""),
    "BINARY": _Coding(32_767, -0x8000, "<i2"),
    "BINARY32": _Coding(0x7FFF_FFFF, -0x8000_0000, "<i4"),
    "FLOAT32": _Coding(1, None, "<f4"),
}


def write_comtrade(path: Path, wave: Wave, scale: FullScale, form: ComtradeFormat = "BINARY") -> None:
    """A .cff file, or a .cfg with the .dat beside it, by the ending of `path`; TooLarge beyond the full scale."""
    coding = _CODINGS[form]
    config = _configuration(wave.spec, scale, form, coding)
    if path.suffix.lower() == ".cff":
        size = wave.spec.samples * _row_bytes(wave.spec, coding)
        ending = f"--- file type: DAT {form}{'' if form == 'ASCII' else f': {size}'} ---\r\n"
        with path.open("wb") as file:
            file.write(f"--- file type: CFG ---\r\n{config}".encode())
            file.write(f"--- file type: INF ---\r\n--- file type: HDR ---\r\n{ending}".encode())
            _data(file, wave, scale, form, coding)
        return
    path.write_bytes(config.encode())
    with path.with_suffix(".dat" if path.suffix == ".cfg" else ".DAT").open("wb") as file:
        _data(file, wave, scale, form, coding)


def _row_bytes(spec: WaveSpec, coding: _Coding) -> int:
    return 8 + len(spec.channels) * np.dtype(coding.kind or "i1").itemsize


def _configuration(spec: WaveSpec, scale: FullScale, form: ComtradeFormat, coding: _Coding) -> str:
    """The .cfg: a value is `a` times the number."""
    channels = []
    for index, (name, full) in enumerate(zip(spec.channels, scale.of(spec)[:, 0], strict=True), 1):
        unit, phase = ("V" if name[0] == "u" else "A"), {"1": "A", "2": "B", "3": "C", "n": "N"}[name[1]]
        a = full / coding.most
        channels.append(f"{index},{name},{phase},,{unit},{a:.17g},0,0,{-coding.most},{coding.most},1,1,P")
    lines = [
        "busbar wave,1,2013",
        f"{len(channels)},{len(channels)}A,0D",
        *channels,
        f"{spec.frequency_hz:.12g}",
        "1",
        f"{spec.fs_hz:.12g},{spec.samples}",
        _STARTS,
        _STARTS,
        form,
        "1",
        "0,0",
        "F,0",
    ]
    return "\r\n".join(lines) + "\r\n"


def _data(file: IO[bytes], wave: Wave, scale: FullScale, form: ComtradeFormat, coding: _Coding) -> None:
    write: Callable[[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]], bytes]
    write = _ascii if form == "ASCII" else lambda rows, n, us: _binary(rows, n, us, coding)
    first = 0
    for block in _scaled(wave, scale):
        numbers = np.arange(first + 1, first + 1 + block.shape[1])
        # The field is 32 bits wide: it starts again after 71 minutes. Readers take the time from the rate instead.
        time_us = np.rint((numbers - 1) / wave.spec.fs_hz * 1e6).astype(np.int64) % 0xFFFF_FFFF
        coded = block if coding.missing is None else np.rint(block * coding.most)
        missing = math.nan if coding.missing is None else coding.missing
        file.write(write(np.where(np.isnan(coded), missing, coded), numbers, time_us))
        first += block.shape[1]


def _ascii(rows: Samples, numbers: NDArray[np.int64], time_us: NDArray[np.int64]) -> bytes:
    table = np.vstack([numbers, time_us, rows]).astype(np.int64).T
    return "".join(",".join(map(str, line)) + "\r\n" for line in table.tolist()).encode()


def _binary(rows: Samples, numbers: NDArray[np.int64], time_us: NDArray[np.int64], coding: _Coding) -> bytes:
    line = np.dtype([("n", "<u4"), ("t", "<u4"), ("x", coding.kind, (len(rows),))])
    table = np.empty(len(numbers), line)
    table["n"], table["t"], table["x"] = numbers, time_us, rows.T
    return table.tobytes()
