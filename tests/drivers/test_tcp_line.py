"""A TCP connection that is refused, dropped, silent or left in the middle."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from drivers.modbus.bus import Bus
from drivers.modbus.tcp import TcpLine
from protocols.faults import Fault, LinkDown, NoReply
from protocols.modbus_tcp import FIRST, LAST
from protocols.ports import Table
from sim_hardware.virtual_time import run_virtual
from tests.drivers import slaves
from tests.drivers.wire import After, Wire

TIMEOUT_S = 1.0
URL = "tcp://meter:502"


class Server:
    """Answers each request after its own latency (None: never)."""

    def __init__(self, *latencies_s: float | None, gap_s: float = 0.0, retries: int = 0) -> None:
        self.wire = Wire(self._script, follows=False)
        self.line = TcpLine(URL, self.wire.open, timeout_s=TIMEOUT_S, gap_s=gap_s)
        self.bus = Bus(self.line, retries=retries)
        self._latencies = list(latencies_s)
        self.transactions: list[int] = []

    def _script(self, frame: bytes) -> Sequence[After]:
        request, transaction = slaves.on_tcp(frame)
        self.transactions.append(transaction)
        latency_s = self._latencies.pop(0) if self._latencies else 0.01
        return [] if latency_s is None else [After(latency_s, slaves.tcp(request, transaction))]

    async def read(self, address: int = 0) -> tuple[int, ...] | Fault:
        try:
            return await self.bus.read(1, Table.INPUT, address, 2)
        except Fault as fault:
            return fault


def test_one_connection_serves_many_calls_one_at_a_time() -> None:
    async def main() -> None:
        server = Server()
        results = await asyncio.gather(*(server.read(n) for n in range(20)))
        assert results == [slaves.content(1, n, 2) for n in range(20)]
        assert server.transactions == list(range(FIRST, FIRST + 20))
        assert server.wire.opened == 1
        sent_s = [at_s for at_s, _ in server.wire.sent]
        assert min(b - a for a, b in itertools.pairwise(sent_s)) >= 0.01 - 1e-9
        await server.bus.close()
        assert not server.wire.is_open

    run_virtual(main(), horizon_s=100)


def test_a_half_open_connection_is_left_and_made_anew() -> None:
    async def main() -> None:
        server = Server(0.01, None)
        await server.read()
        result = await server.read(7)
        assert isinstance(result, NoReply)
        assert str(result) == (
            f"{URL}: unit 1, read 2 input registers at 7 (0x0007): no reply within 1 s (nothing came)"
        )
        assert not server.wire.is_open
        assert await server.read() == slaves.content(1, 0, 2)
        assert server.wire.opened == 2
        await server.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_late_reply_dies_with_its_connection() -> None:
    async def main() -> None:
        server = Server(TIMEOUT_S + 0.05)
        assert isinstance(await server.read(100), NoReply)
        assert await server.read(200) == slaves.content(1, 200, 2)
        await server.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_call_cancelled_in_the_middle_leaves_the_connection() -> None:
    async def main() -> None:
        server = Server(0.5)
        call = asyncio.create_task(server.read(100))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not server.wire.is_open
        assert await server.read(200) == slaves.content(1, 200, 2)
        await server.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_connection_dropped_while_idle_is_made_anew_before_anything_is_sent() -> None:
    async def main() -> None:
        server = Server()
        await server.read()
        server.wire.unplug()
        await server.bus.write(1, 5, [7])  # a write, which is never sent twice, gets through
        assert server.wire.opened == 2
        assert len(server.wire.sent) == 2
        await server.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_refused_connection_is_reported_at_once_and_tried_again_by_the_next_call() -> None:
    async def main() -> None:
        server = Server(retries=3)
        server.wire.refuses = True
        result = await server.read()
        assert isinstance(result, LinkDown)
        assert str(result) == (
            f"{URL}: unit 1, read 2 input registers at 0 (0x0000): no connection: Connection refused"
        )
        server.wire.refuses = False
        assert await server.read() == slaves.content(1, 0, 2)
        await server.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_write_that_got_no_reply_is_not_repeated() -> None:
    async def main() -> None:
        server = Server(None, retries=3)
        with pytest.raises(NoReply):
            await server.bus.write(1, 5, [7])
        assert len(server.wire.sent) == 1

    run_virtual(main(), horizon_s=100)


def test_a_device_that_needs_a_pause_between_requests_gets_it() -> None:
    async def main() -> None:
        server = Server(gap_s=0.3)
        await server.read()
        await server.read()
        first_s, second_s = (at_s for at_s, _ in server.wire.sent)
        assert second_s - first_s == pytest.approx(0.31)
        await server.bus.close()

    run_virtual(main(), horizon_s=100)


def test_transaction_ids_go_round() -> None:
    async def main() -> None:
        server = Server()
        server.line._transaction = LAST - 2  # as after so many calls
        for _ in range(4):
            await server.read()
        assert server.transactions == [LAST - 1, LAST, FIRST, FIRST + 1]
        await server.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_busy_device_does_not_hold_the_line_while_it_is_waited_for() -> None:
    from tests.protocols import modbus_peer as peer

    def script(frame: bytes) -> Sequence[After]:
        request, transaction = slaves.on_tcp(frame)
        busy = request.unit == 2 and len(wire.sent) < 4
        frame = peer.tcp(peer.exception_pdu(request, 6, transaction)) if busy else slaves.tcp(request, transaction)
        return [After(0.01, frame)]

    wire = Wire(script, follows=False)

    async def main() -> None:
        bus = Bus(TcpLine(URL, wire.open, timeout_s=TIMEOUT_S))
        waiting = asyncio.create_task(bus.read(2, Table.HOLDING, 0, 1))
        await asyncio.sleep(0.02)
        assert await bus.read(1, Table.HOLDING, 0, 1) == (1000,)
        assert asyncio.get_running_loop().time() < 0.05
        assert await waiting == (2000,)
        await bus.close()

    run_virtual(main(), horizon_s=100)
