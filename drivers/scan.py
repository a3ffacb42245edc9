"""Who answers on a line: each unit is asked for what SunSpec and the known meters tell of themselves. Reads only.

A device that tells no identity is recognised by its values at best: a known map under which every value can be believed,
with a mains voltage and a mains frequency, is named as a guess and as no more.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.candidate import examine
from drivers.meters import TYPES
from drivers.register_meter import MeterType
from drivers.sunspec import battery, inverter
from drivers.sunspec.discovery import BASES, MARKER, Chain, Device, discover
from drivers.sunspec.models import DER_CONTROLS, DER_MEASUREMENT, INVERTER_THREE_PHASE, STORAGE
from drivers.sunspec.nameplate import nameplate
from protocols.faults import BadReply, DeviceRefused, Fault, LinkDown, NoReply, Unsupported
from protocols.ports import Nameplate, RegisterBus, Table

# Gateways answer for a unit that is not there: V1.1b3, 7, exceptions 0x0A and 0x0B.
_NOBODY: Final = (0x0A, 0x0B)
_MAINS_V: Final = (90.0, 270.0)
_MAINS_HZ: Final = (45.0, 65.0)


@dataclass(frozen=True, slots=True)
class Found:
    """A unit that answers: the models that it may be (one: it says so itself), who it says it is, and what is to be told.

    `unit` is None for a meter that talks by itself.
    """

    unit: int | None
    models: tuple[str, ...] = ()
    plate: Nameplate | None = None
    note: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether the device itself said what it is."""
        return len(self.models) == 1 and not self.note


async def scan(bus: RegisterBus, units: Iterable[int]) -> AsyncIterator[Found | int]:
    """Each unit that answers, and the number of each that does not; LinkDown where there is no line.

    The bus should ask once and be impatient: a silent unit costs two of its time-outs.
    """
    for unit in units:
        yield await _found(bus, unit) if await _answers(bus, unit) else unit


async def _answers(bus: RegisterBus, unit: int) -> bool:
    """Whether anything comes back, be it a refusal; some devices are silent about a table that they lack."""
    for table, address in ((Table.HOLDING, BASES[0]), (Table.INPUT, 0)):
        try:
            await bus.read(unit, table, address, len(MARKER))
        except DeviceRefused as refused:
            return refused.code not in _NOBODY
        except (NoReply, BadReply):
            continue
        return True
    return False


async def _found(bus: RegisterBus, unit: int) -> Found:
    try:
        return await _sunspec(bus, unit)
    except Unsupported:
        return await _meter(bus, unit)
    except LinkDown:
        raise
    except Fault as fault:
        return Found(unit, note=f"answers, then: {fault}")


async def _sunspec(bus: RegisterBus, unit: int) -> Found:
    chain = await discover(bus, unit)
    plate = await nameplate(Device(bus, unit, chain), None, ())
    if (model := _driver(chain)) is not None:
        return Found(unit, (model,), plate)
    return Found(
        unit, (), plate, f"SunSpec models {', '.join(map(str, chain.places))}: none of the drivers reads these"
    )


def _driver(chain: Chain) -> str | None:
    if STORAGE in chain and DER_CONTROLS in chain:
        return battery.MODEL
    return inverter.MODEL if INVERTER_THREE_PHASE in chain or DER_MEASUREMENT in chain else None


async def _meter(bus: RegisterBus, unit: int) -> Found:
    said: dict[tuple[Table, int, int], Sequence[int] | None] = {}
    for kind in TYPES:
        if (identity := kind.identity) is None:
            continue
        place = (identity.table, identity.address, identity.count)
        if place not in said:
            said[place] = await _words(bus, unit, *place)
        words = said[place]
        if words is not None and identity.fits(words):
            return Found(unit, (kind.name,), await kind.build(bus, unit).probe())
    return await _guessed(bus, unit)


async def _guessed(bus: RegisterBus, unit: int) -> Found:
    likely = tuple([kind.name for kind in TYPES if kind.identity is None and await _looks_right(bus, unit, kind)])
    if not likely:
        return Found(unit, note="answers, and says nothing that any known device would")
    return Found(unit, likely, note="a guess from its values: compare them with its display")


async def _looks_right(bus: RegisterBus, unit: int, kind: MeterType) -> bool:
    """Whether the device can be read as this: mains voltage and frequency, and no value that can not be."""
    try:
        seen = await examine(bus, unit, kind.registers)
    except Fault:
        return False
    values = {each.field.quantity: each.value for each in seen}
    volts, hertz = values.get("voltage_l1_v"), values.get("frequency_hz")
    if volts is None or hertz is None or not all(each.is_believable for each in seen):
        return False
    return _MAINS_V[0] <= volts <= _MAINS_V[1] and _MAINS_HZ[0] <= hertz <= _MAINS_HZ[1]


async def _words(bus: RegisterBus, unit: int, table: Table, address: int, count: int) -> Sequence[int] | None:
    try:
        return await bus.read(unit, table, address, count)
    except (DeviceRefused, NoReply, BadReply):
        return None
