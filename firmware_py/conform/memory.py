"""A bus that remembers: what the driver read first, and what stood in each register before it was written."""

from collections.abc import Sequence

from firmware_py.conform.checks import Check, Finding, check
from protocols.faults import Fault
from protocols.modbus import Request, read
from protocols.ports import RegisterBus, Table


class RememberingBus:
    """Implements `protocols.ports.RegisterBus` on another one."""

    def __init__(self, bus: RegisterBus) -> None:
        self._bus = bus
        self.known: Request | None = None
        self._before: dict[tuple[int, int, int], tuple[int, ...]] = {}
        self._blind: set[int] = set()

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        """As the bus."""
        words = await self._bus.read(unit, table, address, count)
        self.known = self.known or read(unit, table, address, count)
        return words

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        """As the bus; before the first time to these registers, what stands there is kept."""
        place = (unit, address, len(words))
        if place not in self._before and address not in self._blind:
            try:
                self._before[place] = await self._bus.read(unit, Table.HOLDING, address, len(words))
            except Fault:
                self._blind.add(address)
        await self._bus.write(unit, address, words)

    async def close(self) -> None:
        """As the bus."""
        await self._bus.close()

    async def restored(self) -> Check:
        """Put back what stood there, the last register written first: what enables a setpoint comes before its value."""
        return check("former values restored", await self._restored())

    async def _restored(self) -> Finding:
        if not self._before and not self._blind:
            return None, "nothing was written"
        left = []
        for (unit, address, count), before in reversed(self._before.items()):
            try:
                if await self._bus.read(unit, Table.HOLDING, address, count) != before:
                    await self._bus.write(unit, address, before)
                if (now := await self._bus.read(unit, Table.HOLDING, address, count)) != before:
                    left.append(f"{address}: {_hex(before)} before, {_hex(now)} now")
            except Fault as fault:
                left.append(f"{address}: {fault}")
        blind = f"; {len(self._blind)} can not be read and were not" if self._blind else ""
        return not left, "; ".join(left) or f"{len(self._before)} places as before{blind}"


def _hex(words: Sequence[int]) -> str:
    return " ".join(f"{word:04x}" for word in words)
