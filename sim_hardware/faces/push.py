"""Meters that talk by themselves: a telegram each period, on a pseudo terminal, a TCP port or into any function.

What the fault words do: drop, half_open, off and a rebooting meter say nothing (off closes a TCP port). delay and late
send telegrams later. garble flips a bit or loses a byte (dsmr-reader#1408). freeze repeats the reading with a clock
that goes on (EVerest#2673). drift, the zeros after a reboot and clock_jump show in the values. exception and word_swap
cannot strike: nobody asks, and there are no registers.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Self

from sim_hardware.devices.push_reading import PushMeter, PushReading
from sim_hardware.faces.answer_path import Pace, flip_bit
from sim_hardware.faces.babbler import Babbler
from sim_hardware.faces.port import Port
from sim_hardware.faces.pty_line import PtyLine
from sim_hardware.faults import SILENT, Faults, Word


class PushStream:
    """Telegrams of one meter through its faults into `send`, one each `period_s` of the loop's time."""

    def __init__(self, meter: PushMeter, faults: Faults, send: Callable[[bytes], None], period_s: float) -> None:
        if period_s <= 0.0:
            raise ValueError(f"period {period_s:g} s: above 0 is allowed")
        self._meter, self._faults, self._send, self._period_s = meter, faults, send, period_s
        self._frozen: PushReading | None = None

    async def run(self) -> None:
        """Send until cancelled, the first telegram after one period."""
        loop, pace = asyncio.get_running_loop(), Pace()
        start_s, number = loop.time(), 0
        forget = self._faults.on_change(self._freeze)
        self._freeze()
        try:
            while True:
                number += 1
                await asyncio.sleep(start_s + number * self._period_s - loop.time())
                telegram = self.telegram()
                if telegram is not None:
                    loop.call_later(pace.wait_s(self._faults), self._send, telegram)
        finally:
            forget()

    def _freeze(self) -> None:
        if not self._faults.is_on(Word.FREEZE):
            self._frozen = None
        elif self._frozen is None:
            self._frozen = self._meter.reading()

    def telegram(self) -> bytes | None:
        """What the meter says now, through its faults; None where it says nothing."""
        faults = self._faults
        if any(faults.strikes(word) for word in SILENT):
            return None
        if faults.is_booting():
            faults.strikes(Word.REBOOT)
            return None
        telegram = self._meter.encode(self._reading())
        return _garbled(telegram, faults) if faults.strikes(Word.GARBLE) else telegram

    def _reading(self) -> PushReading:
        faults, reading = self._faults, self._meter.reading()
        if self._frozen is not None and faults.strikes(Word.FREEZE):
            reading = replace(self._frozen, utc=reading.utc)
        if faults.strikes(Word.DRIFT):
            reading = reading.drifted(faults.drift())
        if faults.is_blank():
            faults.strikes(Word.REBOOT)
            reading = reading.blank()
        if faults.strikes(Word.CLOCK_JUMP):
            reading = replace(reading, utc=reading.utc + timedelta(seconds=faults.argument(Word.CLOCK_JUMP)))
        return reading


def _garbled(telegram: bytes, faults: Faults) -> bytes:
    """One bit turned over or one byte lost; the seed says which."""
    bit = faults.random.randrange(8 * len(telegram))
    if faults.random.random() < 0.5:
        return flip_bit(telegram, bit)
    return telegram[: bit // 8] + telegram[bit // 8 + 1 :]


class _Running:
    """A stream with its task."""

    def __init__(self, stream: PushStream) -> None:
        self._task = asyncio.get_running_loop().create_task(stream.run(), name="push")

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):  # and nothing else: a broken encoder must be seen
            await self._task


class PtyPush:
    """The meter on a serial line of its own."""

    def __init__(self, meter: PushMeter, faults: Faults, *, period_s: float, baud: int) -> None:
        self.faults = faults
        self._meter, self._period_s, self._baud = meter, period_s, baud
        self.path = ""
        self._closed = False

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"serial://{self.path}?baud={self._baud}"

    async def __aenter__(self) -> Self:
        """Make the line and begin to talk."""
        self._line = PtyLine(lambda heard: None)
        self.path = self._line.path
        self._babbler = Babbler(self._line.send, [self.faults])
        self._running = _Running(PushStream(self._meter, self.faults, self._send, self._period_s))
        return self

    def _send(self, telegram: bytes) -> None:
        if not self._closed:
            self._line.send(telegram)

    async def __aexit__(self, *error: object) -> None:
        """Fall silent and take the line away."""
        self._closed = True  # a delayed telegram may still be on its way
        self._babbler.close()
        await self._running.stop()
        self._line.close()


class TcpPush:
    """The meter behind a port, as a serial server gives it: every client hears the same."""

    def __init__(
        self, meter: PushMeter, faults: Faults, *, period_s: float, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.faults = faults
        self._meter, self._period_s = meter, period_s
        self._port = Port(lambda transport: asyncio.Protocol(), [faults], host, port)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self._port.url

    async def __aenter__(self) -> Self:
        """Open the port and begin to talk."""
        await self._port.open()
        self._running = _Running(PushStream(self._meter, self.faults, self._port.send, self._period_s))
        return self

    async def __aexit__(self, *error: object) -> None:
        """Fall silent, close port and connections."""
        await self._running.stop()
        await self._port.close()
