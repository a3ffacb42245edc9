"""A reading: what one device measured, when, and how far to trust it."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

# Quantity name (protocols.quantities) to value; None where the device says "not available". Zero is an answer.
Measurement = Mapping[str, float | None]


class Aged(dict[str, float | None]):
    """A measurement by a device that talks by itself: it was taken `age_s` seconds before it was asked for."""

    def __init__(self, values: Measurement, age_s: float) -> None:
        super().__init__(values)
        self.age_s = age_s


class Quality(StrEnum):
    """How far a reading may be trusted."""

    GOOD = "good"
    SUSPECT = "suspect"  # at least one value was outside its bounds and was taken out (None)
    STALE = "stale"  # the device answers with values that stand still; dated when they were first seen


class Reading(msgspec.Struct, frozen=True):
    """One poll of one device.

    `measured_s` is the monotonic time at which the first request of the poll left (the values are at least that young),
    or at which a telegram that nobody asked for began to come; `received_s` the time at which the last answer was in. `seq` rises by one with each reading of a device.
    `serial` is the serial number of the unit that measured, empty where it tells none.
    """

    device: str
    seq: int
    measured_s: float
    received_s: float
    values: Measurement
    quality: Quality
    serial: str = ""

    def age_s(self, now_s: float) -> float:
        """Seconds since the values were measured."""
        return now_s - self.measured_s

    def value(self, name: str) -> float | None:
        """The value of a quantity; None where the device did not report it."""
        return self.values.get(name)
