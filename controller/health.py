"""Health of one device: a small state machine that says when it changed, not each time it fails."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Health(StrEnum):
    """`unknown` until first heard of; `suspect` has missed a poll; `offline` has missed so many that nobody counts on it."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    SUSPECT = "suspect"
    OFFLINE = "offline"


# Three missed polls: one is a collision on the line, two a restart of a gateway, three is an absence.
OFFLINE_AFTER: Final = 3


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """Where a device stands, how many polls it missed in a row, and the last reason."""

    state: Health = Health.UNKNOWN
    missed: int = 0
    why: str = "not asked yet"


def answered(health: DeviceHealth) -> DeviceHealth:
    """The device gave a good answer."""
    if health.state is Health.ONLINE and health.missed == 0:
        return health
    return DeviceHealth(Health.ONLINE, 0, "answers")


def missed(health: DeviceHealth, why: str) -> DeviceHealth:
    """The device missed a poll for this reason."""
    count = health.missed + 1
    heard_of = health.state in (Health.ONLINE, Health.SUSPECT)
    state = Health.SUSPECT if heard_of and count < OFFLINE_AFTER else Health.OFFLINE
    return replace(health, state=state, missed=count, why=why)


def retry_after_s(health: DeviceHealth, period_s: float, most_s: float = 60.0) -> float:
    """When to ask again: at the period while it is there, then twice as late each time, up to `most_s`."""
    if health.missed < OFFLINE_AFTER:
        return period_s
    # The exponent is bounded so that a device dead for a year cannot overflow a float.
    return min(period_s * 2.0 ** min(health.missed - OFFLINE_AFTER + 1, 16), max(most_s, period_s))
