"""A register bus on a dictionary: for drivers, where the wire does not matter."""

from collections.abc import Callable, Mapping, Sequence

from protocols.faults import DeviceRefused
from protocols.ports import Table


class MemoryBus:
    """Holding and input registers of one unit; a register that is not there is refused with exception 2."""

    def __init__(self, unit: int = 1) -> None:
        self._unit = unit
        self.tables: dict[Table, dict[int, int]] = {Table.HOLDING: {}, Table.INPUT: {}}
        self.reads: list[tuple[Table, int, int]] = []
        self.writes: list[tuple[int, tuple[int, ...]]] = []
        self.on_write: Callable[[int, tuple[int, ...]], Mapping[int, int]] | None = None

    def fill(self, address: int, words: Sequence[int], table: Table = Table.HOLDING) -> None:
        self.tables[table] |= dict(enumerate(words, address))

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        assert unit == self._unit
        assert 1 <= count <= 125
        self.reads.append((table, address, count))
        registers = self.tables[table]
        try:
            return tuple(registers[place] for place in range(address, address + count))
        except KeyError:
            raise DeviceRefused(f"{address} to {address + count}", 2) from None

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        """Keep the words, or what `on_write` says the device keeps instead."""
        assert unit == self._unit
        self.writes.append((address, tuple(words)))
        kept = dict(enumerate(words, address))
        if any(place not in self.tables[Table.HOLDING] for place in kept):
            raise DeviceRefused(f"{address}", 2)
        if self.on_write is not None:
            kept |= self.on_write(address, tuple(words))
        self.tables[Table.HOLDING] |= kept

    async def close(self) -> None:
        """Nothing to close."""
