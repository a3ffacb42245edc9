"""A bus in memory: `protocols.ports.RegisterBus` and `BitBus` straight onto images, for scenarios on virtual time.

It stands where a correct driver and its wire would: a late answer is never taken for that of a later request, a
garbled one is found out. It has one client by construction, so the word `single_connection` cannot strike.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from protocols.faults import BadReply, DeviceRefused, LinkDown, NoReply
from protocols.ports import BitTable, Table
from sim_hardware.devices.image import ModbusRefusal, RegisterImage
from sim_hardware.faults import Faults, FaultyImage, NoAnswer, Word

T = TypeVar("T")

# A transaction on a local network; a line at 9600 Bd takes 0.03 to 0.3 s.
LATENCY_S: Final = 0.01
TIMEOUT_S: Final = 1.0
MOST_READ, MOST_WRITTEN = 125, 123  # MODBUS Application Protocol V1.1b3, sections 6.3 and 6.12


class MemoryBus:
    """One line with its devices by unit id; every transaction takes `latency_s` of the loop's time.

    At a latency of 0 a transaction that no fault holds up is over at once, without a turn of the loop.
    """

    def __init__(
        self,
        images: Mapping[int, RegisterImage],
        faults: Mapping[int, Faults] | None = None,
        *,
        name: str = "memory",
        latency_s: float = LATENCY_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        given = faults or {}
        self._images = {unit: FaultyImage(image, given.get(unit) or Faults()) for unit, image in images.items()}
        self._name, self._latency_s, self._timeout_s = name, latency_s, timeout_s
        self._line = asyncio.Lock()
        self._babbling: list[Faults] = []
        for image in self._images.values():
            image.faults.on_change(self._switched)
        self._switched()

    def _switched(self) -> None:
        self._babbling = [image.faults for image in self._images.values() if image.faults.is_on(Word.BABBLE)]

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        """As the port says."""
        if not 1 <= count <= MOST_READ:
            raise ValueError(f"{count} registers: 1 to {MOST_READ} in a transaction")
        return tuple(await self._transact(unit, lambda image: image.read(table, address, count)))

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        """As the port says."""
        if not 1 <= len(words) <= MOST_WRITTEN:
            raise ValueError(f"{len(words)} registers: 1 to {MOST_WRITTEN} in a transaction")
        kept = tuple(words)
        await self._transact(unit, lambda image: image.write(address, kept))

    async def read_bits(self, unit: int, table: BitTable, address: int, count: int) -> tuple[bool, ...]:
        """As the port says."""
        coils = table is BitTable.COILS
        return tuple(await self._transact(unit, lambda image: image.read_bits(coils, address, count)))

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None:
        """As the port says."""
        kept = tuple(bits)
        await self._transact(unit, lambda image: image.write_bits(address, kept))

    async def close(self) -> None:
        """Nothing to close."""

    async def _transact(self, unit: int, ask: Callable[[FaultyImage], T]) -> T:
        image = self._images.get(unit)
        if image is not None and self._is_instant(image):
            try:
                return ask(image)
            except ModbusRefusal as refusal:
                raise self._refused(unit, refusal) from None
        async with self._line:
            if image is None:
                raise await self._no_reply(unit, "no such unit")
            if self._babbling:
                self._babbling[0].strikes(Word.BABBLE)
                raise await self._no_reply(unit, "the line never falls silent: fault word babble")
            if image.faults.strikes(Word.OFF):
                raise LinkDown(f"{self._name}: connection refused")
            return await self._answered(unit, image, ask)

    def _is_instant(self, image: FaultyImage) -> bool:
        if self._latency_s > 0.0 or image.faults.any_on:
            return False
        return not self._babbling and not self._line.locked()

    def _refused(self, unit: int, refusal: ModbusRefusal) -> DeviceRefused:
        return DeviceRefused(f"{self._name} unit {unit}: {refusal}", refusal.code)

    async def _answered(self, unit: int, image: FaultyImage, ask: Callable[[FaultyImage], T]) -> T:
        try:
            answer = ask(image)
        except NoAnswer as silence:
            raise await self._no_reply(unit, f"fault word {silence}") from None
        except ModbusRefusal as refusal:
            await asyncio.sleep(self._latency_s)
            raise self._refused(unit, refusal) from None
        await self._travel(unit, image.faults)
        return answer

    async def _travel(self, unit: int, faults: Faults) -> None:
        """What happens to an answer on its way."""
        took_s = self._latency_s
        for word in (Word.DELAY, Word.LATE):
            if faults.strikes(word):
                took_s += faults.argument(word)
        if took_s >= self._timeout_s:
            raise await self._no_reply(unit, f"answer after {took_s:g} s")
        await asyncio.sleep(took_s)
        if faults.strikes(Word.GARBLE):
            raise BadReply(f"{self._name} unit {unit}: check sum wrong (fault word garble)")

    async def _no_reply(self, unit: int, why: str) -> NoReply:
        await asyncio.sleep(self._timeout_s)
        return NoReply(f"{self._name} unit {unit}: nothing within {self._timeout_s:g} s ({why})")
