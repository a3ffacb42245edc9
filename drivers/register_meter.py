"""Any meter whose registers are declared in a map, and the declaration itself."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.evidence import Evidence, Sheet
from protocols.faults import DeviceRefused, NoReply
from protocols.ports import Nameplate, RegisterBus, Table
from protocols.readings import Measurement
from protocols.registers import RegisterMap, text

ILLEGAL_ADDRESS: Final = 2  # Modbus V1.1b3, 7


def number(words: Sequence[int]) -> int:
    """The unsigned number in words, highest first."""
    value = 0
    for word in words:
        value = value << 16 | word
    return value


@dataclass(frozen=True, slots=True)
class SerialNumber:
    """Where a device keeps its serial number: an unsigned number, highest word first, or spelt in letters."""

    table: Table
    address: int
    count: int
    spelt: bool = False

    def decode(self, words: Sequence[int]) -> str:
        """The number as it is printed on the device."""
        return text(words) if self.spelt else str(number(words))


@dataclass(frozen=True, slots=True)
class Identity:
    """Where a device says what it is: a code, or a text that begins with one of these.

    Read alone: some meters answer for this register only when nothing else is asked with it.
    """

    table: Table
    address: int
    count: int
    answers: frozenset[int] | frozenset[str]

    def fits(self, words: Sequence[int]) -> bool:
        """Whether these words are the answer of this model."""
        told = text(words)
        return any(
            told.startswith(answer) if isinstance(answer, str) else number(words) == answer for answer in self.answers
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterType:
    """A meter model: everything in which it differs from others. `extras` are registers that some firmware lacks."""

    name: str  # in a configuration
    maker: str
    product: str
    registers: RegisterMap
    verified: Evidence
    unverified: tuple[str, ...] = ()
    quirks: tuple[str, ...] = ()
    extras: RegisterMap | None = None
    serial: SerialNumber | None = None
    identity: Identity | None = None

    @property
    def sheet(self) -> Sheet:
        """Its row in the table of supported devices."""
        maps = [self.registers, *([self.extras] if self.extras is not None else [])]
        return Sheet(
            maker=self.maker,
            product=self.product,
            quantities=tuple(field.quantity for registers in maps for field in registers.fields),
            verified=self.verified,
            unverified=self.unverified,
            quirks=self.quirks,
        )

    def build(self, bus: RegisterBus, unit: int) -> "RegisterMeter":
        """A meter of this type at this unit."""
        return RegisterMeter(bus, unit, self)


class RegisterMeter:
    """Implements `protocols.ports.Meter` for a declared type."""

    def __init__(self, bus: RegisterBus, unit: int, kind: MeterType) -> None:
        self._bus = bus
        self._unit = unit
        self._type = kind
        self._maps = [kind.registers]

    async def probe(self) -> Nameplate:
        """Check that the device answers for its first block, and find what its firmware lacks."""
        kind = self._type
        first = kind.registers.blocks[0]
        await self._bus.read(self._unit, kind.registers.table, first.address, first.count)
        serial = await self._serial_number()
        lacks = [] if serial else ["serial number"]
        self._maps = [kind.registers]
        if kind.extras is not None:
            if await self._has(kind.extras):
                self._maps.append(kind.extras)
            else:
                lacks += [field.quantity for field in kind.extras.fields]
        return Nameplate(kind.maker, kind.product, serial, lacks=tuple(lacks))

    async def read(self) -> Measurement:
        """Read every block once."""
        values: dict[str, float | None] = {}
        for registers in self._maps:
            values |= registers.decode(await self._words(registers))
        return values

    async def _words(self, registers: RegisterMap) -> list[tuple[int, ...]]:
        table = registers.table
        return [await self._bus.read(self._unit, table, block.address, block.count) for block in registers.blocks]

    async def _has(self, registers: RegisterMap) -> bool:
        try:
            await self._words(registers)
        except DeviceRefused as fault:
            if fault.code != ILLEGAL_ADDRESS:
                raise
            return False
        return True

    async def _serial_number(self) -> str:
        place = self._type.serial
        if place is None:
            return ""
        # A device that answers for its values may refuse or ignore an address its firmware does not know.
        with contextlib.suppress(DeviceRefused, NoReply):
            return place.decode(await self._bus.read(self._unit, place.table, place.address, place.count))
        return ""
