"""pymodbus' server side, hidden: framing and PDUs are its, sockets, lines and registers are ours.

A foreign server keeps our client and our devices from being wrong together. pymodbus changes its API in every minor
release (written against 3.16.1): this is the only module that imports it. Two things are used beyond its documents: its
listener is a factory of asyncio protocols, which work on any transport, and its PDUs ask `server.context` for registers.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar, cast

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from protocols.ports import Table
from sim_hardware.devices.image import ModbusRefusal
from sim_hardware.faults import FaultyImage, NoAnswer

T = TypeVar("T")

# Table by the function code that pymodbus hands on; the writing functions read back what they wrote.
TABLES: Final = {3: Table.HOLDING, 4: Table.INPUT, 6: Table.HOLDING, 22: Table.HOLDING, 23: Table.HOLDING}
WRITES: Final = frozenset({6, 16, 22, 23})
# Functions on single bits: 1 and 2 read coils and inputs, 5 and 15 write coils and read back what they wrote.
READS_BITS: Final = {1: True, 2: False, 5: True, 15: True}
WRITES_BITS: Final = frozenset({5, 15})


class Framing(Enum):
    """How frames stand on the wire."""

    TCP = FramerType.SOCKET
    RTU = FramerType.RTU


class _Registers:
    """What pymodbus' PDUs ask for registers; it calls these names."""

    def __init__(self, images: Mapping[int, FaultyImage], framing: Framing) -> None:
        self._images = images
        self._framing = framing

    def device_ids(self) -> list[int]:
        return list(self._images)

    async def async_getValues(  # noqa: N802 - pymodbus' name
        self, device_id: int, func_code: int, address: int, count: int = 1
    ) -> list[int] | list[bool] | ExcCodes:
        if func_code in READS_BITS:
            coils = READS_BITS[func_code]
            return self._ask(device_id, lambda image: image.read_bits(coils, address, count))
        table = TABLES.get(func_code)
        if table is None:
            return ExcCodes.ILLEGAL_FUNCTION
        return self._ask(device_id, lambda image: image.read(table, address, count))

    async def async_setValues(  # noqa: N802 - pymodbus' name
        self, device_id: int, func_code: int, address: int, values: list[int]
    ) -> ExcCodes | None:
        if func_code not in WRITES | WRITES_BITS:
            return ExcCodes.ILLEGAL_FUNCTION

        def write(image: FaultyImage) -> list[int]:
            if func_code in WRITES_BITS:
                image.write_bits(address, [bool(value) for value in values])
            else:
                image.write(address, values)
            return []

        answer = self._ask(device_id, write)
        return answer if isinstance(answer, ExcCodes) else None

    def _ask(self, unit: int, question: Callable[[FaultyImage], list[T]]) -> list[T] | ExcCodes:
        image = self._images.get(unit)
        if image is None:
            return self._nobody()
        try:
            return question(image)
        except NoAnswer:
            raise NoSuchIdException from None
        except ModbusRefusal as refusal:
            known = refusal.code in list(ExcCodes)
            return ExcCodes(refusal.code) if known else ExcCodes.DEVICE_FAILURE

    def _nobody(self) -> ExcCodes:
        """Behind a TCP port a gateway says so; on a serial line nobody speaks up."""
        if self._framing is Framing.RTU:
            raise NoSuchIdException
        return ExcCodes.GATEWAY_NO_RESPONSE


def protocol_factory(images: Mapping[int, FaultyImage], framing: Framing) -> Callable[[], asyncio.Protocol]:
    """A factory of protocols, one per connection, that answer Modbus requests from these images (unit id: image).

    Needs a running loop. `NoSuchIdException` is how pymodbus is told to stay silent (`ignore_missing_devices`).
    """
    unused = SimDevice(0, SimData(0, datatype=DataType.REGISTERS))
    server = ModbusTcpServer(unused, framer=framing.value, ignore_missing_devices=True)
    server.context = cast(Any, _Registers(images, framing))
    return cast(Callable[[], asyncio.Protocol], server.handle_new_connection)
