"""Find the models of a SunSpec device and read them.

The marker "SunS" stands at 40000, 0 or 50000; behind it models follow one another, each with its ID and length, up to
the ID 0xFFFF.
"""

from dataclasses import dataclass, field
from typing import Final

from drivers.sunspec.points import Model, Snapshot
from protocols.faults import DeviceRefused, Unsupported
from protocols.ports import RegisterBus, Table

BASES: Final = (40000, 0, 50000)
MARKER: Final = (0x5375, 0x6E53)  # "SunS"
END: Final = 0xFFFF
MODELS_MOST: Final = 100  # the longest chains known to us have about 30; a loop or nonsense ends here


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model lies: the address of its ID register, and how many registers it has with ID and length."""

    address: int
    count: int


@dataclass(frozen=True, slots=True)
class Chain:
    """The models of a device by their number, the first of each; `broken` says where the chain turned to nonsense."""

    base: int
    places: dict[int, Place] = field(default_factory=dict)
    broken: str = ""

    def __contains__(self, model: Model) -> bool:
        return model.number in self.places


async def discover(bus: RegisterBus, unit: int) -> Chain:
    """Find the chain; Unsupported where there is none."""
    for base in BASES:
        if await _marked(bus, unit, base):
            return await _walk(bus, unit, base)
    raise Unsupported(f"unit {unit}: no SunSpec device, 'SunS' stands at none of {', '.join(map(str, BASES))}")


async def _marked(bus: RegisterBus, unit: int, base: int) -> bool:
    try:
        return await bus.read(unit, Table.HOLDING, base, len(MARKER)) == MARKER
    except DeviceRefused:
        return False


async def _walk(bus: RegisterBus, unit: int, base: int) -> Chain:
    places: dict[int, Place] = {}
    address = base + len(MARKER)
    for _ in range(MODELS_MOST):
        try:
            number, length = await bus.read(unit, Table.HOLDING, address, 2)
        except DeviceRefused:
            return Chain(base, places, f"model chain broken at {address}: the device refuses to be read there")
        if number == END:
            return Chain(base, places)
        end = address + 2 + length
        # Behind a model two more registers follow, so the last one ends below 65535.
        if number == 0 or length == 0 or end > 0xFFFE:
            return Chain(base, places, f"model chain broken at {address}: model {number}, length {length}")
        places.setdefault(number, Place(address, 2 + length))
        address = end
    return Chain(base, places, f"model chain broken: more than {MODELS_MOST} models")


class Device:
    """The models of one SunSpec device, found once and read as snapshots."""

    def __init__(self, bus: RegisterBus, unit: int, chain: Chain) -> None:
        self._bus = bus
        self._unit = unit
        self.chain = chain

    async def snapshot(self, model: Model, names: tuple[str, ...]) -> Snapshot:
        """These points with their scale factors, in one transaction; points behind the model's end are absent."""
        first, count = model.span(names)
        return await self._read(model, first, count)

    async def texts(self, model: Model) -> Snapshot:
        """All strings of a model."""
        places = model.texts.values()
        first = min(place.offset for place in places)
        return await self._read(model, first, max(place.offset + place.words for place in places) - first)

    async def write(self, model: Model, offset: int, words: tuple[int, ...]) -> None:
        """Registers of a model, from this offset; Unsupported where the model lacks them."""
        place = self._place(model)
        if offset + len(words) > place.count:
            raise Unsupported(
                f"unit {self._unit}: model {model.number} has {place.count} registers, {offset} is behind"
            )
        await self._bus.write(self._unit, place.address + offset, words)

    async def _read(self, model: Model, first: int, count: int) -> Snapshot:
        place = self._place(model)
        count = min(count, place.count - first)
        if count < 1:
            return Snapshot(model, first, ())
        words = await self._bus.read(self._unit, Table.HOLDING, place.address + first, count)
        return Snapshot(model, first, words)

    def _place(self, model: Model) -> Place:
        if model not in self.chain:
            raise Unsupported(f"unit {self._unit}: lacks SunSpec model {model.number}")
        return self.chain.places[model.number]
