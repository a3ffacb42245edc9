"""Leases: a setpoint is (value, valid until, fallback), renewed before half its time is over.

A device with a reversion timer is given `valid_s` of its own; when nobody renews it, it falls into its fallback alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """What a device was last told and confirmed. `value_w` is a power (follower) or a production limit (producer)."""

    value_w: float
    written_s: float
    valid_until_s: float

    def lapsed(self, now_s: float) -> bool:
        """Whether the device has fallen back by itself by now."""
        return now_s >= self.valid_until_s


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """How long a lease lasts in the device, and the change below which a write is not worth its wear."""

    valid_s: float
    deadband_w: float

    def __post_init__(self) -> None:
        if self.valid_s <= 0 or self.deadband_w < 0:
            raise ValueError(
                f"lease of {self.valid_s} s, dead band {self.deadband_w} W: must be above 0 s, not below 0 W"
            )


def due(policy: LeasePolicy, held: Lease | None, want_w: float | None, now_s: float) -> bool:
    """Whether the device must be written now: a change, a renewal, a lapse, or a release (`want_w` None) of a lease."""
    if want_w is None:
        return held is not None
    if held is None or held.lapsed(now_s):
        return True
    # Strictly before half time: a cycle that comes late must still find the device holding its lease.
    renew_s = held.written_s + 0.45 * (held.valid_until_s - held.written_s)
    return now_s >= renew_s or abs(want_w - held.value_w) > policy.deadband_w
