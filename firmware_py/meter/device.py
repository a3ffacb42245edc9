"""What a meter is besides measuring: its log, its clock, its contacts, its relay, and what it is told from outside."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from firmware_py.meter.command_desk import CommandDesk
from firmware_py.meter.contacts import BUTTON, SUPPLY, ContactWatch
from firmware_py.meter.discipline import Discipline
from firmware_py.meter.disconnector import Disconnector
from firmware_py.meter.keeper import Keeper
from firmware_py.meter.logbook import Logbook
from firmware_py.meter.measure import Window
from firmware_py.meter.orders import Orders
from firmware_py.meter.self_test import Check, InputSeen, SelfTest, summary
from firmware_py.meter.signed_readings import SignedReadings
from protocols.contracts import utc_text
from protocols.faults import Fault, StoreFailed
from protocols.ports import Clock, Journal, Uplink

STOP: Final = "stop"
_CONFIGURATION: Final = "configuration"
# Long enough for the converter's rate to be known.
TESTED_AFTER_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class DeviceParts:
    """What the composition root hands over. `configuration`: the fingerprint of each part that matters, by name."""

    clock: Clock
    journal: Journal
    keeper: Keeper
    logbook: Logbook
    discipline: Discipline
    disconnector: Disconnector
    orders: Orders
    desk: CommandDesk
    input: InputSeen
    self_test: SelfTest
    configuration: Mapping[str, str]
    firmware: str
    signed: SignedReadings | None = None


class Device:
    """Hears of each window and tells of everything else by itself."""

    def __init__(self, parts: DeviceParts) -> None:
        self.parts = parts
        self.contacts: ContactWatch | None = None
        self._status = parts.discipline.status

    @property
    def is_tampered(self) -> bool:
        """Whether somebody is at the meter, as far as its contacts say."""
        return self.contacts is not None and self.contacts.is_tampered

    async def recall(self) -> None:
        """Take up the earlier life: what it was, whether it ended in order, what has changed since."""
        parts = self.parts
        await parts.logbook.recall()
        last = parts.logbook.last
        parts.logbook.note("start", f"firmware {parts.firmware}", firmware=parts.firmware)
        if last is not None and last.event != STOP:
            parts.logbook.note(
                "power_restored", f"the meter did not stop in order; its last entry: {last.event} at {last.at}"
            )
        if parts.logbook.trouble is not None:
            parts.logbook.note("log_damaged", parts.logbook.trouble)
        await self._compare()
        if self.contacts is not None:
            await self.contacts.recall()
        await parts.disconnector.recall()
        await parts.orders.recall()
        await parts.desk.recall()

    def runs(self, uplink: Uplink, event_topic: str) -> list[Coroutine[None, None, None]]:
        """What goes on for as long as the meter does."""
        parts = self.parts
        found = [
            parts.logbook.run(),
            parts.logbook.publish(uplink, event_topic),
            parts.disconnector.run(),
            self._tested(),
        ]
        return found if self.contacts is None else [*found, self.contacts.run()]

    async def window(self, window: Window) -> None:
        """A window was measured."""
        now_s = self.parts.clock.now_s()
        self.parts.input.window(window, now_s)
        self._look_at_clock()
        await self.parts.disconnector.measured(window.values.get("power_w"))

    async def ended(self) -> None:
        """The last entry; StoreFailed."""
        self.parts.logbook.note(STOP)
        await self.parts.logbook.flush()

    async def test_itself(self) -> list[Check]:
        """Run the self-test and log what it found."""
        checks = await self.parts.self_test.run()
        is_good = all(check.is_good for check in checks)
        said: dict[str, str] = {check.name: check.said for check in checks}
        self.parts.logbook.note("self_test", summary(checks), passed=is_good, **said)
        return checks

    async def acted(self, name: str, closed: bool) -> None:
        """A contact has changed: what the meter does about it."""
        if name == SUPPLY and not closed:
            for last in (self.parts.keeper.save, self.parts.logbook.flush):
                try:
                    await last()
                except Fault as fault:
                    self.parts.logbook.note("not_saved", str(fault))
        if name == BUTTON:
            await self._pressed()

    async def _pressed(self) -> None:
        trigger = self.parts.disconnector.pressed()
        if trigger is None:
            self.parts.logbook.note("button_pressed", f"nothing to do while {self.parts.disconnector.control}")
            return
        try:
            await self.parts.disconnector.pull(trigger, "button pressed")
        except Fault as fault:
            self.parts.logbook.note("button_failed", str(fault))

    async def _tested(self) -> None:
        await asyncio.sleep(TESTED_AFTER_S)
        await self.test_itself()

    async def _compare(self) -> None:
        """Whether what matters is as it was when the meter was last alive."""
        now = dict(self.parts.configuration)
        raw = await self.parts.journal.kept(_CONFIGURATION)
        before = None if raw is None else msgspec.json.decode(raw, type=dict[str, str])
        if now == before:
            return
        if before is not None:
            changed = sorted(name for name in {*now, *before} if now.get(name) != before.get(name))
            told = {name: f"{before.get(name, 'none')[:12]} -> {now.get(name, 'none')[:12]}" for name in changed}
            self.parts.logbook.note("configuration_changed", ", ".join(changed), **told)
        try:
            await self.parts.journal.keep(_CONFIGURATION, msgspec.json.encode(now))
        except StoreFailed as fault:  # a full disk does not keep a meter from measuring; the change is told again then
            self.parts.logbook.note("not_saved", str(fault))

    def _look_at_clock(self) -> None:
        found = self.parts.discipline.look()
        if found is not None:
            old, new = utc_text(found.old), utc_text(found.new)
            self.parts.logbook.note("clock_set", f"by {found.by_s:+.3f} s", old=old, new=new, by_s=found.by_s)
        status = self.parts.discipline.status
        if status is not self._status:
            self.parts.logbook.note("clock_status", f"{self._status} to {status}")
        self._status = status
