"""The fault matrix of facts/parts.md, row by row, on TCP and RTU: a right value, a retry or a clear fault, never a wrong value.

Four registers are asked for throughout. A row says how the peer treats its n-th request (from 0) and what becomes of it.
"""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from drivers.modbus.bus import Bus
from drivers.modbus.rtu import RtuLine
from drivers.modbus.tcp import TcpLine
from protocols.faults import BadReply, DeviceRefused, Fault, LinkDown, NoReply
from protocols.modbus import Request, read
from protocols.modbus_rtu import crc16
from protocols.ports import Table
from sim_hardware.virtual_time import run_virtual
from tests.drivers import slaves
from tests.drivers.wire import After, Wire
from tests.protocols import modbus_peer as peer

GOOD = slaves.content(1, 20, 4)
Treat = Callable[[int, Request, int], Sequence[After]]


def tcp_bus(treat: Treat, **options: bool) -> tuple[Bus, Wire]:
    def script(frame: bytes) -> Sequence[After]:
        request, transaction = slaves.on_tcp(frame)
        return treat(len(wire.sent) - 1, request, transaction)

    wire = Wire(script, follows=False)
    return Bus(TcpLine("tcp://meter:502", wire.open, timeout_s=1.0, **options)), wire


def rtu_bus(treat: Treat) -> tuple[Bus, Wire]:
    def script(frame: bytes) -> Sequence[After]:
        return treat(len(wire.sent) - 1, slaves.on_rtu(frame), 0)

    wire = Wire(script, follows=True)
    return Bus(RtuLine("serial:///dev/ttyUSB0", wire.open, timeout_s=1.0, gap_s=0.004, keep_open=True)), wire


async def reading(bus: Bus) -> tuple[int, ...] | Fault:
    try:
        return await bus.read(1, Table.HOLDING, 20, 4)
    except Fault as fault:
        return fault
    finally:
        await bus.close()


def at_once(data: bytes) -> list[After]:
    return [After(0.01, data)]


def bytewise(data: bytes) -> list[After]:
    return [After(0.01 + 0.001 * place, bytes((byte,))) for place, byte in enumerate(data)]


def tcp_good(_: int, request: Request, transaction: int) -> list[After]:
    return at_once(slaves.tcp(request, transaction))


def rtu_good(_: int, request: Request, __: int) -> list[After]:
    return at_once(slaves.rtu(request))


def spoiled(frame: bytes) -> bytes:
    return frame[:-1] + bytes((frame[-1] ^ 0x55,))


def lying(request: Request, stated: int) -> bytes:
    """A byte count that does not fit the frame, with a good check sum."""
    frame = slaves.rtu(request)[:-2]
    lie = frame[:2] + bytes((stated,)) + frame[3:]
    return lie + crc16(lie).to_bytes(2, "little")


TCP_ROWS: dict[str, tuple[Treat, object]] = {
    "good": (tcp_good, GOOD),
    "good, byte by byte": (lambda n, r, t: bytewise(slaves.tcp(r, t)), GOOD),
    "3 registers": (lambda n, r, t: at_once(slaves.tcp(r, t, more=-1)), BadReply),
    "5 registers": (lambda n, r, t: at_once(slaves.tcp(r, t, more=1)), BadReply),
    "byte count too small": (
        lambda n, r, t: at_once((frame := slaves.tcp(r, t))[:8] + b"\x06" + frame[9:]),
        BadReply,
    ),
    "another function": (
        lambda n, r, t: at_once(slaves.tcp(read(r.unit, Table.INPUT, r.address, r.count), t)),
        BadReply,
    ),
    "transaction id 0": (lambda n, r, t: at_once(slaves.tcp(r, 0)), BadReply),
    "transaction id far off": (lambda n, r, t: at_once(slaves.tcp(r, t + 400)), BadReply),
    "another unit": (lambda n, r, t: at_once(slaves.tcp(read(9, Table.HOLDING, 20, 4), t)), BadReply),
    "busy twice, then good": (
        lambda n, r, t: at_once(peer.tcp(peer.exception_pdu(r, 6, t))) if n < 2 else tcp_good(n, r, t),
        GOOD,
    ),
    "busy for ever": (lambda n, r, t: at_once(peer.tcp(peer.exception_pdu(r, 6, t))), DeviceRefused),
    "illegal address": (lambda n, r, t: at_once(peer.tcp(peer.exception_pdu(r, 2, t))), DeviceRefused),
    "4 garbage bytes first": (lambda n, r, t: at_once(b"\xde\xad\xbe\xef" + slaves.tcp(r, t)), GOOD),
    "4 zero bytes first": (lambda n, r, t: at_once(bytes(4) + slaves.tcp(r, t)), GOOD),
    "the last reply once more": (lambda n, r, t: at_once(slaves.tcp(r, t - 1, more=0) + slaves.tcp(r, t)), GOOD),
    "half a reply, then closes; good when asked again": (
        lambda n, r, t: [After(0.01, slaves.tcp(r, t)[:9]), After(0.02, None)] if n == 0 else tcp_good(n, r, t),
        GOOD,
    ),
    "closes always": (lambda n, r, t: [After(0.01, None)], LinkDown),
    "silent once, then good": (lambda n, r, t: [] if n == 0 else tcp_good(n, r, t), GOOD),
    "silent": (lambda n, r, t: [], NoReply),
    "half a reply": (lambda n, r, t: at_once(slaves.tcp(r, t)[:9]), NoReply),
}

RTU_ROWS: dict[str, tuple[Treat, object]] = {
    "good": (rtu_good, GOOD),
    "good, byte by byte": (lambda n, r, t: bytewise(slaves.rtu(r)), GOOD),
    "3 registers": (lambda n, r, t: at_once(slaves.rtu(r, more=-1)), BadReply),
    "5 registers": (lambda n, r, t: at_once(slaves.rtu(r, more=1)), BadReply),
    "byte count too small": (lambda n, r, t: at_once(lying(r, 6)), NoReply),
    "byte count too large": (lambda n, r, t: at_once(lying(r, 10)), NoReply),
    "another function": (
        lambda n, r, t: at_once(slaves.rtu(read(r.unit, Table.INPUT, r.address, r.count))),
        BadReply,
    ),
    "busy twice, then good": (
        lambda n, r, t: at_once(peer.rtu(peer.exception_pdu(r, 6))) if n < 2 else rtu_good(n, r, t),
        GOOD,
    ),
    "illegal address": (lambda n, r, t: at_once(peer.rtu(peer.exception_pdu(r, 2))), DeviceRefused),
    "2 garbage bytes first": (lambda n, r, t: at_once(b"\xff\x00" + slaves.rtu(r)), GOOD),
    "local echo": (lambda n, r, t: [After(0.0, peer.rtu(peer.request_pdu(r))), *rtu_good(n, r, t)], GOOD),
    "local echo, and nothing else": (lambda n, r, t: [After(0.0, peer.rtu(peer.request_pdu(r)))], NoReply),
    "one bad CRC": (lambda n, r, t: at_once(spoiled(slaves.rtu(r))) if n == 0 else rtu_good(n, r, t), GOOD),
    "bad CRCs": (lambda n, r, t: at_once(spoiled(slaves.rtu(r))) if r.count == 4 else rtu_good(n, r, t), BadReply),
    "other slave's frame first": (
        lambda n, r, t: at_once(slaves.rtu(read(9, Table.HOLDING, 20, 4)) + slaves.rtu(r)),
        GOOD,
    ),
    "other slave's frame only": (lambda n, r, t: at_once(slaves.rtu(read(9, Table.HOLDING, 20, 4))), NoReply),
    "silent once, then good": (lambda n, r, t: [] if n == 0 else rtu_good(n, r, t), GOOD),
    "silent": (lambda n, r, t: [], NoReply),
    "half a reply": (lambda n, r, t: at_once(slaves.rtu(r)[:9]), NoReply),
    "unplugged in the middle, back when opened again": (
        lambda n, r, t: [After(0.01, slaves.rtu(r)[:5]), After(0.02, None)] if n == 0 else rtu_good(n, r, t),
        GOOD,
    ),
}


def check(result: tuple[int, ...] | Fault, expected: object, name: str) -> None:
    if isinstance(expected, type):
        assert isinstance(result, expected)
        assert str(result).startswith(f"{name}: unit 1, read 4 holding registers at 20 (0x0014): ")
    else:
        assert result == expected


@pytest.mark.parametrize("row", TCP_ROWS)
def test_on_tcp(row: str) -> None:
    treat, expected = TCP_ROWS[row]
    bus, wire = tcp_bus(treat)
    check(run_virtual(reading(bus), horizon_s=60), expected, "tcp://meter:502")
    assert not wire.is_open


@pytest.mark.parametrize("row", RTU_ROWS)
def test_on_rtu(row: str) -> None:
    treat, expected = RTU_ROWS[row]
    bus, wire = rtu_bus(treat)
    check(run_virtual(reading(bus), horizon_s=60), expected, "serial:///dev/ttyUSB0")
    assert not wire.is_open


def test_transaction_id_0_by_the_devices_quirk() -> None:
    bus, _ = tcp_bus(lambda n, r, t: at_once(slaves.tcp(r, 0)), answers_id_0=True)
    assert run_virtual(reading(bus), horizon_s=60) == GOOD


def test_half_a_reply_and_a_hang_up_fail_fast() -> None:
    async def main() -> float:
        bus, _ = tcp_bus(lambda n, r, t: [After(0.01, slaves.tcp(r, t)[:9]), After(0.02, None)])
        result = await reading(bus)
        assert isinstance(result, LinkDown)
        assert "the peer hung up" in str(result)
        return asyncio.get_running_loop().time()

    assert run_virtual(main(), horizon_s=60) < 0.1


def test_a_refusal_carries_its_code_and_is_not_asked_again() -> None:
    bus, wire = rtu_bus(RTU_ROWS["illegal address"][0])
    result = run_virtual(reading(bus), horizon_s=60)
    assert isinstance(result, DeviceRefused)
    assert result.code == 2
    assert str(result).endswith("refused with exception 2 (illegal data address)")
    assert len(wire.sent) == 1
