"""What stands between a node and its world in a scenario: devices that are watched, and a process that can be killed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from protocols.faults import LinkDown, NoReply, StoreFailed
from protocols.ports import BitTable, Journal, RegisterBus, Table
from sim_hardware.devices.image import CoilImage, IllegalAddress, LaidOut, RegisterImage, Restartable, Value
from sim_hardware.faces.memory import MemoryBus


class Watched:
    """A device whose writes are kept as (address, words), and whose registers can be made to lie."""

    def __init__(self, image: RegisterImage) -> None:
        self.image = image
        self.writes: list[tuple[int, tuple[int, ...]]] = []
        self.lies: dict[int, int] = {}
        self.is_read_only = False

    def read(self, table: Table, address: int, count: int) -> list[int]:
        words = self.image.read(table, address, count)
        for place in self.lies.keys() & range(address, address + count):
            words[place - address] = self.lies[place]
        return words

    def write(self, address: int, words: Sequence[int]) -> None:
        if self.is_read_only:
            raise IllegalAddress("this device takes no setpoints today")
        self.writes.append((address, tuple(words)))
        self.image.write(address, words)

    def read_bits(self, coils: bool, address: int, count: int) -> list[bool]:
        assert isinstance(self.image, CoilImage)
        return self.image.read_bits(coils, address, count)

    def write_bits(self, address: int, bits: Sequence[bool]) -> None:
        assert isinstance(self.image, CoilImage)
        self.image.write_bits(address, bits)

    def after(self, dt_s: float) -> None:
        self.image.after(dt_s)

    def layout(self, table: Table) -> Sequence[Value]:
        assert isinstance(self.image, LaidOut), "without a layout no word could be swapped, drift or come up as zero"
        return self.image.layout(table)

    def restart(self) -> None:
        if isinstance(self.image, Restartable):
            self.image.restart()


class FakeContacts:
    """Contacts that a film closes and opens; None: they cannot be read."""

    def __init__(self) -> None:
        self.stand: tuple[bool, ...] | None = (False,)

    async def closed(self) -> tuple[bool, ...]:
        if self.stand is None:
            raise NoReply("no contact answers today")
        return self.stand


class Process:
    """One life of a node: once killed, nothing that it does reaches a wire or the disk any more."""

    def __init__(self) -> None:
        self.is_killed = False

    def bus(self, bus: MemoryBus) -> RegisterBus:
        return _Bus(self, bus)

    def journal(self, journal: Journal) -> Journal:
        return _Journal(self, journal)


class _Bus:
    def __init__(self, process: Process, bus: MemoryBus) -> None:
        self._process, self._bus = process, bus

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        self._insist_alive()
        return await self._bus.read(unit, table, address, count)

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        self._insist_alive()
        await self._bus.write(unit, address, words)

    async def read_bits(self, unit: int, table: BitTable, address: int, count: int) -> tuple[bool, ...]:
        self._insist_alive()
        return await self._bus.read_bits(unit, table, address, count)

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None:
        self._insist_alive()
        await self._bus.write_coils(unit, address, bits)

    async def close(self) -> None:
        await self._bus.close()

    def _insist_alive(self) -> None:
        if self._process.is_killed:
            raise LinkDown("the process is dead")


class _Journal:
    def __init__(self, process: Process, journal: Journal) -> None:
        self._process, self._journal = process, journal

    async def append(self, stream: str, record: bytes) -> int:
        self._insist_alive()
        return await self._journal.append(stream, record)

    async def pending(self, stream: str, after: int, limit: int) -> list[tuple[int, bytes]]:
        return await self._journal.pending(stream, after, limit)

    async def acknowledge(self, stream: str, up_to: int) -> None:
        self._insist_alive()
        await self._journal.acknowledge(stream, up_to)

    async def keep(self, key: str, value: bytes) -> None:
        self._insist_alive()
        await self._journal.keep(key, value)

    async def keep_all(self, values: Mapping[str, bytes | None]) -> None:
        self._insist_alive()
        await self._journal.keep_all(values)

    async def kept_under(self, prefix: str) -> dict[str, bytes]:
        return await self._journal.kept_under(prefix)

    async def kept(self, key: str) -> bytes | None:
        return await self._journal.kept(key)

    def _insist_alive(self) -> None:
        if self._process.is_killed:
            raise StoreFailed("the process is dead")


async def inline(work: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - whatever the work returns
    """A journal's `offload` on virtual time: here and now."""
    return work(*args)
