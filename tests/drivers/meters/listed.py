"""A meter made from a register list written down as text, refusing what the device of that list refuses."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from drivers.catalogue import MODELS, BatteryModel, InverterModel, MeterModel
from drivers.meters import TYPES
from drivers.register_meter import MeterType
from protocols.faults import DeviceRefused
from protocols.ports import Meter, Table
from tests.drivers.memory_bus import MemoryBus

ILLEGAL_ADDRESS, ILLEGAL_VALUE = 2, 3


@dataclass(frozen=True)
class Row:
    """One value of a list: where it is, its words on the wire, our name for it ("-": none) and what it means."""

    address: int
    words: tuple[int, ...]
    quantity: str
    value: float | None

    @property
    def inner(self) -> range:
        """The addresses at which no request may begin, or end before."""
        return range(self.address + 1, self.address + len(self.words))


def rows(listing: str) -> Iterator[Row]:
    """Lines of `address words quantity value  # what the list says`; an address is in the list's own base."""
    for line in filter(None, listing.splitlines()):
        address, *words, quantity, value = line.split("#")[0].split()
        shown = None if value == "None" else float(value)
        yield Row(int(address, 0), tuple(int(word, 16) for word in words), quantity, shown)


class ListedMeter(MemoryBus):
    """Has the registers of the list and no others, unless `filler` stands in those between.

    `base` is subtracted from the addresses of the list. Refuses more than `count_max` registers, and (`whole`) a request
    that cuts a value.
    """

    def __init__(
        self,
        listing: str,
        table: Table,
        *,
        base: int = 0,
        count_max: int = 125,
        filler: int | None = None,
        whole: bool = True,
    ) -> None:
        super().__init__()
        self.rows = list(rows(listing))
        self._count_max = count_max
        places = [row.address - base for row in self.rows]
        if filler is not None:
            self.fill(min(places), [filler] * (max(places) - min(places)), table)
        for row, place in zip(self.rows, places, strict=True):
            self.fill(place, row.words, table)
        self._inner = {(table, place - base) for row in self.rows for place in row.inner if whole}

    @property
    def shows(self) -> dict[str, object]:
        """What the list says that these words mean, by our names; about that, as a factor of 0.1 is no binary number."""
        ours = [row for row in self.rows if row.quantity != "-"]
        return {row.quantity: row.value if row.value is None else pytest.approx(row.value, rel=1e-9) for row in ours}

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        if count > self._count_max:
            raise DeviceRefused(f"{count} registers", ILLEGAL_VALUE)
        if {(table, address), (table, address + count)} & self._inner:
            raise DeviceRefused(f"{address} to {address + count} cuts a value", ILLEGAL_ADDRESS)
        return await super().read(unit, table, address, count)


def meter_type(name: str) -> MeterType:
    (found,) = [kind for kind in TYPES if kind.name == name]
    return found


async def check(name: str, meter: ListedMeter) -> None:
    """The driver of this name shows what the list says of this meter: every value, and nothing else."""
    driver = meter_type(name).build(meter, 1)
    await driver.probe()
    assert await driver.read() == meter.shows


def built(name: str, meter: ListedMeter) -> Meter:
    """The catalogue's driver of that name on a listed device."""
    match MODELS[name]:
        case InverterModel(build) | BatteryModel(build):
            return build(meter, 1, None)
        case MeterModel(build_meter):
            return build_meter(meter, 1)
        case other:
            raise AssertionError(f"{name}: {other} has no listed registers")


async def shows_what_is_listed(name: str, image: ListedMeter) -> None:
    """The driver reads every value of the list and promises no other."""
    meter = built(name, image)
    await meter.probe()
    assert await meter.read() == image.shows
    assert set(image.shows) == set(MODELS[name].sheet.quantities)
