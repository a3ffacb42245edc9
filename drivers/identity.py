"""A device that must be the one that was configured, by its serial number: two cables exchanged are a fault, not two meters."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from protocols.faults import BadReply, Fault
from protocols.ports import Meter, Nameplate
from protocols.readings import Measurement

# A cable exchanged so quickly that no question went unanswered, or only one that was repeated, is found out by then.
AGAIN_S: Final = 300.0

Tell = Callable[[float | None, float], Awaitable[None]]


class Known:
    """Implements `protocols.ports.Meter` on a device: a BadReply instead of any value of one with another serial number.

    Who it is, is asked at each probe, before the next question after any fault, and every five minutes. Nothing is
    written to another device either. `asks`: False for a meter whose every telegram carries its number.
    """

    def __init__(self, device: Meter, serial: str, *, name: str, asks: bool = True) -> None:
        self._device, self._serial, self._name, self._asks = device, serial, name, asks
        self._sure_until_s = float("-inf")

    async def probe(self) -> Nameplate:
        """As the device; BadReply where it is another one, or does not say."""
        self._sure_until_s = float("-inf")
        plate = await self._device.probe()
        if plate.serial.strip() != self._serial:
            who = f"serial number {plate.serial!r} answers" if plate.serial.strip() else "tells no serial number"
            raise BadReply(
                f"{self._name}: {who}, configured is {self._serial!r}: was a cable swapped, or the device replaced?"
            )
        self._sure_until_s = _now_s() + AGAIN_S
        return plate

    async def read(self) -> Measurement:
        """As the device, if it is the one."""
        await self._make_sure()
        try:
            return await self._device.read()
        except Fault:
            self._sure_until_s = float("-inf")
            raise

    def only(self, tell: Tell) -> Tell:
        """The device's way to be told a setpoint, closed to any other one."""

        async def told(value: float | None, valid_s: float) -> None:
            await self._make_sure()
            try:
                await tell(value, valid_s)
            except Fault:
                self._sure_until_s = float("-inf")
                raise

        return told

    async def _make_sure(self) -> None:
        if self._asks and _now_s() >= self._sure_until_s:
            await self.probe()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
