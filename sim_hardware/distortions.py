"""What a fault makes of the words of an image that says where its numbers stand: swapped, drifted, zero, shifted.

Only numbers that lie wholly inside a transaction are touched; a device that gives halves of numbers keeps these right.
"""

import math
import struct
from collections.abc import Callable, Iterator, Sequence

from protocols.ports import Table
from protocols.registers import Shape
from sim_hardware.devices.image import LaidOut, Nature, RegisterImage, Value

# From a number and what it is to the number that the faulty device shows.
Change = Callable[[Nature, float], float]


def encode(shape: Shape, number: float) -> list[int]:
    """The words of a number, highest first; an integer is rounded and held inside its range."""
    if shape in (Shape.F32, Shape.F64):
        data = struct.pack(f">{shape.value}", number)
    else:
        bits = 16 * shape.words
        least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if shape.value.islower() else (0, (1 << bits) - 1)
        data = struct.pack(f">{shape.value}", min(most, max(least, round(number))))
    return list(struct.unpack(f">{shape.words}H", data))


def changed(image: RegisterImage, table: Table, address: int, words: Sequence[int], change: Change) -> list[int]:
    """The words with each number in them changed; what is absent, infinite or not a number stays."""
    out = list(words)
    for value, at in _inside(image, table, address, len(words)):
        raw = value.shape.decode(out[at : at + value.shape.words])
        if raw != value.absent and math.isfinite(raw):
            new = change(value.nature, raw)
            if new != raw:  # a number of 64 bits does not survive the way through a float
                out[at : at + value.shape.words] = encode(value.shape, new)
    return out


def swapped(image: RegisterImage, table: Table, address: int, words: Sequence[int]) -> list[int]:
    """The words with the order inside each number of two and more registers turned round."""
    out = list(words)
    for value, at in _inside(image, table, address, len(words)):
        end = at + value.shape.words
        out[at:end] = out[at:end][::-1]
    return out


def drifted(share: float) -> Change:
    """Currents and powers read by a share too much, as behind a current transformer that walks away."""
    return lambda nature, number: number * (1.0 + share) if nature is Nature.FLOW else number


def blank(nature: Nature, number: float) -> float:
    """Nothing measured yet."""
    return 0.0 if nature.is_measured else number


def shifted(seconds: float) -> Change:
    """The device's wall clock stands wrong."""
    return lambda nature, number: number + seconds if nature is Nature.CLOCK else number


def _inside(image: RegisterImage, table: Table, address: int, count: int) -> Iterator[tuple[Value, int]]:
    if not isinstance(image, LaidOut):
        return
    for value in image.layout(table):
        at = value.address - address
        if at >= 0 and at + value.shape.words <= count:
            yield value, at
