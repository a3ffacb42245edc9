"""Recordings as numpy archives: `u` (3, n) in V, `i` (3 or 4, n) in A, `fs` in Hz.

Read in pieces straight from the archive: `numpy.load` would take an hour at 10 kHz into 2 GB of memory.
"""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.lib import format as npy

from firmware_py.meter.inputs.recording import BadRecording, Recording
from protocols.samples import Samples

_SHAPES: Final = {"u": "(3, n) in V", "i": "(3, n) or (4, n) in A", "fs": "a number in Hz"}
# What zipfile and numpy raise on an archive that is damaged somewhere.
_BROKEN: Final = (
    EOFError,
    LookupError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class _Array:
    """An array in the archive: its shape, how its numbers lie, and where they begin."""

    name: str
    shape: tuple[int, ...]
    by_column: bool
    dtype: np.dtype[np.generic]
    offset: int


def open_npz(path: Path) -> Recording:
    """Check the archive and its three arrays; BadRecording names what is wrong with which."""
    try:
        with zipfile.ZipFile(path) as archive:
            u, i, fs = (_array(path, archive, name) for name in _SHAPES)
            fs_hz = _rate(path, archive, fs)
    except _BROKEN as error:
        raise BadRecording(f"{path}: no whole numpy archive of u, i and fs: {error}") from error
    if len(u.shape) != 2 or u.shape[0] != 3:
        raise BadRecording(f"{path}: u has the shape {u.shape}: {_SHAPES['u']} is allowed")
    if len(i.shape) != 2 or i.shape[0] not in (3, 4):
        raise BadRecording(f"{path}: i has the shape {i.shape}: {_SHAPES['i']} is allowed")
    if u.shape[1] != i.shape[1]:
        raise BadRecording(f"{path}: u has {u.shape[1]} samples and i {i.shape[1]}: as many are needed")

    def read(length: int) -> Iterator[Samples]:
        try:
            with zipfile.ZipFile(path) as archive, ExitStack() as stack:
                voltages, currents = _pieces(stack, archive, u, length), _pieces(stack, archive, i, length)
                for voltage, current in zip(voltages, currents, strict=True):
                    yield np.vstack([voltage, current])
        except _BROKEN as error:
            raise BadRecording(f"{path}: damaged: {error}") from error

    return Recording(path, fs_hz, u.shape[1], i.shape[0], read)


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> _Array:
    if f"{name}.npy" not in archive.namelist():
        held = ", ".join(sorted(entry.removesuffix(".npy") for entry in archive.namelist())) or "nothing"
        raise BadRecording(f"{path}: {name} is missing, there is {held}: {name} as {_SHAPES[name]} is needed")
    with archive.open(f"{name}.npy") as file:
        version = npy.read_magic(file)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_column, dtype = header(file)
        if dtype.kind not in "fiu":
            raise BadRecording(f"{path}: {name} holds {dtype}: real numbers are allowed")
        return _Array(name, shape, by_column, dtype, file.tell())


def _rate(path: Path, archive: zipfile.ZipFile, fs: _Array) -> float:
    if int(np.prod(fs.shape)) != 1:
        raise BadRecording(f"{path}: fs has the shape {fs.shape}: {_SHAPES['fs']} is allowed")
    with archive.open("fs.npy") as file:
        file.seek(fs.offset)
        return float(np.frombuffer(_exactly(file, fs.dtype.itemsize), fs.dtype)[0])


def _pieces(stack: ExitStack, archive: zipfile.ZipFile, array: _Array, length: int) -> Iterator[Samples]:
    """Blocks of an array: from one place where columns lie behind each other, else from as many places as rows."""
    rows, count = array.shape
    size = array.dtype.itemsize
    starts = [array.offset] if array.by_column else [array.offset + row * count * size for row in range(rows)]
    files = [stack.enter_context(archive.open(f"{array.name}.npy")) for _ in starts]
    for file, start in zip(files, starts, strict=True):
        file.seek(start)
    for first in range(0, count, length):
        columns = min(length, count - first)
        raw = b"".join(_exactly(file, columns * size * rows // len(files)) for file in files)
        flat = np.frombuffer(raw, array.dtype).astype(np.float64)
        yield flat.reshape(columns, rows).T if array.by_column else flat.reshape(rows, columns)


def _exactly(file: IO[bytes], size: int) -> bytes:
    raw = file.read(size)
    if len(raw) != size:
        raise EOFError(f"{len(raw)} bytes where {size} should be")
    return raw
