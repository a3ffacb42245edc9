"""SunSpec point types, and how a model's registers become values.

Source: the SunSpec model definitions (JSON, Apache-2.0) and the not-implemented values of pysunspec2 1.3.7 (`mb.py`).
A value that is not implemented, or whose scale factor is not, is None.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final, NamedTuple

from protocols.faults import BadReply
from protocols.registers import text

SCALE_MOST: Final = 10  # a sunssf is -10 to 10
PLANS_MOST: Final = 64  # a device that changes its scale factors all the time must not fill the memory


class Kind(Enum):
    """A point type: its name in the model files, its `struct` code and the number that means "not implemented"."""

    INT16 = ("int16", "h", -0x8000)
    UINT16 = ("uint16", "H", 0xFFFF)
    ENUM16 = ("enum16", "H", 0xFFFF)
    SUNSSF = ("sunssf", "h", -0x8000)
    INT32 = ("int32", "i", -0x80000000)
    UINT32 = ("uint32", "I", 0xFFFFFFFF)
    ACC32 = ("acc32", "I", 0)  # an accumulator: 0 is the value of one that does not exist
    UINT64 = ("uint64", "Q", 0xFFFFFFFFFFFFFFFF)
    BITFIELD16 = ("bitfield16", "H", 0xFFFF)

    def __init__(self, name: str, code: str, absent: int) -> None:
        self.code, self.absent = code, absent
        self.words = struct.calcsize(f">{code}") // 2  # how many registers it takes

    def encode(self, number: int) -> tuple[int, ...]:
        """The words of a number; ValueError where it does not fit or would mean "not implemented"."""
        try:
            packed = struct.pack(f">{self.code}", number)
        except struct.error:
            packed = b""
        if number == self.absent or not packed:
            raise ValueError(f"{number} does not fit into a SunSpec {self.value[0]}")
        return struct.unpack(f">{self.words}H", packed)


@dataclass(frozen=True, slots=True)
class Point:
    """A number in a model: its offset counts from the model's ID register, `scale` names its scale factor point."""

    name: str
    offset: int
    kind: Kind
    scale: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A string in a model."""

    name: str
    offset: int
    words: int


class Model:
    """The points of one model that we use."""

    def __init__(self, number: int, points: Iterable[Point], texts: Iterable[Text] = ()) -> None:
        self.number = number
        self.points = {point.name: point for point in points}
        self.texts = {text.name: text for text in texts}
        self._spans: dict[tuple[str, ...], tuple[int, int]] = {}
        missing = {point.scale for point in self.points.values() if point.scale} - set(self.points)
        if missing:
            raise ValueError(f"model {number}: scale factors {sorted(missing)} are not points of it")

    def span(self, names: tuple[str, ...]) -> tuple[int, int]:
        """First offset and register count that hold these points and their scale factors."""
        if names not in self._spans:
            self._spans[names] = self._planned(names)
        return self._spans[names]

    def _planned(self, names: tuple[str, ...]) -> tuple[int, int]:
        points = [self.points[name] for name in names]
        points += [self.points[point.scale] for point in points if point.scale]
        first = min(point.offset for point in points)
        return first, max(point.offset + point.kind.words for point in points) - first


class _Layout:
    """The points that lie whole within some registers of a model, cut out all at once: planned here, done in C."""

    def __init__(self, model: Model, first: int, count: int) -> None:
        inside = sorted(
            (p for p in model.points.values() if first <= p.offset and p.offset + p.kind.words <= first + count),
            key=lambda point: point.offset,
        )
        code, end = ">", first
        for point in inside:
            code += f"{2 * (point.offset - end)}x{point.kind.code}"
            end = point.offset + point.kind.words
        # Where each point stands among the numbers, and what says "not implemented"; None behind the device's model.
        self.places: dict[str, tuple[int, int] | None] = dict.fromkeys(model.points)
        self.places |= {point.name: (index, point.kind.absent) for index, point in enumerate(inside)}
        self._scales = [index for index, point in enumerate(inside) if point.kind is Kind.SUNSSF]
        self._words, self._numbers = struct.Struct(f">{count}H"), struct.Struct(f"{code}{2 * (first + count - end)}x")

    def cut(self, words: Sequence[int]) -> tuple[int, ...]:
        return self._numbers.unpack(self._words.pack(*words))

    def scales(self, numbers: Sequence[int]) -> tuple[int, ...]:
        return tuple([numbers[index] for index in self._scales])


_layout = cache(_Layout)


class Source(NamedTuple):
    """The point a quantity is read from; `factor` brings it to our unit and sign."""

    quantity: str
    point: str
    factor: int = 1


class _Step(NamedTuple):
    """How a quantity follows from the number at `place` (None: from none): times `up`, by `down`, unless it is `absent`."""

    quantity: str
    place: int | None
    absent: int
    up: int
    down: int


class Sources:
    """What is wanted of a model each time it is read."""

    def __init__(self, *sources: Source) -> None:
        self.each = sources
        self.points = tuple(source.point for source in sources)
        self._plans: dict[tuple[_Layout, tuple[int, ...]], list[_Step]] = {}

    def values(self, snapshot: "Snapshot") -> dict[str, float | None]:
        """The quantities, each as `Snapshot.value` has it."""
        numbers, layout = snapshot.numbers, snapshot.layout
        key = layout, layout.scales(numbers)
        steps = self._plans.get(key) or self._planned(key, snapshot)
        return {
            quantity: None if place is None or (number := numbers[place]) == absent else number * up / down
            for quantity, place, absent, up, down in steps
        }

    def _planned(self, key: tuple[_Layout, tuple[int, ...]], snapshot: "Snapshot") -> list[_Step]:
        if len(self._plans) >= PLANS_MOST:
            self._plans.clear()
        self._plans[key] = [_step(source, snapshot) for source in self.each]
        return self._plans[key]


def _step(source: Source, snapshot: "Snapshot") -> _Step:
    place, exponent = snapshot.layout.places[source.point], snapshot.exponent(source.point)
    if place is None or exponent is None:
        return _Step(source.quantity, None, 0, 1, 1)
    return _Step(source.quantity, *place, source.factor * 10 ** max(exponent, 0), 10 ** max(-exponent, 0))


class Snapshot:
    """Registers of a model from one transaction; `first` is the offset of the first one."""

    def __init__(self, model: Model, first: int, words: Sequence[int]) -> None:
        self._model = model
        self._first = first
        self._words = words
        self.layout = _layout(model, first, len(words))
        self.numbers = self.layout.cut(words)

    def raw(self, name: str) -> int | None:
        """The number as it stands in the registers; None where not implemented or not in the device's model."""
        place = self.layout.places[name]
        if place is None:
            return None
        index, absent = place
        number = self.numbers[index]
        return None if number == absent else number

    def value(self, name: str) -> float | None:
        """The number in its unit, by the scale factor read with it."""
        raw, exponent = self.raw(name), self.exponent(name)
        return None if raw is None or exponent is None else scaled(raw, exponent)

    def exponent(self, name: str) -> int | None:
        """The power of ten by which the number is scaled; 0 for a point without scale factor."""
        factor = self._model.points[name].scale
        if factor is None:
            return 0
        exponent = self.raw(factor)
        if exponent is not None and abs(exponent) > SCALE_MOST:
            raise BadReply(f"model {self._model.number}: {factor} is {exponent}; allowed is -10 to 10")
        return exponent

    def text(self, name: str) -> str:
        """A string; empty where not implemented."""
        place = self._model.texts[name]
        return text(self._cut(place.offset, place.words))

    def _cut(self, offset: int, count: int) -> Sequence[int]:
        start = offset - self._first
        return self._words[start : start + count] if start >= 0 else ()


def scaled(number: float, exponent: int) -> float:
    """The number times ten to this power; dividing for a negative one, so that 2301 tenths are 230.1."""
    return float(number * 10**exponent) if exponent >= 0 else number / 10**-exponent


def changes(model: Model, values: Mapping[str, int]) -> list[tuple[int, tuple[int, ...]]]:
    """Raw values as writes of adjacent registers: offset and words, in the order given."""
    runs: list[tuple[int, tuple[int, ...]]] = []
    for name, number in values.items():
        point = model.points[name]
        words = point.kind.encode(number)
        if runs and runs[-1][0] + len(runs[-1][1]) == point.offset:
            runs[-1] = (runs[-1][0], runs[-1][1] + words)
        else:
            runs.append((point.offset, words))
    return runs
