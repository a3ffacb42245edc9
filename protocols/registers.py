"""Register maps as declarations: which registers of a device carry which quantity, and how they are read in blocks.

A map is checked when it is built (a mistake is a ValueError at import, not a wrong value at night), its blocks are
planned once, and `decode` turns the words of those blocks into values in the unit of each quantity's name.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from protocols.modbus import READ_MAX
from protocols.ports import Table
from protocols.quantities import QUANTITIES
from protocols.readings import Measurement

# A request of its own costs about 20 characters and a turnaround; ten registers read for nothing cost the same.
GAP: Final = 10


class Shape(Enum):
    """How a number lies in registers, highest word first; the value is its `struct` code."""

    U16 = "H"
    S16 = "h"
    U32 = "I"
    S32 = "i"
    U64 = "Q"
    S64 = "q"
    F32 = "f"
    F64 = "d"

    def __init__(self, code: str) -> None:
        self.code = code
        self.words = struct.calcsize(f">{code}") // 2  # how many registers it takes

    def decode(self, words: Sequence[int]) -> float:
        """The number in exactly `self.words` words, highest first; integers stay exact."""
        (number,) = struct.unpack(f">{self.code}", struct.pack(f">{self.words}H", *words))
        assert isinstance(number, int | float)
        return number

    def holds(self, number: float) -> bool:
        """Whether some words mean exactly this number."""
        try:
            return struct.unpack(f">{self.code}", struct.pack(f">{self.code}", number)) == (number,)
        except (struct.error, OverflowError):
            return False


@dataclass(frozen=True, slots=True)
class Field:
    """One quantity in one place. `scale` brings the raw number to the unit in the quantity's name, sign included.

    `absent` is the raw number by which the device says "not available". `low_word_first` is the word order, which may
    differ inside one device. NaN and infinity are always absent.
    """

    quantity: str
    address: int
    shape: Shape
    scale: float = 1.0
    absent: float | None = None
    low_word_first: bool = False

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise ValueError(f"{self.quantity} at {self.address}: not a quantity; see protocols/quantities.py")
        if not math.isfinite(self.scale) or self.scale == 0:
            raise ValueError(f"{self.quantity} at {self.address}: scale {self.scale}; allowed is finite and not 0")
        if not 0 <= self.address <= 0x10000 - self.shape.words:
            raise ValueError(f"{self.quantity} at {self.address}: allowed is 0 to {0x10000 - self.shape.words}")
        most = max(abs(QUANTITIES[self.quantity].least), QUANTITIES[self.quantity].most)
        if self.shape not in (Shape.F32, Shape.F64) and abs(self.scale) > most:
            raise ValueError(
                f"{self.quantity} at {self.address}: scale {self.scale}; allowed is {most:g}, the most it can be"
            )
        if self.absent is not None and not self.shape.holds(self.absent):
            raise ValueError(f"{self.quantity} at {self.address}: absent {self.absent} is no {self.shape.name}")

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.shape.words


@dataclass(frozen=True, slots=True)
class Block:
    """Registers read in one request."""

    address: int
    count: int


class _Cutter:
    """Cuts the words of one block into the raw numbers of its fields, all at once: planned here, done in C."""

    def __init__(self, block: Block, fields: Sequence[Field]) -> None:
        self.block, self.fields = block, tuple(fields)
        self._steps = [(field.quantity, field.absent, field.scale) for field in fields]
        order, code, end = list(range(block.count)), ">", block.address
        for field in self.fields:
            code += f"{2 * (field.address - end)}x{field.shape.code}"
            end = field.end
            if field.low_word_first:
                first, last = field.address - block.address, field.end - block.address
                order[first:last] = order[first:last][::-1]
        self._order = order if order != list(range(block.count)) else None
        self._words, self._numbers = struct.Struct(f">{block.count}H"), struct.Struct(code)

    def values(self, words: Sequence[int]) -> dict[str, float | None]:
        """The quantities in their units; None where the device says it has none, or says NaN."""
        return {
            # A number less itself is 0 unless it is infinite or NaN.
            quantity: value if raw != absent and (value := raw * scale) - value == 0.0 else None
            for (quantity, absent, scale), raw in zip(self._steps, self.cut(words), strict=True)
        }

    def cut(self, words: Sequence[int]) -> tuple[float, ...]:
        """The raw numbers in the order of the fields; integers stay exact."""
        if len(words) != self.block.count:
            raise ValueError(f"block at {self.block.address}: {len(words)} words; allowed is {self.block.count}")
        ordered = words if self._order is None else [words[place] for place in self._order]
        return self._numbers.unpack(self._words.pack(*ordered))


class RegisterMap:
    """The readable quantities of a device model, in one table."""

    def __init__(self, *fields: Field, table: Table, block_max: int = READ_MAX, gap: int = GAP) -> None:
        """Plan the blocks: `block_max` registers at most in a request, `gap` unused ones read over at most."""
        self.table = table
        self.fields = tuple(sorted(fields, key=lambda field: field.address))
        self._check(block_max, gap)
        self.blocks = tuple(_plan(self.fields, block_max, gap))
        self._cutters = [_Cutter(block, self._inside(block)) for block in self.blocks]

    def decode(self, blocks: Sequence[Sequence[int]]) -> Measurement:
        """The values in the words of `self.blocks`, in that order; finite nonsense is kept for the poller to judge."""
        values: dict[str, float | None] = {}
        for cutter, words in zip(self._cutters, blocks, strict=True):
            values |= cutter.values(words)
        return values

    def _inside(self, block: Block) -> list[Field]:
        return [field for field in self.fields if block.address <= field.address < block.address + block.count]

    def _check(self, block_max: int, gap: int) -> None:
        if not self.fields:
            raise ValueError("a register map without fields")
        if not max(field.shape.words for field in self.fields) <= block_max <= READ_MAX:
            raise ValueError(f"block_max {block_max}: allowed is the widest field to {READ_MAX}")
        if gap < 0:
            raise ValueError(f"gap {gap}: allowed is 0 and more")
        for left, right in zip(self.fields, self.fields[1:], strict=False):
            if right.address < left.end:
                raise ValueError(f"{left.quantity} at {left.address} and {right.quantity} at {right.address} overlap")
        names = [field.quantity for field in self.fields]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"more than one place for {', '.join(doubled)}")


def _plan(fields: Sequence[Field], block_max: int, gap: int) -> Iterator[Block]:
    """Blocks in ascending order; no field is cut in two."""
    start, end = fields[0].address, fields[0].end
    for field in fields[1:]:
        if field.address - end > gap or field.end - start > block_max:
            yield Block(start, end - start)
            start = field.address
        end = field.end
    yield Block(start, end - start)


def text(words: Sequence[int]) -> str:
    """The text in registers, two characters each, cut at the first NUL; what is not printable ASCII becomes '?'."""
    raw = struct.pack(f">{len(words)}H", *words).split(b"\0")[0]
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in raw).strip()
