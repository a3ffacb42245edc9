"""Recordings as RIFF WAVE files: 16, 24 or 32 bit integers or 32 or 64 bit floats; channels u1 u2 u3 i1 i2 i3 (in).

The standard library reads no floats (Python 3.11), so the few chunks that matter are read here. The numbers have no unit:
full scale, 1.0 of a float, stands for what `Scale` says.
Source: Multimedia Programming Interface and Data Specifications 1.0 (1991); WAVE_FORMAT_EXTENSIBLE by its first two bytes.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np

from firmware_py.meter.inputs.recording import BadRecording, Recording, Scale
from protocols.samples import CHANNELS, Samples

_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_FORMATS: Final = {(_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)}
# Programs that write to a pipe leave the size at one of these.
_UNKNOWN_SIZES: Final = (0, 0xFFFF_FFFF)


@dataclass(frozen=True, slots=True)
class _Form:
    """What the fmt chunk says, and where the samples lie."""

    tag: int
    channels: int
    rate_hz: int
    bits: int
    offset: int = 0
    frames: int = 0

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.bits // 8


def open_wav(path: Path, scale: Scale, channels: Sequence[str] | None = None) -> Recording:
    """Read the chunks; `channels` are numbers from 1, in the order u1 u2 u3 i1 i2 i3 (in)."""
    with path.open("rb") as file:
        form = _chunks(path, file)
    rows = _rows(path, form.channels, channels)
    factors = scale.factors(len(rows))

    def read(length: int) -> Iterator[Samples]:
        with path.open("rb") as file:
            file.seek(form.offset)
            for first in range(0, form.frames, length):
                raw = file.read(min(length, form.frames - first) * form.frame_bytes)
                yield _numbers(raw[: len(raw) // form.frame_bytes * form.frame_bytes], form)[rows] * factors

    return Recording(path, float(form.rate_hz), form.frames, len(rows) - 3, read)


def _rows(path: Path, there: int, channels: Sequence[str] | None) -> list[int]:
    """Which channels of the file are the rows."""
    if channels is None:
        if there not in (6, 7):
            raise BadRecording(f"{path}: {there} channels: 6 ({', '.join(CHANNELS[:-1])}) or 7 (with in) are allowed")
        return list(range(there))
    if len(channels) not in (6, 7):
        raise BadRecording(f"{path}: {len(channels)} channels were named: 6 or 7 are needed, {', '.join(CHANNELS)}")
    for row, name in enumerate(channels):
        if not name.isdecimal() or not 1 <= int(name) <= there:
            raise BadRecording(f"{path}: {CHANNELS[row]} from channel {name!r}: 1 to {there} is allowed")
    return [int(name) - 1 for name in channels]


def _chunks(path: Path, file: IO[bytes]) -> _Form:
    size = path.stat().st_size
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise BadRecording(f"{path}: begins with {head[:12]!r}: a RIFF WAVE file is needed")
    form = None
    while len(chunk := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", chunk)
        if name == b"fmt ":
            form = _form(path, file.read(length))
            file.seek(length % 2, 1)
        elif name == b"data":
            return _with_data(path, form, file.tell(), length, size)
        else:
            file.seek(length + length % 2, 1)
    raise BadRecording(f"{path}: there is no data chunk; the file may be cut")


def _form(path: Path, raw: bytes) -> _Form:
    if len(raw) < 16:
        raise BadRecording(f"{path}: a format of {len(raw)} bytes: at least 16 are needed")
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", raw)
    if tag == _EXTENSIBLE and len(raw) >= 26:
        (tag,) = struct.unpack_from("<H", raw, 24)
    if (tag, bits) not in _FORMATS:
        raise BadRecording(
            f"{path}: format {tag:#06x} of {bits} bits: integers of 16, 24 or 32 and floats of 32 or 64 are allowed"
        )
    if channels == 0:
        raise BadRecording(f"{path}: 0 channels: 6 or 7 are needed")
    return _Form(tag, channels, rate_hz, bits)


def _with_data(path: Path, form: _Form | None, offset: int, length: int, size: int) -> _Form:
    if form is None:
        raise BadRecording(f"{path}: samples before their format")
    there = size - offset
    if length in _UNKNOWN_SIZES:
        length = there
    if length > there:
        raise BadRecording(f"{path}: cut: {there} bytes of samples, {length} were announced")
    return _Form(form.tag, form.channels, form.rate_hz, form.bits, offset, length // form.frame_bytes)


def _numbers(raw: bytes, form: _Form) -> Samples:
    """Shares of the full scale, a row a channel."""
    if form.tag == _FLOAT:
        flat = np.frombuffer(raw, f"<f{form.bits // 8}").astype(np.float64)
    elif form.bits == 24:
        three = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        four = np.zeros((len(three), 4), np.uint8)
        four[:, 1:] = three  # as the upper bytes, so that the sign comes by itself
        flat = four.view("<i4")[:, 0] / (256.0 * (2**23 - 1))
    else:
        flat = np.frombuffer(raw, f"<i{form.bits // 8}") / float(2 ** (form.bits - 1) - 1)
    return flat.reshape(-1, form.channels).T
