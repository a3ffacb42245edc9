"""Bears witness of everything that leaves a node: one digest over every register written, record kept, message sent."""

import hashlib
from collections.abc import Mapping, Sequence

from protocols.ports import Journal, Message, RegisterBus


class Witness:
    """Stands between a node and its world, and subscribes to all of it; implements `memory_broker.Client`."""

    def __init__(self) -> None:
        self.client_id = "hil-witness"
        self.subscriptions: tuple[str, ...] = ("#",)
        self.will: tuple[str, bytes] | None = None
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Of everything so far; 16 hexadecimal digits are enough to see a difference."""
        return self._hash.hexdigest()[:16]

    def note(self, *parts: object) -> None:
        """Something left the node."""
        self._hash.update(repr(parts).encode())

    def deliver(self, message: Message) -> None:
        """A message was published."""
        self.note("message", message.topic, message.payload)

    def dropped(self) -> None:
        """The memory broker never drops it."""

    def bus(self, name: str, bus: RegisterBus) -> RegisterBus:
        """A bus whose writes are witnessed."""
        return _Bus(self, name, bus)

    def journal(self, journal: Journal) -> Journal:
        """A journal whose records are witnessed."""
        return _Journal(self, journal)


class _Bus:
    def __init__(self, witness: Witness, name: str, bus: RegisterBus) -> None:
        self._witness, self._name, self._bus = witness, name, bus
        self.read, self.close = bus.read, bus.close

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        self._witness.note("write", self._name, unit, address, tuple(words))
        await self._bus.write(unit, address, words)


class _Journal:
    def __init__(self, witness: Witness, journal: Journal) -> None:
        self._witness, self._journal = witness, journal
        self.pending, self.kept, self.kept_under = journal.pending, journal.kept, journal.kept_under

    async def append(self, stream: str, record: bytes) -> int:
        number = await self._journal.append(stream, record)
        self._witness.note("append", stream, number, record)
        return number

    async def acknowledge(self, stream: str, up_to: int) -> None:
        await self._journal.acknowledge(stream, up_to)
        self._witness.note("acknowledge", stream, up_to)

    async def keep(self, key: str, value: bytes) -> None:
        await self._journal.keep(key, value)
        self._witness.note("keep", key, value)

    async def keep_all(self, values: Mapping[str, bytes | None]) -> None:
        await self._journal.keep_all(values)
        for key, value in values.items():
            self._witness.note("keep", key, value)
