"""An MQTT device on a broker, in memory or real, through the fault words.

off and a rebooting device drop off the broker without a goodbye, so that it publishes the will. half_open stays connected
and is dead. drop loses messages both ways. delay and late publish later. garble flips a bit of the payload. freeze
repeats the reading under a fresh time. drift, zeros after a reboot and clock_jump show in the values. babble floods the
broker. exception, word_swap and single_connection cannot strike: there are no registers, and the broker keeps the clients.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

from protocols.faults import LinkDown
from protocols.ports import Message
from sim_hardware.devices.smart_plug import PlugReading, SmartPlug
from sim_hardware.faces.answer_path import Pace, flip_bit
from sim_hardware.faces.mqtt_links import Link
from sim_hardware.faults import Faults, Word

# Fifty messages a second from one plug: enough to be seen, far from stopping a broker.
BABBLE_S: Final = 0.02
BABBLE_BYTES: Final = 16


class MqttFace:
    """One plug on one broker; `run` until cancelled."""

    def __init__(self, plug: SmartPlug, faults: Faults, link: Link) -> None:
        self._plug, self._faults, self._link = plug, faults, link
        self._frozen: PlugReading | None = None
        self._rebooted = self._is_severed = False
        self._boot: asyncio.TimerHandle | None = None
        self._awake = asyncio.Event()

    async def run(self) -> None:
        """Keep connected, tell, obey."""
        self._loop, self._pace = asyncio.get_running_loop(), Pace()
        forget = self._faults.on_change(self._switched)
        self._switched()
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._link.run())
                self._tasks.create_task(self._tell())
                self._tasks.create_task(self._obey())
                self._tasks.create_task(self._babble())
        finally:
            forget()
            if self._boot is not None:
                self._boot.cancel()

    def _switched(self) -> None:
        faults = self._faults
        rebooted = faults.is_on(Word.REBOOT)
        if rebooted and not self._rebooted:
            self._plug.restart()
        self._rebooted = rebooted
        if not faults.is_on(Word.FREEZE):
            self._frozen = None
        elif self._frozen is None:
            self._frozen = self._plug.reading()
        self._awake.set()
        self._power()

    def _power(self) -> None:
        """Cut the connection, or give it back."""
        booting = self._faults.is_booting()
        if self._boot is not None:
            self._boot.cancel()
            self._boot = None
        if booting:  # a moment later, or rounding could find it booting still
            self._boot = self._loop.call_later(self._faults.argument(Word.REBOOT) + 0.001, self._power)
        severed = booting or self._faults.is_on(Word.OFF)
        if severed and not self._is_severed:
            self._faults.strikes(Word.REBOOT if booting else Word.OFF)
            self._link.sever()
        elif self._is_severed and not severed:
            self._link.restore()
        self._is_severed = severed

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(self._plug.period_s)
            self._send(self._plug.sensor(self._reading()))

    async def _obey(self) -> None:
        async for message in self._link.messages():
            if not self._is_mute():
                self._send(self._plug.command(message))

    async def _babble(self) -> None:
        while True:
            self._awake.clear()
            if not self._faults.is_on(Word.BABBLE):
                await self._awake.wait()
            elif self._faults.strikes(Word.BABBLE):
                noise = self._faults.random.randbytes(BABBLE_BYTES)
                await self._publish(Message(f"stat/{self._plug.topic}/RESULT", noise))
                await asyncio.sleep(BABBLE_S)

    def _is_mute(self) -> bool:
        return any(self._faults.strikes(word) for word in (Word.DROP, Word.HALF_OPEN))

    def _reading(self) -> PlugReading:
        faults, reading = self._faults, self._plug.reading()
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

    def _send(self, message: Message) -> None:
        if self._is_mute():
            return
        if self._faults.strikes(Word.GARBLE):
            bit = self._faults.random.randrange(8 * len(message.payload))
            message = Message(message.topic, flip_bit(message.payload, bit))
        self._tasks.create_task(self._publish_later(message, self._pace.wait_s(self._faults)))

    async def _publish_later(self, message: Message, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        await self._publish(message)

    async def _publish(self, message: Message) -> None:
        with suppress(LinkDown):  # QoS 0: what cannot be sent is gone
            await self._link.publish(message.topic, message.payload)
