"""The meter's disconnect control: a relay that follows a durable state, moved by commands, the button and the load limit.

What is wanted is on disk before the relay is told, and the relay is told again every `REFRESH_S`: after a restart, and when
a relay that failed is back, it stands where it should. `connected` is what the relay itself says, never what it was told.
Stopping the meter leaves the relay alone: a restart must not cut a site off, nor connect one that was cut off.
"""

import asyncio
from typing import Final

import msgspec

from controller.disconnect import MODES, Control, Limit, Trigger, Watch, after, supervised
from firmware_py.meter.logbook import Logbook
from firmware_py.meter.tariff import us_of
from protocols.faults import Fault, NotApplied, Refused, StoreFailed
from protocols.ports import Clock, Journal, Relay

_KEY: Final = "disconnect"
REFRESH_S: Final = 20.0
# A board whose relays let go by themselves must hear of it sooner than that.
_VALID_S: Final = 3 * REFRESH_S
# Less than this is no load: what the meter and its wires take themselves.
_LEAK_W: Final = 50.0
_LEAK_AFTER_S: Final = 10.0


class _Kept(msgspec.Struct, frozen=True):
    """On disk. `pulled`: the limit cut it off and may connect again."""

    control: Control
    limit: Limit | None = None
    attempts: int = 0
    pulled: bool = False


class Disconnector:
    """One relay; without one every command is refused and the control stands at connected."""

    def __init__(self, relay: Relay | None, mode: int, clock: Clock, journal: Journal, logbook: Logbook) -> None:
        if mode not in MODES:
            raise ValueError(f"control mode {mode}: allowed are {', '.join(map(str, MODES))}")
        self.control = Control.CONNECTED
        self.limit: Limit | None = None
        self.connected: bool | None = None
        self._relay, self._mode = relay, mode
        self._clock, self._journal, self._logbook = clock, journal, logbook
        self._watch = Watch()
        self._moving = asyncio.Lock()
        self._trouble = ""
        self._leak_since_s: float | None = None

    async def recall(self) -> None:
        """Where it stood in an earlier life; the time to the next attempt of a limit begins anew."""
        raw = await self._journal.kept(_KEY)
        if raw is None or self._relay is None:
            return
        try:
            kept = msgspec.json.decode(raw, type=_Kept)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreFailed(f"the disconnect control on disk cannot be read: {error}; it is left as it is") from error
        self.control, self.limit = kept.control, kept.limit
        self._watch = Watch(pulled_s=self._clock.now_s() if kept.pulled else None, attempts=kept.attempts)

    async def pull(self, trigger: Trigger, why: str) -> None:
        """Move it; Refused (`no_relay`, `mode`) where that cannot be, another Fault where disk or relay fail."""
        async with self._moving:
            self._insist_on_relay()
            if self.control in _MET.get(trigger, ()):
                await self._follow()
                return
            to = after(self.control, trigger, self._mode)
            if to is None:
                text = f"{trigger} while {self.control}: control mode {self._mode} does not have it"
                raise Refused("mode", text)
            await self._go(to, Watch(), trigger, why)

    async def set_limit(self, limit: Limit | None) -> None:
        """Supervise this limit in the place of any before; None lifts it. Refused without a relay or in mode 0."""
        async with self._moving:
            self._insist_on_relay()
            if limit is not None and after(Control.CONNECTED, Trigger.LOCAL_DISCONNECT, self._mode) is None:
                raise Refused("mode", f"a load limit: control mode {self._mode} never disconnects by itself")
            await self._keep(self.control, limit, Watch())
            self.limit, self._watch = limit, Watch()

    async def measured(self, import_w: float | None) -> None:
        """What flows now (import positive, W; None: not known): pulls the limit, and tells of current that should not be."""
        if self._relay is None:
            return
        self._look_for_leak(import_w)
        if self.limit is None:
            return
        if self.limit.until_us is not None and us_of(self._clock.utc()) >= self.limit.until_us:
            await self._ended()
            return
        watch, trigger = supervised(self.limit, self._watch, self._clock.now_s(), import_w, self.control)
        self._watch = watch
        if trigger is not None and (to := after(self.control, trigger, self._mode)) is not None:
            over = "" if import_w is None else f"{import_w:.0f} W are imported, "
            async with self._moving:
                await self._survive(to, watch, trigger, f"{over}{self.limit.import_max_w:g} W are allowed")

    async def run(self) -> None:
        """Hold the relay where it should be, for ever; a relay that fails is said once."""
        while self._relay is not None:
            async with self._moving:
                try:
                    await self._follow()
                except Fault as fault:
                    self._note_trouble(str(fault))
            await asyncio.sleep(REFRESH_S)

    async def _ended(self) -> None:
        """A limit whose time is over binds no more; who was cut off by it has the button."""
        try:
            await self.set_limit(None)
        except StoreFailed as fault:
            self._note_trouble(str(fault))
            return
        self._logbook.note("limit_ended", "its time is over")

    async def _survive(self, to: Control, watch: Watch, trigger: Trigger, why: str) -> None:
        try:
            await self._go(to, watch, trigger, why)
        except Fault as fault:
            self._note_trouble(str(fault))

    async def _go(self, to: Control, watch: Watch, trigger: Trigger, why: str) -> None:
        """First the disk, then the state, then the relay: what could not be promised is not done."""
        await self._keep(to, self.limit, watch)
        before, self.control, self._watch = self.control, to, watch
        self._logbook.note(f"control_{to}", why, by=trigger, before=before)
        await self._follow()

    async def _keep(self, control: Control, limit: Limit | None, watch: Watch) -> None:
        kept = _Kept(control, limit, watch.attempts, watch.pulled_s is not None)
        await self._journal.keep(_KEY, msgspec.json.encode(kept))

    async def _follow(self) -> None:
        """Tell the relay, and believe only what it says."""
        assert self._relay is not None
        self.connected = None
        wanted = self.control is Control.CONNECTED
        await self._relay.switch(wanted, _VALID_S)
        self.connected = await self._relay.is_on()
        if self.connected is not wanted:
            raise NotApplied(f"disconnect relay: told {_word(wanted)}, says {_word(self.connected)}")
        if self._trouble:
            self._logbook.note("relay_good", f"{_word(wanted)} after: {self._trouble}")
        self._trouble = ""

    def _insist_on_relay(self) -> None:
        if self._relay is None:
            raise Refused("no_relay", "this meter has no disconnect relay: [disconnect] is not configured")

    def _note_trouble(self, said: str) -> None:
        if said != self._trouble:
            self._logbook.note("relay_failed", said)
        self._trouble = said

    def _look_for_leak(self, import_w: float | None) -> None:
        """Power behind an open relay is a bridge around it, or a relay that is welded; said once."""
        now_s = self._clock.now_s()
        flows = self.control is not Control.CONNECTED and import_w is not None and abs(import_w) > _LEAK_W
        if not flows:
            self._leak_since_s = None
        elif self._leak_since_s is None:
            self._leak_since_s = now_s
        elif now_s - self._leak_since_s >= _LEAK_AFTER_S:
            self._logbook.note("power_while_disconnected", f"{import_w:.0f} W", control=self.control)
            self._leak_since_s = float("inf")

    def pressed(self) -> Trigger | None:
        """What the button does now; None: nothing."""
        trigger = Trigger.MANUAL_RECONNECT if self.control is Control.READY else Trigger.MANUAL_DISCONNECT
        return trigger if after(self.control, trigger, self._mode) is not None else None


# Who asks for what is already so has it, and the relay is asked once more; ready is all that a remote command may do there.
_MET: Final = {
    Trigger.REMOTE_DISCONNECT: (Control.DISCONNECTED,),
    Trigger.REMOTE_RECONNECT: (Control.CONNECTED, Control.READY),
}


def _word(closed: bool) -> str:
    return "connected" if closed else "disconnected"
