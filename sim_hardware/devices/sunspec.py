"""SunSpec images: models as tables of points, laid out one after the other, with scale factors and write rules.

Layout: SunSpec Device Information Model Specification: "SunS" at the base address, then models as (id, length, points),
then the end marker 0xFFFF with length 0. A point that a device lacks reads as its type's "not implemented" value.
Reading: function 3, any alignment (a client reads a 155-register model in pieces of 125).
Writing: whole points, all implemented and writable, else exception 2; a value outside its range, exception 3. SMA's
         "SunSpec Modbus interface" (STP60-SunSpec_Modbus-TI-en-12, page 48) gives 2 for both kinds of wrong target.
Sign:    SunSpec counts injection as positive; the device files flip it, this engine knows no signs.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from protocols.ports import Table
from protocols.registers import Shape
from sim_hardware.devices.image import IllegalAddress, IllegalValue, ModbusRefusal, Nature, Value

SUNS: Final = (0x5375, 0x6E53)
END: Final = (0xFFFF, 0)

# What may be written to a point, in its unit: from-to, or one of these.
Allowed = tuple[float, float] | frozenset[int]


@dataclass(frozen=True, slots=True)
class Kind:
    """A SunSpec type: its name, width in registers, sign, and the raw value that says "not implemented"."""

    name: str
    words: int
    signed: bool
    absent: int

    least: int = field(init=False)
    most: int = field(init=False)

    def __post_init__(self) -> None:
        """The range of values that do not mean "not implemented"."""
        span = 1 << (16 * self.words - (1 if self.signed else 0))
        object.__setattr__(self, "least", 1 - span if self.signed else 0)
        object.__setattr__(self, "most", span - 1 if self.signed or self.absent == 0 else span - 2)

    def clip(self, raw: int) -> int:
        """The nearest value that the type can carry and that does not mean "not implemented"."""
        return raw if self.least <= raw <= self.most else self.least if raw < self.least else self.most


UINT16 = Kind("uint16", 1, False, 0xFFFF)
INT16 = Kind("int16", 1, True, -0x8000)
UINT32 = Kind("uint32", 2, False, 0xFFFF_FFFF)
INT32 = Kind("int32", 2, True, -0x8000_0000)
UINT64 = Kind("uint64", 4, False, 0xFFFF_FFFF_FFFF_FFFF)
ACC32 = Kind("acc32", 2, False, 0)
ENUM16 = Kind("enum16", 1, False, 0xFFFF)
BITFIELD16 = Kind("bitfield16", 1, False, 0xFFFF)
BITFIELD32 = Kind("bitfield32", 2, False, 0xFFFF_FFFF)
SUNSSF = Kind("sunssf", 1, True, -0x8000)
PAD = Kind("pad", 1, False, 0x8000)
STRING = Kind("string", 0, False, 0)  # as many words as the point says, filled with zeros


# How a number of each type lies in registers; text, pads and scale factors are no numbers that a fault would change.
SHAPES: Final = {
    UINT16: Shape.U16,
    INT16: Shape.S16,
    UINT32: Shape.U32,
    INT32: Shape.S32,
    UINT64: Shape.U64,
    ACC32: Shape.U32,
    ENUM16: Shape.U16,
    BITFIELD16: Shape.U16,
    BITFIELD32: Shape.U32,
}
# The models that measure, and in them the points that are currents or powers.
MEASURING: Final = frozenset({101, 102, 103, 111, 112, 113, 201, 202, 203, 204, 211, 212, 213, 214, 701, 713, 714})
# What an installer sets once survives a restart; controls do not. SunSpec leaves it to the maker: a choice.
KEPT: Final = frozenset({121, 702})
FLOW: Final = re.compile(r"(A|W|VA|VAr|VAR|Var|DCA|DCW|AphA|AphB|AphC|(A|W|VA|Var)L[123])")


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a model: its type, width, the point that scales it, whether it may be written, and its symbols."""

    name: str
    kind: Kind
    scale: str | None = None
    writable: bool = False
    symbols: tuple[int, ...] = ()
    size: int = 1


@dataclass(frozen=True)
class Model:
    """A model: its points behind id and length, in order."""

    id: int
    points: tuple[Point, ...]
    offsets: dict[str, int] = field(init=False)
    by_name: dict[str, Point] = field(init=False)
    by_offset: dict[int, str] = field(init=False)
    length: int = field(init=False)

    def __post_init__(self) -> None:
        """Lay the points out, from offset 2."""
        offsets, offset = {}, 2
        for point in self.points:
            offsets[point.name] = offset
            offset += point.size
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "by_name", {point.name: point for point in self.points})
        object.__setattr__(self, "by_offset", {at: name for name, at in offsets.items()})
        object.__setattr__(self, "length", offset - 2)


class Slot(NamedTuple):
    """Where a point of one device lies, in which unit, and the range of its raw number."""

    offset: int
    size: int
    unit: float
    least: int
    most: int
    kind: Kind

    @classmethod
    def of(cls, model: Model, point: Point, scales: Mapping[str, int]) -> "Slot":
        """The place of a point in the device's model; without a scale factor its unit is 1."""
        unit, kind = 10.0 ** scales.get(point.scale or "", 0), point.kind
        return cls(model.offsets[point.name], point.size, unit, kind.least, kind.most, kind)


class Block:
    """One model of one device: its words, its scale factors, what may be written, and whom to tell."""

    def __init__(self, model: Model, scales: Mapping[str, int], allowed: Mapping[str, Allowed] | None = None) -> None:
        self.model = model
        self.allowed = dict(allowed or {})
        self.refresh: Callable[[], None] = lambda: None  # bring the words up to date, before each read
        self.written: Callable[[frozenset[str]], None] = lambda names: None  # after a write of these points
        self.words = [model.id, model.length] + [0] * model.length
        self._slots = {point.name: Slot.of(model, point, scales) for point in model.points}
        for point in model.points:
            self._store(model.offsets[point.name], point.size, scales.get(point.name, point.kind.absent))

    def put(self, **values: float | str | None) -> None:
        """Set points in their units; None: not implemented."""
        for name, value in values.items():
            slot = self._slots[name]
            if isinstance(value, str):
                self._store_text(slot.offset, slot.size, value)
            elif value is None:
                self._store(slot.offset, slot.size, slot.kind.absent)
            else:
                self.show((slot,), (value,))

    def slots(self, *names: str) -> tuple[Slot, ...]:
        """Where these points lie, for `show`."""
        return tuple(self._slots[name] for name in names)

    def show(self, slots: Sequence[Slot], values: Iterable[float]) -> None:
        """Set numbers in their units: what is measured anew each time it is read, places looked up beforehand."""
        words = self.words
        for (offset, size, unit, least, most, kind), value in zip(slots, values, strict=True):
            raw = round(value / unit)
            if not least <= raw <= most:
                raw = kind.clip(raw)
            if size == 1:
                words[offset] = raw & 0xFFFF
            else:
                self._store(offset, size, raw)

    def get(self, name: str) -> float:
        """A numeric point in its unit."""
        offset, size, unit, _, _, kind = self._slots[name]
        return join(kind, self.words[offset : offset + size]) * unit

    def _store(self, offset: int, size: int, raw: int) -> None:
        for index in range(offset + size - 1, offset - 1, -1):
            self.words[index] = raw & 0xFFFF
            raw >>= 16

    def _store_text(self, offset: int, size: int, text: str) -> None:
        data = text.encode("ascii").ljust(2 * size, b"\0")[: 2 * size]
        self._store(offset, size, int.from_bytes(data, "big"))

    def plan(self, offset: int, words: Sequence[int]) -> dict[str, list[int]]:
        """Which points these words at this offset are; IllegalAddress or IllegalValue where they may not be written."""
        found: dict[str, list[int]] = {}
        at = 0
        while at < len(words):
            name = self.model.by_offset.get(offset + at)
            if name is None or name not in self.allowed:
                raise IllegalAddress(
                    f"model {self.model.id}, offset {offset + at}: {name or 'inside a point'}: no write"
                )
            size = self.model.by_name[name].size
            found[name] = list(words[at : at + size])
            self._judge(name, found[name])
            at += size
        return found

    def _judge(self, name: str, words: Sequence[int]) -> None:
        point, allowed = self.model.by_name[name], self.allowed[name]
        if len(words) != point.size:
            raise IllegalAddress(f"model {self.model.id}, {name}: {len(words)} of {point.size} registers")
        value = join(point.kind, words) * self._slots[name].unit
        fits = value in allowed if isinstance(allowed, frozenset) else allowed[0] <= value <= allowed[1]
        if not fits:
            raise IllegalValue(f"model {self.model.id}, {name}: {value:g} is outside {allowed}")

    def apply(self, plan: Mapping[str, list[int]]) -> None:
        """Store what `plan` found good, and tell the device."""
        for name, words in plan.items():
            offset = self.model.offsets[name]
            self.words[offset : offset + len(words)] = words
        self.written(frozenset(plan))


def join(kind: Kind, words: Sequence[int]) -> int:
    """The raw number that these registers are, most significant first."""
    raw = words[0]
    for word in words[1:]:
        raw = raw << 16 | word
    return raw - (kind.most + 1) * 2 if kind.signed and raw > kind.most else raw


def _values(start: int, block: Block) -> Iterator[Value]:
    for point in block.model.points:
        shape = SHAPES.get(point.kind)
        if shape is not None:
            address = start + block.model.offsets[point.name]
            yield Value(address, shape, _nature(block.model.id, point), point.kind.absent)


def _nature(model: int, point: Point) -> Nature:
    if model not in MEASURING or point.kind in (ENUM16, BITFIELD16, BITFIELD32):
        return Nature.SETTING
    if point.kind in (ACC32, UINT64):
        return Nature.COUNT
    return Nature.FLOW if FLOW.fullmatch(point.name) else Nature.LEVEL


class SunSpecImage:
    """Blocks one after the other from a base address."""

    def __init__(self, blocks: Sequence[Block], *, base: int = 40_000) -> None:
        self._base = base
        self._places: list[tuple[int, int, Block]] = []  # from, to, what
        address = base + len(SUNS)
        for block in blocks:
            self._places.append((address, address + len(block.words), block))
            address += len(block.words)
        self._end = address + len(END)
        self._layout = tuple(value for start, _, block in self._places for value in _values(start, block))
        self._factory = [list(block.words) for block in blocks]

    def layout(self, table: Table) -> Sequence[Value]:
        """Where the numbers stand."""
        return self._layout if table is Table.HOLDING else ()

    def restart(self) -> None:
        """Every control is again as it left the factory, and the device acts on it."""
        controls = [
            (block, words)
            for (_, _, block), words in zip(self._places, self._factory, strict=True)
            if block.allowed and block.model.id not in KEPT
        ]
        for block, words in controls:
            block.words[:] = words
        for block, _ in controls:
            block.written(frozenset(block.allowed))

    def address(self, model: int, name: str) -> int:
        """Where a point of a model stands; KeyError where the device lacks it."""
        for address, _, block in self._places:
            if block.model.id == model:
                return address + block.model.offsets[name]
        raise KeyError(f"no model {model}")

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """Words from any alignment; nothing before "SunS" and nothing behind the end marker."""
        if table is not Table.HOLDING:
            raise ModbusRefusal(1, "SunSpec devices answer function 3")
        last = address + count
        if address < self._base or last > self._end:
            raise IllegalAddress(f"{count} registers at {address}: this map is {self._base} to {self._end - 1}")
        for start, end, block in self._places:
            if start <= address and last <= end:
                block.refresh()
                return block.words[address - start : last - start]
        return self._across(address, last)

    def _across(self, address: int, last: int) -> list[int]:
        """Words of more than one model, or of what stands before and behind them."""
        found = list(SUNS[address - self._base : last - self._base])
        for start, end, block in self._places:
            if start < last and address < end:
                block.refresh()
                found += block.words[max(0, address - start) : last - start]
        return found + list(END[max(0, address - self._end + len(END)) : max(0, last - self._end + len(END))])

    def write(self, address: int, words: Sequence[int]) -> None:
        """Whole, writable points of one model, with values that they take: all or nothing."""
        for start, end, block in self._places:
            if start <= address and address + len(words) <= end:
                block.apply(block.plan(address - start, words))
                return
        raise IllegalAddress(f"{len(words)} registers at {address} are not inside one model")
