"""Every row of the fault matrix, recorded and replayed: the driver ends the same way, as late as it did, on virtual time."""

import asyncio

import pytest

from drivers.modbus.bus import Bus
from drivers.modbus.channel import Opener
from drivers.modbus.rtu import RtuLine
from drivers.modbus.tcp import TcpLine
from drivers.recording.lines import Plan
from protocols.faults import Fault
from protocols.modbus import Request, read
from protocols.ports import Table
from protocols.recording import GotLate, Line, Recorded, Recording, encoded, parse
from sim_hardware.replay.device import Framing, renumbered
from sim_hardware.replay.player import Player
from sim_hardware.virtual_time import run_virtual
from tests.drivers import slaves
from tests.drivers.test_modbus_faults import RTU_ROWS, TCP_ROWS, Treat, reading, rtu_bus, tcp_bus
from tests.drivers.wire import After, Wire
from tests.replay import wire_of

URLS = {Framing.TCP: "tcp://meter:502", Framing.RTU: "serial:///dev/ttyUSB0"}
ROWS = [(Framing.TCP, row) for row in TCP_ROWS] + [(Framing.RTU, row) for row in RTU_ROWS]
Ended = tuple[object, ...]


def line_on(wire: Wire, framing: Framing, lines: list[Line] | None = None, plan: Plan | None = None) -> Bus:
    """The driver's bus on a wire, with an ear on it where there are lines to fill."""
    opener: Opener = wire.open
    if lines is not None:
        heard = plan or Plan(URLS[framing], (Recorded("sdm630", 1),), 1.0)
        opener = heard.through(lines.append, asyncio.get_running_loop().time)(wire.open)
    if framing is Framing.TCP:
        return Bus(TcpLine("line", opener, timeout_s=1.0))
    return Bus(RtuLine("line", opener, timeout_s=1.0, gap_s=0.004, keep_open=True))


async def ended(bus: Bus) -> Ended:
    """How a read ends, and when."""
    result = await reading(bus)
    kind = (type(result), getattr(result, "code", 0)) if isinstance(result, Fault) else result
    return kind, pytest.approx(asyncio.get_running_loop().time(), abs=0.02)


def on_disk(framing: Framing, lines: list[Line], plan: Plan | None = None) -> Recording:
    """What a file with these lines holds."""
    head = (plan or Plan(URLS[framing], (Recorded("sdm630", 1),), 1.0)).head(version="test", utc="2026-11-21")
    whole = parse(b"".join(map(encoded, (head, *lines))), "record")
    assert not whole.is_cut
    assert list(whole.lines) == lines
    return whole


def recorded(framing: Framing, treat: Treat) -> tuple[Ended, Recording]:
    lines: list[Line] = []

    async def main() -> Ended:
        _, wire = tcp_bus(treat) if framing is Framing.TCP else rtu_bus(treat)
        return await ended(line_on(wire, framing, lines))

    return run_virtual(main(), horizon_s=60), on_disk(framing, lines)


async def again(record: Recording, framing: Framing) -> Ended:
    return await ended(line_on(wire_of(Player(record, in_order=True)), framing))


@pytest.mark.parametrize(("framing", "row"), ROWS, ids=str)
def test_a_recorded_fault_is_that_fault_again(framing: Framing, row: str) -> None:
    treat, _ = (TCP_ROWS if framing is Framing.TCP else RTU_ROWS)[row]
    first, record = recorded(framing, treat)
    assert run_virtual(again(record, framing), horizon_s=60) == first


@pytest.mark.parametrize(("framing", "row"), ROWS, ids=str)
def test_at_the_time_of_the_record_too(framing: Framing, row: str) -> None:
    treat, _ = (TCP_ROWS if framing is Framing.TCP else RTU_ROWS)[row]
    first, record = recorded(framing, treat)

    async def by_time() -> Ended:
        return await ended(line_on(wire_of(Player(record)), framing))

    assert run_virtual(by_time(), horizon_s=60) == first


def test_a_late_reply_is_late_again() -> None:
    """The second read gets its own words, both times, though the reply to the first one comes in between."""

    def treat(number: int, request: Request, transaction: int) -> list[After]:
        return [After(1.3 if number == 0 else 0.01, slaves.rtu(request))]

    first, record = recorded(Framing.RTU, treat)
    assert isinstance(record.lines[0], GotLate)
    assert run_virtual(again(record, Framing.RTU), horizon_s=60) == first

    async def quickly() -> float:
        bus = line_on(wire_of(Player(record, speed=100.0, in_order=True)), Framing.RTU)
        assert await bus.read(1, Table.HOLDING, 20, 4) == slaves.content(1, 20, 4)
        await bus.close()
        return asyncio.get_running_loop().time()

    assert run_virtual(quickly(), horizon_s=60) > 1.0, "no speed makes it a reply in time"


def test_frames_get_the_number_of_the_request_that_is_answered() -> None:
    request = read(1, Table.HOLDING, 20, 4)
    both = slaves.tcp(request, 6) + slaves.tcp(request, 7)
    assert renumbered(both, 7, 900) == slaves.tcp(request, 899) + slaves.tcp(request, 900)
    stranger = slaves.tcp(request, 400)
    assert renumbered(b"\xde\xad" + stranger, 7, 900) == b"\xde\xad" + stranger
