"""Any meter whose registers are declared in a map."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from protocols.faults import DeviceRefused, NoReply
from protocols.ports import Nameplate, RegisterBus, Table
from protocols.readings import Measurement
from protocols.registers import RegisterMap


@dataclass(frozen=True, slots=True)
class SerialNumber:
    """Where a device keeps its serial number: an unsigned number, highest word first."""

    table: Table
    address: int
    count: int

    def decode(self, words: Sequence[int]) -> str:
        """The number as it is printed on the device."""
        number = 0
        for word in words:
            number = number << 16 | word
        return str(number)


class RegisterMeter:
    """Implements `protocols.ports.Meter` for a device with a register map and no quirks."""

    def __init__(
        self,
        bus: RegisterBus,
        unit: int,
        registers: RegisterMap,
        *,
        maker: str,
        model: str,
        serial: SerialNumber | None = None,
    ) -> None:
        self._bus = bus
        self._unit = unit
        self._map = registers
        self._maker = maker
        self._model = model
        self._serial = serial

    async def probe(self) -> Nameplate:
        """Check that the device answers for its first block, and read its serial number where it gives one."""
        first = self._map.blocks[0]
        await self._bus.read(self._unit, self._map.table, first.address, first.count)
        serial = await self._serial_number()
        lacks = () if serial else ("serial number",)
        return Nameplate(self._maker, self._model, serial, lacks=lacks)

    async def read(self) -> Measurement:
        """Read every block once."""
        table = self._map.table
        blocks = [await self._bus.read(self._unit, table, block.address, block.count) for block in self._map.blocks]
        return self._map.decode(blocks)

    async def _serial_number(self) -> str:
        place = self._serial
        if place is None:
            return ""
        # A device that answers for its values may refuse or ignore an address its firmware does not know.
        with contextlib.suppress(DeviceRefused, NoReply):
            return place.decode(await self._bus.read(self._unit, place.table, place.address, place.count))
        return ""
