"""One poller per device: probe, read at absolute deadlines, judge the values, keep the health."""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import msgspec

from controller.health import DeviceHealth, Health, answered, missed, retry_after_s
from protocols.faults import Fault
from protocols.ports import Clock, Meter, Nameplate
from protocols.priority import Priority, asking
from protocols.quantities import QUANTITIES, beyond_belief
from protocols.readings import Aged, Measurement, Quality, Reading

_log = logging.getLogger("busbar.device")
_VOLTAGES: Final = tuple(name for name in QUANTITIES if name.startswith("voltage_"))


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told of a reading, of a change of a device's health, and of what probing has found."""

    reading: Callable[[Reading], None]
    health: Callable[[str, DeviceHealth], None]
    probed: Callable[[str, Nameplate], None]


class Poller:
    """Keeps the newest reading, the nameplate and the health of one device.

    A meter whose values all stand still for `frozen_after_s` (None: may stand still) answers without measuring, and so
    does a device that sees no voltage, unless it `sleeps`.
    """

    def __init__(
        self,
        name: str,
        device: Meter,
        clock: Clock,
        period_s: float,
        listeners: Listeners,
        frozen_after_s: float | None = None,
        *,
        sleeps: bool = False,
    ) -> None:
        self.name = name
        self.health = DeviceHealth()
        self.nameplate: Nameplate | None = None
        self.latest: Reading | None = None
        self._device, self._clock, self._period_s, self._listeners = device, clock, period_s, listeners
        self._frozen_after_s, self._sleeps = frozen_after_s, sleeps
        self._seen: Measurement = {}
        self._seen_s = 0.0
        self._seq = 0

    def reverts_by_itself(self) -> bool:
        """Whether the device is known to fall back when nobody renews what it was told."""
        ratings = None if self.nameplate is None else self.nameplate.ratings
        return ratings is not None and ratings.reverts_by_itself

    async def run(self) -> None:
        """Poll for ever; a dead device is asked less and less often and costs the others nothing."""
        next_s = self._clock.now_s()
        while True:
            await self._poll()
            pause_s = retry_after_s(self.health, self._period_s)
            # Absolute deadlines do not drift; one that has passed is dropped, not caught up with.
            next_s = max(next_s + pause_s, self._clock.now_s())
            await asyncio.sleep(next_s - self._clock.now_s())

    async def _poll(self) -> None:
        try:
            if self.nameplate is None or self.health.state is Health.OFFLINE:
                with asking(Priority.SLOW):
                    self.nameplate = await self._device.probe()
                self._listeners.probed(self.name, self.nameplate)
            asked_s = self._clock.now_s()
            values = await self._device.read()
        except Fault as fault:
            self._change(missed(self.health, str(fault)))
            return
        self._seq += 1
        now_s = self._clock.now_s()
        times_s = (now_s - values.age_s if isinstance(values, Aged) else asked_s, now_s)
        reading = judged(self.name, self._seq, times_s, values, self.nameplate.serial, sleeps=self._sleeps)
        self.latest = self._dated(reading)
        self._change(answered(self.health))
        self._listeners.reading(self.latest)

    def _dated(self, reading: Reading) -> Reading:
        """The reading with the age of its values: one in which nothing moves is as old as the first one alike."""
        if reading.values != self._seen:
            self._seen, self._seen_s = reading.values, reading.measured_s
        if self._frozen_after_s is None or reading.measured_s - self._seen_s <= self._frozen_after_s:
            return reading
        return msgspec.structs.replace(reading, measured_s=self._seen_s, quality=Quality.STALE)

    def _change(self, health: DeviceHealth) -> None:
        changed = health.state is not self.health.state
        self.health = health
        if changed:
            level = logging.INFO if health.state is Health.ONLINE else logging.WARNING
            _log.log(level, "%s is %s: %s", self.name, health.state, health.why)
            self._listeners.health(self.name, health)


def judged(
    device: str,
    seq: int,
    times_s: tuple[float, float],
    values: Measurement,
    serial: str = "",
    *,
    sleeps: bool = False,
) -> Reading:
    """A reading whose unbelievable values are taken out, all of them where it is none; `times_s` is (asked, answered).

    `sleeps`: the device may see no voltage and yet tell the truth.
    """
    doubtful: Collection[str] = beyond_belief(values)
    if _too_many(doubtful, values) or (not sleeps and _sees_no_voltage(values)):
        doubtful = values
    if not doubtful:
        return Reading(device, seq, *times_s, values, Quality.GOOD, serial)
    return Reading(device, seq, *times_s, {**values, **dict.fromkeys(doubtful)}, Quality.SUSPECT, serial)


def _too_many(doubtful: Collection[str], values: Measurement) -> bool:
    """Two, and more than a third: words are swapped, and what is believable among them is so by chance."""
    return len(doubtful) >= 2 and 3 * len(doubtful) > sum(value not in (None, 0.0) for value in values.values())


def _sees_no_voltage(values: Measurement) -> bool:
    """It answers, so it has power: it has only just started and not measured yet (home-assistant-solaredge-modbus#127)."""
    volts = [value for name in _VOLTAGES if (value := values.get(name)) is not None]
    return len(volts) > 0 and not any(volts)
