"""A leased control of a SunSpec device: a value, how long it holds, and what holds afterwards without us.

Order of the writes: first the reversion (what follows and when), then the value, then the enable flag. A device that
loses us in between is left with its old value or already under the timer, never with a new value for ever. The model
files do not say which of the writes starts the timer anew, so all of them are made at each renewal, and the remaining
time is checked where the device shows it.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from drivers.sunspec.discovery import Device
from drivers.sunspec.models import DER_CONTROLS, IMMEDIATE_CONTROLS
from drivers.sunspec.points import Kind, Model, Snapshot, changes, scaled
from protocols.faults import NotApplied, Unsupported

# Timers count whole seconds and some devices refresh the register only now and then.
TIMER_SLACK_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Control:
    """The points of one control. Without `revert_value` the device falls back to "not controlled" only."""

    model: Model
    enable: str
    value: str
    revert_time: str
    revert_value: str | None = None
    revert_enable: str | None = None
    remaining: str | None = None
    fixed: Mapping[str, int] = field(default_factory=dict)  # written along with the value

    @property
    def points(self) -> tuple[str, ...]:
        """Everything to be read back."""
        optional = (self.revert_value, self.revert_enable, self.remaining)
        return (self.enable, self.value, self.revert_time, *filter(None, optional), *self.fixed)


LIMIT_704: Final = Control(
    DER_CONTROLS,
    "WMaxLimPctEna",
    "WMaxLimPct",
    "WMaxLimPctRvrtTms",
    "WMaxLimPctRvrt",
    "WMaxLimPctEnaRvrt",
    "WMaxLimPctRvrtRem",
)
LIMIT_123: Final = Control(IMMEDIATE_CONTROLS, "WMaxLim_Ena", "WMaxLimPct", "WMaxLimPct_RvrtTms")
POWER_704: Final = Control(
    DER_CONTROLS,
    "WSetEna",
    "WSet",
    "WSetRvrtTms",
    "WSetRvrt",
    "WSetEnaRvrt",
    "WSetRvrtRem",
    fixed={"WSetMod": 1},  # watts, not percent
)


@dataclass(frozen=True, slots=True)
class Lease:
    """A value in the control's unit, the seconds it holds, the value afterwards (None: not controlled)."""

    value: float
    valid_s: float
    fallback: float | None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.valid_s) and self.valid_s > 0):
            raise ValueError(f"a lease of {self.valid_s} s; allowed is more than 0")


class LeasedControl:
    """One control of one device."""

    def __init__(self, device: Device, control: Control) -> None:
        self._device = device
        self._control, self._points = control, control.points

    @property
    def model(self) -> Model:
        """The model the control belongs to."""
        return self._control.model

    async def look(self) -> Snapshot:
        """The control's registers as they are now."""
        return await self._device.snapshot(self._control.model, self._points)

    async def lacks(self, fallback: float | None) -> tuple[str, ...]:
        """Which of its points the device has not implemented, as `704.WSetRvrtTms`; of those this fallback needs."""
        snapshot, control = await self.look(), self._control
        needed = [control.enable, control.revert_time]
        if fallback is not None:
            needed += filter(None, (control.revert_value, control.revert_enable))
        missing = [name for name in needed if snapshot.raw(name) is None]
        if fallback is not None and control.revert_value is None:
            missing.append("reversion value")
        return tuple(f"{control.model.number}.{name}" for name in missing)

    async def grant(self, lease: Lease) -> None:
        """Program reversion, value and enable flag, and read all of it back."""
        control, now = self._control, await self.look()
        wanted = self._reversion(now, lease)
        wanted |= {**control.fixed, control.value: self._raw(now, control.value, lease.value)}
        wanted[control.enable] = 1
        started_s = _now_s()
        await self._write(wanted)
        after = await self._verify(wanted)
        self._check_timer(after, wanted.get(control.revert_time), _now_s() - started_s)

    async def lift(self) -> None:
        """Disable the control, then stop its timer, so that no old fallback comes into force later."""
        now, wanted = await self.look(), {self._control.enable: 0}
        if now.raw(self._control.revert_time) is not None:
            wanted[self._control.revert_time] = 0
        await self._write(wanted)
        await self._verify(wanted)

    def _reversion(self, now: Snapshot, lease: Lease) -> dict[str, int]:
        control, wanted = self._control, dict[str, int]()
        if now.raw(control.revert_time) is None:
            return wanted
        if control.revert_value and lease.fallback is not None:
            wanted[control.revert_value] = self._raw(now, control.revert_value, lease.fallback)
        if control.revert_enable:
            wanted[control.revert_enable] = int(lease.fallback is not None)
        wanted[control.revert_time] = _whole_seconds(lease.valid_s, control.model.points[control.revert_time].kind)
        return wanted

    def _raw(self, now: Snapshot, name: str, value: float) -> int:
        """The number for a value, rounded towards zero: never more power than was asked for."""
        exponent = now.exponent(name)
        if exponent is None:
            raise Unsupported(f"model {self._control.model.number}: {name} has no scale factor")
        steps = scaled(value, -exponent)
        return math.trunc(steps + math.copysign(1e-9, steps))  # 49.99999999999999 is 50

    async def _write(self, wanted: Mapping[str, int]) -> None:
        for offset, words in changes(self._control.model, wanted):
            await self._device.write(self._control.model, offset, words)

    async def _verify(self, wanted: Mapping[str, int]) -> Snapshot:
        after = await self.look()
        for name, number in wanted.items():
            if after.raw(name) != number:
                raise NotApplied(f"model {self._control.model.number} {name}: wrote {number}, reads {after.raw(name)}")
        return after

    def _check_timer(self, after: Snapshot, programmed: int | None, elapsed_s: float) -> None:
        left = after.raw(self._control.remaining) if self._control.remaining else None
        if programmed is None or left is None:
            return
        if left < programmed - elapsed_s - TIMER_SLACK_S:
            name = f"model {self._control.model.number} {self._control.remaining}"
            raise NotApplied(f"{name}: the timer was not started anew, wrote {programmed} s, {left} s remain")


def _whole_seconds(valid_s: float, kind: Kind) -> int:
    """Rounded down, for a lease must not outlive the one above it; never 0, which would mean "no reversion"."""
    most = 0xFFFE if kind is Kind.UINT16 else 0xFFFFFFFE
    return max(1, min(int(valid_s), most))


def _now_s() -> float:
    return asyncio.get_running_loop().time()
