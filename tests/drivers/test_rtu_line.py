"""A serial line with late, silent, babbling and vanishing slaves: whatever comes late is never the next answer."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.bus import Bus
from drivers.modbus.rtu import RtuLine, gap_s
from drivers.modbus.serial_channel import SerialSettings
from protocols.faults import BadReply, Fault, LinkDown, NoReply
from protocols.modbus import Request, read
from protocols.modbus_rtu import crc16
from protocols.ports import Table
from sim_hardware.virtual_time import run_virtual
from tests.drivers import slaves
from tests.drivers.wire import After, Wire
from tests.protocols import modbus_peer as peer

GAP_S = 0.004
TIMEOUT_S = 0.5
URL = "serial:///dev/ttyUSB0"


class Slaves:
    """Units that answer in order, each request after its own latency (None: never), and keep four requests waiting."""

    def __init__(self, *latencies_s: float | None, then_s: float | None = 0.01, refuses: int = 0) -> None:
        self.wire = Wire(self._script, follows=True)
        self.line = RtuLine(URL, self.wire.open, timeout_s=TIMEOUT_S, gap_s=GAP_S, keep_open=True)
        self.bus = Bus(self.line, retries=0)
        self._latencies = list(latencies_s)
        self._then_s = then_s
        self._refuses = refuses
        self._done_s: dict[int, list[float]] = {}
        self.requests: list[Request] = []

    def _script(self, frame: bytes) -> Sequence[After]:
        request = slaves.on_rtu(frame)
        self.requests.append(request)
        latency_s = self._latencies.pop(0) if self._latencies else self._then_s
        if latency_s is None:
            return []
        now_s = asyncio.get_running_loop().time()
        done = self._done_s.setdefault(request.unit, [])
        done[:] = [at_s for at_s in done if at_s > now_s]
        if len(done) > 4:
            return []
        done_s = max(now_s, *done, 0.0) + latency_s
        done.append(done_s)
        refused = peer.rtu(peer.exception_pdu(request, 2))
        return [After(done_s - now_s, refused if request.count == self._refuses else slaves.rtu(request))]

    async def read(self, unit: int = 1, address: int = 0, count: int = 2) -> tuple[int, ...] | Fault:
        try:
            return await self.bus.read(unit, Table.HOLDING, address, count)
        except Fault as fault:
            return fault


def test_a_reply_50_ms_after_the_time_out_is_never_the_next_answer() -> None:
    """pymodbus took it for the next, different register 20 of 20 times (facts/field-bugs.md)."""

    async def main() -> None:
        for late in range(20):
            line = Slaves(TIMEOUT_S + 0.05)
            assert isinstance(await line.read(address=100), NoReply)
            assert await line.read(address=200 + late) == slaves.content(1, 200 + late, 2)
            await line.bus.close()

    run_virtual(main(), horizon_s=100)


@given(st.lists(st.tuples(st.floats(0.0, 4.0), st.integers(0, 300), st.integers(1, 8)), min_size=2, max_size=30))
def test_no_latency_whatever_leads_to_a_wrong_value(asked: list[tuple[float, int, int]]) -> None:
    """Every request of the bus, soundings too, is answered in order after any latency up to eight time-outs."""

    async def main() -> None:
        line = Slaves(*(latency_s for latency_s, _, _ in asked))
        for _, address, count in asked:
            result = await line.read(address=address, count=count)
            assert isinstance(result, Fault) or result == slaves.content(1, address, count)
        await line.bus.close()

    run_virtual(main(), horizon_s=10_000)


@given(st.floats(0.6, 12.0))
def test_a_meter_that_is_always_too_slow_gives_faults_and_no_values(latency_s: float) -> None:
    async def main() -> None:
        line = Slaves(then_s=latency_s)
        for address in range(0, 60, 2):
            result = await line.read(address=address)
            assert isinstance(result, Fault) or result == slaves.content(1, address, 2)
        await line.bus.close()

    run_virtual(main(), horizon_s=100_000)


def test_after_a_time_out_the_unit_is_asked_nothing_for_as_long_again() -> None:
    async def main() -> None:
        line = Slaves(None)
        await line.read(address=100)
        await line.read(address=200)
        first_s, sounding_s = (at_s for at_s, _ in line.wire.sent[:2])
        assert sounding_s - first_s >= 2 * TIMEOUT_S
        # The sounding asks for another number of registers than the request that is owed and the one to come.
        assert [(request.address, request.count) for request in line.requests] == [(100, 2), (200, 4), (200, 2)]
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_late_reply_under_the_other_table_s_function_is_no_answer_either() -> None:
    """A meter that answers function 4 with 3 (facts: fault matrix), late: found by the storm, RTU, seed 846105594."""

    async def main() -> None:
        asked = read(17, Table.INPUT, 63, 4)
        lie = bytearray(slaves.rtu(asked)[:-2])
        lie[1] = 3
        answered_s = 2.3 * TIMEOUT_S
        arrives = [[After(answered_s, bytes(lie) + crc16(bytes(lie)).to_bytes(2, "little"))]]

        def script(frame: bytes) -> Sequence[After]:
            if arrives:
                return arrives.pop()
            behind_s = max(answered_s - asyncio.get_running_loop().time(), 0.0) + 0.1
            return [After(behind_s, slaves.rtu(slaves.on_rtu(frame)))]

        wire = Wire(script, follows=True)
        bus = Bus(RtuLine(URL, wire.open, timeout_s=TIMEOUT_S, gap_s=GAP_S, keep_open=True), retries=0)
        with pytest.raises(NoReply):
            await bus.read(17, Table.INPUT, 63, 4)
        for _ in range(5):
            try:
                assert await bus.read(17, Table.HOLDING, 98, 4) == slaves.content(17, 98, 4)
                break
            except NoReply:
                continue
        else:
            raise AssertionError("never read again")
        await bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_request_whose_reply_looks_different_needs_no_sounding() -> None:
    async def main() -> None:
        line = Slaves(2.5 * TIMEOUT_S)
        await line.read(address=100, count=2)
        assert await line.read(address=200, count=6) == slaves.content(1, 200, 6)  # the late one is skipped on the way
        assert [request.count for request in line.requests] == [2, 6]
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_the_late_reply_to_a_sounding_is_no_answer_either() -> None:
    async def main() -> None:
        line = Slaves(None, 1.1, 1.1, 0.3)
        for address in (100, 200, 300):
            assert isinstance(await line.read(address=address, count=2), NoReply)
        # Owed by now: the second sounding (its reply passed for the first one's) and the request for 300.
        assert await line.read(address=400, count=4) == slaves.content(1, 400, 4)
        assert [request.count for request in line.requests] == [2, 4, 4, 2, 2, 4]
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_late_refusal_is_not_taken_for_the_next_answer() -> None:
    async def main() -> None:
        line = Slaves(None, 0.3)
        await line.read(address=100, count=2)
        call = asyncio.create_task(line.read(address=200, count=6))
        await asyncio.sleep(TIMEOUT_S + 0.1)
        assert len(line.requests) == 2
        line.wire.inject(peer.rtu(peer.exception_pdu(line.requests[0], 2)))
        result = await call
        assert isinstance(result, BadReply)
        assert "late reply to an earlier request" in str(result)
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_device_that_refuses_soundings_is_read_again_all_the_same() -> None:
    async def main() -> None:
        line = Slaves(None, refuses=4)
        await line.read(address=100)
        assert await line.read(address=200) == slaves.content(1, 200, 2)
        assert [request.count for request in line.requests] == [2, 4, 2]
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_one_dead_slave_costs_the_others_no_more_than_its_time_out() -> None:
    async def main() -> None:
        line = Slaves(None)
        dead = asyncio.create_task(line.read(unit=9))
        await asyncio.sleep(0.01)
        assert await line.read(unit=1) == slaves.content(1, 0, 2)
        assert asyncio.get_running_loop().time() < TIMEOUT_S + 0.05
        again = asyncio.create_task(line.read(unit=9))
        await asyncio.sleep(0.01)
        before_s = asyncio.get_running_loop().time()
        assert await line.read(unit=1) == slaves.content(1, 0, 2)  # within the quarantine of unit 9
        assert asyncio.get_running_loop().time() < before_s + 0.05
        await asyncio.gather(dead, again)
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_call_cancelled_in_the_middle_leaves_no_answer_for_the_next() -> None:
    async def main() -> None:
        line = Slaves(0.3)
        call = asyncio.create_task(line.read(address=100))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await line.read(address=200) == slaves.content(1, 200, 2)
        assert line.wire.sent[1][0] >= 2 * TIMEOUT_S  # not into the reply that was under way
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_the_request_of_a_call_cancelled_at_once_leaves_the_wire_before_the_next_one() -> None:
    """8 characters at 9600 Bd, then the silence: another unit is not asked into them."""

    async def main() -> None:
        line, character_s = Slaves(None), 10 / 9600
        slow = RtuLine(URL, line.wire.open, timeout_s=TIMEOUT_S, gap_s=GAP_S, character_s=character_s, keep_open=True)
        bus = Bus(slow, retries=0)
        call = asyncio.create_task(bus.read(1, Table.HOLDING, 100, 2))
        await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await bus.read(2, Table.HOLDING, 200, 2) == slaves.content(2, 200, 2)
        (first_s, _), (second_s, _) = line.wire.sent
        assert second_s - first_s == pytest.approx(8 * character_s + GAP_S)
        await bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_call_cancelled_in_the_queue_was_never_sent() -> None:
    async def main() -> None:
        line = Slaves()
        first = asyncio.create_task(line.read(address=100))
        second = asyncio.create_task(line.read(address=200))
        await asyncio.sleep(0)
        second.cancel()
        assert await first == slaves.content(1, 100, 2)
        assert await line.read(address=300) == slaves.content(1, 300, 2)
        assert [request.address for request in line.requests] == [100, 300]
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_many_callers_share_the_line_one_at_a_time() -> None:
    async def main() -> None:
        line = Slaves(then_s=0.02)
        results = await asyncio.gather(*(line.read(unit=1 + n % 4, address=10 * n) for n in range(40)))
        assert results == [slaves.content(1 + n % 4, 10 * n, 2) for n in range(40)]
        sent_s = [at_s for at_s, _ in line.wire.sent]
        assert min(b - a for a, b in itertools.pairwise(sent_s)) >= 0.02 + GAP_S - 1e-9
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_an_idle_line_is_not_waited_for() -> None:
    async def main() -> None:
        line = Slaves()
        await line.read()
        await asyncio.sleep(1.0)
        before_s = asyncio.get_running_loop().time()
        await line.read()
        assert line.wire.sent[-1][0] == before_s
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_bytes_nobody_asked_for_are_thrown_away() -> None:
    async def main() -> None:
        line = Slaves()
        await line.read(address=100)
        line.wire.inject(slaves.rtu(line.requests[0]))
        assert await line.read(address=200) == slaves.content(1, 200, 2)
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_nothing_is_sent_into_a_line_that_babbles() -> None:
    async def main() -> None:
        line = Slaves()
        await line.read()

        async def babble() -> None:
            while True:
                line.wire.inject(b"\xff")
                await asyncio.sleep(GAP_S / 2)

        babbling = asyncio.create_task(babble())
        result = await line.read()
        assert isinstance(result, NoReply)
        assert "never silent for 4.00 ms, nothing was sent" in str(result)
        assert len(line.wire.sent) == 1
        babbling.cancel()
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_write_is_sent_once_whatever_comes_of_it() -> None:
    async def main() -> None:
        line = Slaves(None)
        bus = Bus(line.line, retries=3)
        with pytest.raises(NoReply):
            await bus.write(1, 5, [7])
        assert len(line.wire.sent) == 1
        await bus.write(1, 5, [8])
        assert [request.function for request in line.requests] == [16, 3, 16]
        await bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_port_that_went_away_is_opened_again() -> None:
    async def main() -> None:
        line = Slaves()
        await line.read()
        assert line.wire.opened == 1
        line.wire.unplug()
        line.wire.refuses = True
        result = await line.read()
        assert isinstance(result, LinkDown)
        assert str(result).startswith(f"{URL}: unit 1, read 2 holding registers at 0 (0x0000): no connection")
        line.wire.refuses = False
        assert await line.read() == slaves.content(1, 0, 2)
        assert line.wire.opened == 2
        await line.bus.close()
        assert not line.wire.is_open

    run_virtual(main(), horizon_s=100)


def test_a_closed_bus_opens_again_when_used() -> None:
    async def main() -> None:
        line = Slaves()
        await line.read()
        await line.bus.close()
        await line.bus.close()
        assert not line.wire.is_open
        assert await line.read() == slaves.content(1, 0, 2)
        await line.bus.close()

    run_virtual(main(), horizon_s=100)


def test_a_tcp_converter_is_left_after_a_failure_and_owes_its_reply_all_the_same() -> None:
    async def main() -> None:
        line = Slaves(TIMEOUT_S + 0.7)
        behind = RtuLine(URL, line.wire.open, timeout_s=TIMEOUT_S, gap_s=GAP_S, keep_open=False)
        bus = Bus(behind, retries=0)
        with pytest.raises(NoReply):
            await bus.read(1, Table.HOLDING, 100, 2)
        assert not line.wire.is_open
        assert await bus.read(1, Table.HOLDING, 200, 2) == slaves.content(1, 200, 2)
        assert line.wire.opened == 2
        await bus.close()

    run_virtual(main(), horizon_s=100)


@pytest.mark.parametrize(
    ("settings", "character_ms", "gap_ms"),
    [
        (SerialSettings("p", 9600, "E", 1), 11 / 9.6, 38.5 / 9.6),
        (SerialSettings("p", 9600, "N", 1), 10 / 9.6, 35.0 / 9.6),
        (SerialSettings("p", 19200, "N", 2), 11 / 19.2, 38.5 / 19.2),
        (SerialSettings("p", 38400, "E", 1), 11 / 38.4, 1.75),
        (SerialSettings("p", 115200, "N", 1), 10 / 115.2, 1.75),
    ],
)
def test_the_silence_between_frames_is_the_specifications(
    settings: SerialSettings, character_ms: float, gap_ms: float
) -> None:
    assert settings.character_s * 1000 == pytest.approx(character_ms)
    assert gap_s(settings) * 1000 == pytest.approx(gap_ms)


def test_a_slow_line_is_given_the_time_its_characters_take() -> None:
    """125 registers at 9600 Bd take 0.27 s: a time-out of 0.1 s is for the device, not for the wire."""

    async def main() -> None:
        line = Slaves(then_s=0.3)
        slow = RtuLine(URL, line.wire.open, timeout_s=0.1, gap_s=GAP_S, character_s=10 / 9600, keep_open=True)
        assert len(await Bus(slow).read(1, Table.HOLDING, 0, 125)) == 125
        await slow.close()

    run_virtual(main(), horizon_s=100)
