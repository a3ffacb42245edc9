"""The meter's Modbus server on a real socket, read by somebody else's SunSpec client and by our own."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import sunspec2.modbus.client as sunspec_client

from drivers.links import Buses
from drivers.modbus.serial_channel import SerialSettings
from firmware_py.meter.modbus_face import CLIENTS_MOST, ModbusFace, reader
from firmware_py.meter.own_map import COUNTERS, COUNTERS_AT, FLOATS, counter_words, float_words
from firmware_py.meter.registers import Flow, Registers, Settings
from firmware_py.meter.rtu_face import RtuFace
from firmware_py.supervise import ended
from protocols.faults import DeviceRefused, NoReply
from protocols.ports import Table
from protocols.sunspec_meter import BASE, Identity, sunspec_words
from sim_hardware.faces.pty_line import PtyLine
from tests.system.eventually import eventually

pytestmark = pytest.mark.system

VALUES: dict[str, float | None] = {
    "voltage_l1_v": 230.25,
    "voltage_l2_v": 229.5,
    "voltage_l3_v": 231.0,
    "current_l1_a": 10.5,
    "power_w": -4321.0,
    "frequency_hz": 49.97,
    "energy_import_wh": 123_456.0,
    "energy_export_wh": 654_321.0,
}
# 20 MWh and 1.5 mWh: no float of 32 bits holds it.
STATE = Registers().counted(Flow(0, 3_600_000_000, 20_000_000.0015 * 3600.0, 0.0), Settings())


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    identity = Identity("Busbar", "meter", "1", "BB-7")
    read = reader(
        (
            (BASE, lambda: sunspec_words(identity, VALUES, 5)),
            (COUNTERS_AT, lambda: counter_words(STATE, 9)),
            (0, lambda: float_words(VALUES)),
        )
    )
    face = ModbusFace("127.0.0.1", 0, 5, read)
    task = asyncio.create_task(face.run())
    try:
        yield await eventually("a port", lambda: face.port)
    finally:
        await ended(task)


def scanned(port: int) -> dict[int, Any]:
    """What pysunspec2 finds by itself, and reads."""
    device = sunspec_client.SunSpecModbusClientDeviceTCP(slave_id=5, ipaddr="127.0.0.1", ipport=port)
    try:
        device.scan()
        for number in (203, 213):
            device.models[number][0].read()
        return {number: models[0] for number, models in device.models.items() if isinstance(number, int)}
    finally:
        device.disconnect()


async def test_a_foreign_sunspec_client_finds_and_reads_the_meter() -> None:
    async with served() as port:
        found = await asyncio.to_thread(scanned, port)
    assert sorted(found) == [1, 203, 213]
    assert (found[1].Mn.value, found[1].SN.value) == ("Busbar", "BB-7")
    assert found[203].PhVphB.cvalue == pytest.approx(229.5)
    assert found[203].W.cvalue == -4321
    assert found[203].Hz.cvalue == pytest.approx(49.97)
    assert (found[203].TotWhImp.cvalue, found[203].TotWhExp.cvalue) == (123_456, 654_321)
    assert found[213].W.value == -4321.0
    assert found[213].AphA.value == 10.5


async def test_our_own_client_reads_the_exact_counters_and_what_is_not_there_is_refused() -> None:
    async with served() as port:
        buses = Buses()
        try:
            bus = buses.get(f"tcp://127.0.0.1:{port}", 5.0)
            words = await bus.read(5, Table.INPUT, COUNTERS_AT, 4 * len(COUNTERS))
            counters = struct.unpack(f">{len(COUNTERS)}Q", struct.pack(f">{len(words)}H", *words))
            assert counters[COUNTERS.index(("import", 0))] == 20_000_000_001
            assert counters[COUNTERS.index(("import", 1))] == 20_000_000_001
            words = await bus.read(5, Table.HOLDING, 0, 2 * len(FLOATS))
            floats = struct.unpack(f">{len(FLOATS)}f", struct.pack(f">{len(words)}H", *words))
            assert floats[FLOATS.index("power_w")] == -4321.0
            assert floats[FLOATS.index("current_l2_a")] != floats[FLOATS.index("current_l2_a")]  # NaN
            for address in (2 * len(FLOATS), 999, BASE - 1, 65_000):
                with pytest.raises(DeviceRefused):
                    await bus.read(5, Table.HOLDING, address, 1)
            with pytest.raises(DeviceRefused):
                await bus.write(5, 0, [1])
        finally:
            await buses.close()


async def test_too_many_clients_and_clients_that_babble_do_not_hurt_the_others() -> None:
    async with served() as port:
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CLIENTS_MOST)]
        try:
            incoming, outgoing = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.timeout(10.0):
                assert await incoming.read() == b""  # one too many
            outgoing.close()
            opened[0][1].write(b"GET / HTTP/1.1\r\n\r\n")
            async with asyncio.timeout(10.0):
                assert await opened[0][0].read() == b""
            opened[1][1].write(bytes.fromhex("000100000006050300000001"))
            async with asyncio.timeout(10.0):
                assert await opened[1][0].readexactly(11)
        finally:
            for _, writer in opened:
                writer.close()


async def test_our_own_client_reads_it_on_a_serial_line_among_other_units() -> None:
    """Two ptys joined end to end; another unit and garbage on the line get no answer and do no harm."""
    lines: list[PtyLine] = []

    def across(end: int, data: bytes) -> None:
        lines[end].send(data)

    lines += [PtyLine(partial(across, 1)), PtyLine(partial(across, 0))]
    one, other = lines
    read = reader(((0, lambda: float_words(VALUES)),))
    task = asyncio.create_task(RtuFace(SerialSettings(one.path, 115_200), 5, read).run())
    buses = Buses()
    try:
        bus = buses.get(f"serial://{other.path}?baud=115200", 1.0)
        words = await bus.read(5, Table.INPUT, 0, 6)
        assert struct.unpack(">3f", struct.pack(">6H", *words)) == (230.25, 229.5, 231.0)
        with pytest.raises(DeviceRefused):
            await bus.read(5, Table.HOLDING, 500, 1)
        with pytest.raises(NoReply):
            await bus.read(6, Table.INPUT, 0, 6)
        one.send(bytes(300))
        assert len(await bus.read(5, Table.HOLDING, 0, 2)) == 2
    finally:
        await ended(task)
        await buses.close()
        one.close()
        other.close()
