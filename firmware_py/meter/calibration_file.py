"""The calibration on disk: every set of constants there ever was, the newest in force; replaced whole or not at all."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from firmware_py.meter.calibration import Calibration, Constants, Reference
from protocols.contracts import utc_text
from protocols.faults import StoreFailed
from protocols.samples import CHANNELS

_VERSION: Final = 1


class CalibrationSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One calibration: when, by whom, against what, and the constants of all channels."""

    at: str
    by: str
    against: dict[str, float]
    channels: dict[str, Constants]


class _History(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    sets: list[CalibrationSet]


def load_calibration(path: Path) -> list[CalibrationSet]:
    """All sets, oldest first; none where there is no file. StoreFailed for a file that is no calibration."""
    try:
        history = msgspec.json.decode(path.read_bytes(), type=_History)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise StoreFailed(f"{path}: no calibration can be read: {error}") from error
    if history.version != _VERSION:
        raise StoreFailed(f"{path}: version {history.version}: {_VERSION} is allowed")
    for each in history.sets:
        if unknown := sorted(set(each.channels) - set(CHANNELS)):
            raise StoreFailed(f"{path}: channel {unknown[0]}: allowed are {', '.join(CHANNELS)}")
    return history.sets


def in_force(sets: list[CalibrationSet]) -> Calibration:
    """The newest constants; none: every channel as it comes."""
    return sets[-1].channels if sets else {}


def new_set(at: datetime, by: str, reference: Reference, channels: Mapping[str, Constants]) -> CalibrationSet:
    """A set with what it was calibrated against."""
    against = {f"{name}_rms": value for name, value in reference.rms.items()}
    against |= {f"{name}_lag_deg": value for name, value in reference.lag_deg.items()}
    if reference.frequency_hz is not None:
        against["frequency_hz"] = reference.frequency_hz
    return CalibrationSet(utc_text(at), by, against, dict(channels))


def store_calibration(path: Path, sets: list[CalibrationSet]) -> None:
    """Write all sets, so that after a power cut there is the old file or the new one; StoreFailed where that is not possible."""
    body = msgspec.json.format(msgspec.json.encode(_History(_VERSION, sets)), indent=1)
    beside = path.with_name(f"{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreFailed(f"{path}: the calibration cannot be stored: {error.strerror}") from error
