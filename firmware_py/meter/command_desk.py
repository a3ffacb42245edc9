"""Takes in signed commands: who may send them, each once, and what became of them, on the ack topic and in the log.

The number of a command is on disk before the command is carried out, so that no power cut lets it be carried out twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from controller.meter_orders import WITHOUT_NUMBER, judge
from firmware_py.home.contracts import EARLIEST, STRANGER_EACH_S, STRANGERS, Trust
from firmware_py.home.flood import Flood
from firmware_py.home.outbox import Outbox
from firmware_py.home.report import clock_status
from firmware_py.meter.logbook import Logbook
from protocols.contracts import utc_text
from protocols.evidence import COMMAND
from protocols.faults import Fault, Refused, StoreFailed
from protocols.messages import encode
from protocols.meter_commands import Command, CommandEvent, CommandState, name_of, parse_command
from protocols.ports import Clock, Journal, Message
from protocols.signing import METER_COMMAND, open_signed

_KEY: Final = "commands"
_log = logging.getLogger("busbar.meter.command")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What carrying a command out came to: a sentence, the disconnect control, and what the relay says."""

    why: str = ""
    control: str = ""
    connected: bool | None = None


class CommandDesk:
    """One meter's; `carry_out` does it, and raises Refused where it cannot be, another Fault where it was tried in vain."""

    def __init__(
        self,
        meter: str,
        trust: Trust,
        clock: Clock,
        journal: Journal,
        outbox: Outbox,
        logbook: Logbook,
        carry_out: Callable[[Command], Awaitable[Outcome]],
    ) -> None:
        self._meter, self._trust, self._clock, self._journal = meter, trust, clock, journal
        self._outbox, self._logbook, self._carry_out = outbox, logbook, carry_out
        self._last_seq: dict[str, int] = {}
        self._strangers = Flood(STRANGERS, STRANGER_EACH_S)
        self._one = asyncio.Lock()

    async def recall(self) -> None:
        """The numbers that are used up."""
        raw = await self._journal.kept(_KEY)
        if raw is not None:
            self._last_seq = msgspec.json.decode(raw, type=dict[str, int])

    async def receive(self, message: Message) -> None:
        """Take in a message of `command/in`. Every refusal is said, none escapes."""
        command = signed = None
        try:
            if message.retained:
                raise Refused("retained", "message was retained by the broker: a retained command is an immortal one")
            signed = open_signed(message.payload, self._trust.keys, METER_COMMAND)
            command = parse_command(signed.payload)
            async with self._one:
                await self._admit(command, self._trust.issuers[signed.key_id])
                self._say(command, CommandState.RECEIVED, Outcome(f"from {command.iss}, sequence {command.seq}"))
                outcome = await self._carry_out(command)
        except Refused as refused:
            self._refuse(refused, command, is_stranger=signed is None)
        except Fault as fault:
            assert command is not None
            reason = type(fault).__name__
            self._note("command_failed", command, str(fault))
            self._say(command, CommandState.FAILED, Outcome(str(fault)), reason)
        else:
            self._note("command_done", command, outcome.why)
            self._say(command, CommandState.DONE, outcome)

    async def _admit(self, command: Command, issuer: str) -> None:
        utc = self._clock.utc()
        if utc < EARLIEST:
            raise Refused("clock", f"the wall clock says {utc}: no age can be judged before it is set")
        refusal = judge(command, issuer, self._meter, self._last_seq.get(issuer, 0), utc)
        if refusal is None or refusal.reason not in WITHOUT_NUMBER:
            await self._use_up(issuer, command.seq)
        if refusal is not None:
            raise Refused(refusal.reason, refusal.why)

    async def _use_up(self, issuer: str, seq: int) -> None:
        used = {**self._last_seq, issuer: seq}
        try:
            await self._journal.keep(_KEY, msgspec.json.encode(used))
        except StoreFailed as fault:
            raise Refused("store", f"not carried out, because its number could not be kept: {fault}") from fault
        self._last_seq = used

    def _refuse(self, refused: Refused, command: Command | None, *, is_stranger: bool) -> None:
        """Log and say a refusal; of those that anybody could have sent only so many, or they would fill disk and log."""
        why = str(refused)
        if is_stranger:
            held = self._strangers.passes(self._clock.now_s())
            if held is None:
                return
            why += f" (and {held} before it, not recorded)" if held else ""
        _log.warning("command refused: %s", why)
        self._note("command_refused", command, why, refused.reason)
        self._say(command, CommandState.REFUSED, Outcome(why), refused.reason)

    def _note(self, event: str, command: Command | None, why: str, reason: str = "") -> None:
        told = {} if command is None else {"command": command.id, "do": name_of(command), "issuer": command.iss}
        self._logbook.note(event, why, **told, **({"reason": reason} if reason else {}))

    def _say(self, command: Command | None, state: CommandState, outcome: Outcome, reason: str = "") -> None:
        event = CommandEvent(
            command=None if command is None else command.id,
            do="" if command is None else name_of(command),
            state=state,
            at=utc_text(self._clock.utc()),
            clock=clock_status(self._clock),
            reason=reason,
            why=outcome.why,
            control=outcome.control,
            connected=outcome.connected,
        )
        self._outbox.record(COMMAND, encode(event))
