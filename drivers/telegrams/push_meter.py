"""A meter that talks by itself, as a meter that is read: the newest telegram, with its age."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from drivers.telegrams.stream import Stream
from protocols.faults import BadReply, Fault, LinkDown, NoReply
from protocols.ports import Nameplate
from protocols.readings import Aged
from protocols.telegrams import Rejected, Telegram, TelegramReader, looks_like

# One telegram may be lost to noise, two to a busy machine; with three there is something to say.
_PERIODS: Final = 3
# How long the longest telegrams are on the wire: 700 bytes of DLMS at 2400 Bd. Older bytes are not of this telegram.
_ON_THE_WIRE_MOST_S: Final = 5.0
# Enough to hold the begin of whatever else may come down the line.
_REMEMBERED: Final = 2048


@dataclass(frozen=True, slots=True)
class Heard:
    """What came in since the last telegram that was believed."""

    size: int = 0
    rejected: int = 0
    why: str = ""
    last: bytes = b""


class PushMeter:
    """Implements `protocols.ports.Meter` on a stream; each telegram is given out once, as old as its first byte.

    `period_s`: how often such meters talk. When nothing was believed for three periods, `read` says why: LinkDown (no
    line), NoReply (not a byte) or BadReply (bytes, and what was wrong with them). Another serial number than the one
    that was probed is a BadReply: somebody swapped a cable, or the meter; `probe` takes the new one.
    """

    def __init__(self, stream: Stream, reader: TelegramReader, *, kind: str, period_s: float) -> None:
        self._stream, self._reader, self._kind = stream, reader, kind
        self._patience_s = _PERIODS * period_s
        self._newest: Telegram | None = None
        self._begun_s = 0.0  # when the first byte of the newest telegram came, on the loop's clock
        self._unread = False
        self._down = ""  # why there is no line
        self._heard = Heard()
        self._since_s: float | None = None  # when the first byte came that belongs to no telegram yet
        self._quiet_from_s: float | None = None
        self._changed = asyncio.Event()
        self._serial: str | None = None

    async def probe(self) -> Nameplate:
        """Wait for a telegram, and say who sent it."""
        self._serial = None
        telegram = await self._telegram()
        self._serial = telegram.serial
        lacks = () if telegram.serial else ("serial number",)
        return Nameplate(telegram.maker, telegram.model, telegram.serial, lacks=lacks)

    async def read(self) -> Aged:
        """The newest telegram that was not given out before; waits for it."""
        telegram = await self._telegram()
        self._unread = False
        if self._serial is not None and telegram.serial != self._serial:
            raise BadReply(
                f"{self._stream.name}: meter {telegram.serial or 'without a number'} talks, it was"
                f" {self._serial or 'one without a number'}: was a cable swapped?"
            )
        return Aged(telegram.values, _now_s() - self._begun_s)

    async def _telegram(self) -> Telegram:
        """The newest telegram, once there is one that nobody has read; a Fault when none came for too long."""
        self._stream.listen(self._on_bytes, self._on_link)
        now_s = _now_s()
        self._quiet_from_s = now_s if self._quiet_from_s is None else self._quiet_from_s
        # Whoever asks a meter that was silent all along hears so soon, but not at once.
        deadline_s = max(self._quiet_from_s + self._patience_s, now_s + self._patience_s / _PERIODS)
        try:
            async with asyncio.timeout_at(deadline_s):
                while self._newest is None or not self._unread:
                    if self._down:
                        raise LinkDown(f"{self._stream.name}: {self._down}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise self._silence() from None
        return self._newest

    def _silence(self) -> Fault:
        """Why nothing was believed, for the message of a read that waited in vain."""
        name, heard = self._stream.name, self._heard
        if heard.rejected:
            return BadReply(f"{name}: {heard.rejected} {self._kind} telegrams refused, the last: {heard.why}")
        if heard.size:
            return BadReply(f"{name}: {heard.size} bytes and no {self._kind} telegram; {looks_like(heard.last)}")
        self._stream.renew()
        return NoReply(f"{name}: no {self._kind} telegram within {self._patience_s:g} s, not a byte came")

    def _on_link(self, why: str) -> None:
        self._down = why
        self._changed.set()

    def _on_bytes(self, data: bytes) -> None:
        now_s = _now_s()
        self._since_s = now_s if self._since_s is None else max(self._since_s, now_s - _ON_THE_WIRE_MOST_S)
        last = (self._heard.last + data)[-_REMEMBERED:]
        self._heard = replace(self._heard, size=self._heard.size + len(data), last=last)
        for event in self._reader.feed(data):
            match event:
                case Telegram():
                    self._take(event, now_s)
                case Rejected(why):
                    self._since_s = None
                    self._heard = replace(self._heard, rejected=self._heard.rejected + 1, why=why)

    def _take(self, telegram: Telegram, now_s: float) -> None:
        self._newest, self._unread = telegram, True
        self._begun_s = now_s if self._since_s is None else self._since_s
        self._since_s, self._quiet_from_s, self._heard = None, now_s, Heard()
        self._changed.set()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
