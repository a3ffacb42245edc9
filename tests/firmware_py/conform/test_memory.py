"""What stood in a device's registers before a trial stands there again afterwards."""

import pytest

from firmware_py.conform.checks import Result
from firmware_py.conform.memory import RememberingBus
from protocols.faults import DeviceRefused
from protocols.modbus import read
from protocols.ports import Table
from sim_hardware.virtual_time import run_virtual
from tests.drivers.memory_bus import MemoryBus


def bus_of(*words: int) -> tuple[MemoryBus, RememberingBus]:
    device = MemoryBus()
    device.fill(100, words)
    return device, RememberingBus(device)


def test_everything_written_is_put_back_the_last_first() -> None:
    async def main() -> None:
        device, bus = bus_of(1, 2, 3)
        for address, words in ((100, (10, 20)), (102, (30,)), (100, (11, 21))):
            await bus.write(1, address, words)
        found = await bus.restored()
        assert found.result is Result.PASSED
        assert device.tables[Table.HOLDING] == {100: 1, 101: 2, 102: 3}
        assert device.writes[3:] == [(102, (3,)), (100, (1, 2))]

    run_virtual(main(), horizon_s=10.0)


def test_a_register_that_keeps_something_else_is_told() -> None:
    async def main() -> None:
        device, bus = bus_of(1)
        await bus.write(1, 100, (10,))
        device.on_write = lambda address, words: {100: 5}
        found = await bus.restored()
        assert (found.result, found.said) == (Result.FAILED, "100: 0001 before, 0005 now")

    run_virtual(main(), horizon_s=10.0)


def test_nothing_written_is_nothing_to_judge_and_the_first_read_is_known() -> None:
    async def main() -> None:
        _, bus = bus_of(1, 2)
        with pytest.raises(DeviceRefused):
            await bus.read(1, Table.HOLDING, 500, 1)
        assert bus.known is None
        await bus.read(1, Table.HOLDING, 100, 2)
        await bus.read(1, Table.HOLDING, 101, 1)
        assert bus.known == read(1, Table.HOLDING, 100, 2)
        assert (await bus.restored()).result is Result.NOT_POSSIBLE

    run_virtual(main(), horizon_s=10.0)
