"""Recordings as COMTRADE files: a .cfg with its .dat, or one .cff; ASCII, BINARY, BINARY32, FLOAT32 (IEEE C37.111-1991 to 2013).

python-comtrade reads them; looked after here is what it lets through: a file that was cut (it fills up with zeros), gaps
in the numbering, several sample rates, and which analogue channels are which.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import comtrade
import numpy as np

from firmware_py.meter.inputs.recording import BadRecording, Recording, in_blocks
from protocols.samples import CHANNELS, Samples

# What the library raises on a file that is none.
_BROKEN: Final = (
    comtrade.ComtradeError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    UnboundLocalError,
    ValueError,
    struct.error,
)
_PHASES: Final = {
    **dict.fromkeys(("a", "r", "l1", "1", "u", "an"), 0),
    **dict.fromkeys(("b", "s", "y", "l2", "2", "v", "bn"), 1),
    **dict.fromkeys(("c", "t", "l3", "3", "w", "cn"), 2),
    **dict.fromkeys(("n", "0", "g"), 3),
}
_UNITS: Final = {"v": 1.0, "kv": 1e3, "mv": 1e-3, "a": 1.0, "ka": 1e3, "ma": 1e-3}
# Half of this library's memory for 10 minutes of 7 channels at 25.6 kHz.
VALUES_MOST: Final = 250_000_000


def open_comtrade(path: Path, channels: Sequence[str] | None = None) -> Recording:
    """Read the whole file; `channels` are names or numbers (from 1) in the order u1 u2 u3 i1 i2 i3 (in).

    Without them the channels are told by unit and phase. Secondary values become primary ones.
    """
    _bounded(path)
    try:
        record = comtrade.Comtrade(ignore_warnings=True, use_numpy_arrays=True, use_double_precision=True)
        record.load(str(path))
    except UnicodeDecodeError as error:
        raise BadRecording(f"{path}: no COMTRADE file: text is needed where there is {error.object[:20]!r}") from error
    except FileNotFoundError as error:
        raise BadRecording(f"{path}: {error.filename} is missing; a .cfg needs its .dat") from error
    except _BROKEN as error:
        raise BadRecording(f"{path}: no whole COMTRADE file: {error}") from error
    fs_hz = _rate(path, record)
    taken = _taken(path, record.cfg.analog_channels, channels)
    samples = np.vstack([_values(path, record, row) for row in taken])
    nominal_hz = float(record.cfg.frequency)
    notes = [
        f"{CHANNELS[row]} was sampled {record.cfg.analog_channels[index].skew:g} us late (skew); not corrected"
        for row, index in enumerate(taken)
        if record.cfg.analog_channels[index].skew != 0
    ]
    return Recording(
        path, fs_hz, samples.shape[1], len(taken) - 3, in_blocks(samples), nominal_hz if nominal_hz > 0 else None, notes
    )


def _bounded(path: Path) -> None:
    """The library makes room for what the file announces before it looks whether that is there."""
    with path.open("rb") as file:
        lines = [line.decode("latin-1") for line in islice(_lines(file.read(1 << 20)), 4096)]
    for line in lines:
        words = line.strip().split(",")
        if len(words) == 2 and words[1].strip().isdecimal() and int(words[1]) > VALUES_MOST // 7:
            raise BadRecording(f"{path}: {words[1].strip()} samples: at most {VALUES_MOST // 7} are allowed")


def _lines(raw: bytes) -> Iterator[bytes]:
    return iter(raw.split(b"\n"))


def _rate(path: Path, record: Any) -> float:  # noqa: ANN401 - the library has no types
    """The one sample rate; every sample must be where it belongs."""
    rates = record.cfg.sample_rates
    if len(rates) != 1:
        raise BadRecording(
            f"{path}: {len(rates)} sample rates ({', '.join(f'{r[0]:g}' for r in rates)}): one is allowed"
        )
    time_s = np.asarray(record.time)
    if len(time_s) < 2:
        raise BadRecording(f"{path}: {len(time_s)} samples: at least 2 are needed")
    fs_hz = float(rates[0][0])
    if fs_hz == 0.0:  # only the time stamps say it
        fs_hz = 1.0 / float(np.median(np.diff(time_s))) if np.median(np.diff(time_s)) > 0 else 0.0
    if fs_hz <= 0.0:
        raise BadRecording(f"{path}: sample rate {fs_hz:g} Hz: above 0 is allowed")
    places = (time_s - time_s[0]) * fs_hz
    wrong = np.flatnonzero(np.abs(places - np.arange(len(time_s))) > 0.5)
    if wrong.size:
        first = int(wrong[0])
        what = (
            "the file is cut"
            if not time_s[first:].any()
            else f"{places[first] - first:+.0f} places from where it belongs"
        )
        raise BadRecording(f"{path}: sample {first + 1} of {len(time_s)}: {what}; all samples in one row are needed")
    return fs_hz


def _taken(path: Path, there: Sequence[Any], named: Sequence[str] | None) -> list[int]:
    """Which analogue channels are the rows."""
    if named is not None:
        if len(named) not in (6, 7):
            raise BadRecording(f"{path}: {len(named)} channels were named: 6 or 7 are needed, {', '.join(CHANNELS)}")
        return [_index(path, there, name, CHANNELS[row]) for row, name in enumerate(named)]
    voltages, currents = (_by_phase(there, unit) for unit in "va")
    voltages = voltages[:3] if len(voltages) == 4 and _phase(there[voltages[3]]) == 3 else voltages
    if len(voltages) != 3 or len(currents) not in (3, 4):
        held = ", ".join(f"{each.name} ({each.uu})" for each in there) or "none"
        raise BadRecording(
            f"{path}: {len(voltages)} voltages and {len(currents)} currents among {held}: 3 and 3 or 4 are needed;"
            " name the channels"
        )
    return voltages + currents


def _index(path: Path, there: Sequence[Any], name: str, channel: str) -> int:
    for index, each in enumerate(there):
        if name == each.name or name == str(index + 1):
            return index
    held = ", ".join(each.name for each in there)
    raise BadRecording(f"{path}: {channel} from channel {name!r}: allowed are {held}, or their numbers")


def _by_phase(there: Sequence[Any], unit: str) -> list[int]:
    """The channels of a unit, by phase where all phases differ, else as they stand."""
    rows = [index for index, each in enumerate(there) if str(each.uu).strip().lower().endswith(unit)]
    phases = [_phase(there[row]) for row in rows]
    if None not in phases and len(set(phases)) == len(phases):
        rows.sort(key=lambda row: _phase(there[row]) or 0)
    return rows


def _phase(channel: Any) -> int | None:  # noqa: ANN401 - the library has no types
    return _PHASES.get(str(channel.ph).strip().lower())


def _values(path: Path, record: Any, index: int) -> Samples:  # noqa: ANN401
    """The values of a channel in V or A, on the primary side."""
    channel = record.cfg.analog_channels[index]
    unit = str(channel.uu).strip().lower()
    if unit not in _UNITS:
        raise BadRecording(f"{path}: {channel.name} is in {channel.uu!r}: allowed are {', '.join(_UNITS)}")
    factor = _UNITS[unit]
    if str(channel.pors).strip().upper() == "S":
        if channel.primary == 0 or channel.secondary == 0:
            raise BadRecording(
                f"{path}: {channel.name}: ratio {channel.primary:g}/{channel.secondary:g}: not 0 is allowed"
            )
        factor *= channel.primary / channel.secondary
    return np.asarray(record.analog[index], np.float64) * factor
