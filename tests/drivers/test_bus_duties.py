"""What a bus owes those who share it: the urgent first, the dead one apart, each unit at its own pace."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from drivers.modbus.bus import Bus
from drivers.modbus.channel import Dial
from drivers.modbus.manners import FACTOR, LEAST_S, REST, Resting
from drivers.modbus.rtu import RtuLine
from drivers.modbus.tcp import TcpLine
from drivers.modbus.turns import STARVED_S
from protocols.faults import DeviceRefused, Fault, LinkDown, NoReply
from protocols.modbus import Function, Request
from protocols.ports import Table
from protocols.priority import Priority, asking
from sim_hardware.virtual_time import run_virtual
from tests.drivers import slaves
from tests.drivers.wire import After, MemoryChannel, Wire
from tests.protocols import modbus_peer as peer

TIMEOUT_S = 1.0
GAP_S = 0.004
LATENCY_S = 0.02

# Says how a request is treated: after so long, never (None), or refused with an exception (a negative number).
Treat = Callable[[Request], float | None]


def steady(request: Request) -> float | None:
    return LATENCY_S


class Shared:
    """A wire with units that do as `treat` says, and a bus on it, TCP or RTU."""

    def __init__(self, kind: str, treat: Treat = steady, *, retries: int = 1) -> None:
        self.kind, self.treat = kind, treat
        self.asked: list[tuple[float, Request]] = []
        self.wire = Wire(self._script, follows=kind == "rtu")
        if kind == "rtu":
            self.bus = Bus(
                RtuLine("line", self.wire.open, timeout_s=TIMEOUT_S, gap_s=GAP_S, keep_open=True), retries=retries
            )
        else:
            self.bus = Bus(TcpLine("line", self.wire.open, timeout_s=TIMEOUT_S), retries=retries)

    def _script(self, frame: bytes) -> Sequence[After]:
        request, transaction = (slaves.on_rtu(frame), 0) if self.kind == "rtu" else slaves.on_tcp(frame)
        self.asked.append((asyncio.get_running_loop().time(), request))
        answer = self.treat(request)
        if answer is None:
            return []
        if answer < 0:
            pdu = peer.exception_pdu(request, int(-answer), transaction)
            return [After(LATENCY_S, peer.rtu(pdu) if self.kind == "rtu" else peer.tcp(pdu))]
        return [After(answer, slaves.rtu(request) if self.kind == "rtu" else slaves.tcp(request, transaction))]

    async def read(self, unit: int, address: int = 0, count: int = 2) -> tuple[int, ...] | Fault:
        try:
            return await self.bus.read(unit, Table.HOLDING, address, count)
        except Fault as fault:
            return fault

    @property
    def units(self) -> list[int]:
        return [request.unit for _, request in self.asked]


def on_virtual_time(main: Coroutine[Any, Any, None]) -> None:
    run_virtual(main, horizon_s=10_000)


both = pytest.mark.parametrize("kind", ["tcp", "rtu"])


# Priorities


async def ask(shared: Shared, unit: int, how: Priority) -> None:
    with asking(how):
        await shared.read(unit)


@both
def test_control_goes_before_telemetry_before_slow_data(kind: str) -> None:
    async def main() -> None:
        shared = Shared(kind)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ask(shared, 9, Priority.TELEMETRY))  # in flight while the others queue
            await asyncio.sleep(0.001)
            for unit, how in ((1, Priority.SLOW), (2, Priority.TELEMETRY), (3, Priority.CONTROL), (4, Priority.SLOW)):
                tasks.create_task(ask(shared, unit, how))
            tasks.create_task(shared.bus.write(5, 0, [1]))  # a write is control, whoever asks
        assert shared.units == [9, 3, 5, 2, 1, 4]
        await shared.bus.close()

    on_virtual_time(main())


@both
def test_slow_data_is_not_starved_for_ever(kind: str) -> None:
    async def main() -> None:
        shared = Shared(kind)

        async def flood(unit: int) -> None:
            while True:
                await shared.read(unit)

        floods = [asyncio.create_task(flood(unit)) for unit in (1, 2, 3)]
        await asyncio.sleep(0.001)
        began_s = asyncio.get_running_loop().time()
        await ask(shared, 9, Priority.SLOW)
        assert STARVED_S <= asyncio.get_running_loop().time() - began_s < STARVED_S + 0.2
        for each in floods:
            each.cancel()
        await asyncio.gather(*floods, return_exceptions=True)
        await shared.bus.close()

    on_virtual_time(main())


@both
def test_a_call_cancelled_in_the_queue_takes_no_turn_with_it(kind: str) -> None:
    async def main() -> None:
        shared = Shared(kind)
        calls = [asyncio.create_task(shared.read(unit)) for unit in (1, 2, 3)]
        await asyncio.sleep(0.001)
        calls[1].cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert shared.units == [1, 3]
        assert await shared.read(4) == slaves.content(4, 0, 2)
        await shared.bus.close()

    on_virtual_time(main())


# The dead unit


async def learn(shared: Shared, *units: int, times: int = 10) -> None:
    for _ in range(times):
        for unit in units:
            assert not isinstance(await shared.read(unit), Fault)


@both
def test_a_dead_unit_costs_the_others_one_short_time_out_in_a_back_off_period(kind: str) -> None:
    """Closed form: the time-out is LEAST_S at first, doubled by each miss up to TIMEOUT_S; the rest is REST times it."""

    async def main() -> None:
        shared = Shared(kind)
        await learn(shared, 1, 2)
        shared.treat = lambda request: None if request.unit == 2 else LATENCY_S
        loop = asyncio.get_running_loop()
        died_s = loop.time()

        async def insist() -> None:
            while True:
                await shared.read(2)
                await asyncio.sleep(0.05)

        insisting = asyncio.create_task(insist())
        slowest_s, answered = 0.0, 0
        while loop.time() < died_s + 60.0:
            asked_s = loop.time()
            assert await shared.read(1) == slaves.content(1, 0, 2)
            slowest_s, answered = max(slowest_s, loop.time() - asked_s), answered + 1
        dead_s = [at_s - died_s for at_s, request in shared.asked if at_s >= died_s and request.unit == 2]
        expected_s, at_s = [0.0], LEAST_S
        timeouts_s = [min(LEAST_S * 2**n, TIMEOUT_S) for n in range(1, 20)]
        for timeout_s in timeouts_s:  # the retry first, then one in each period
            expected_s.append(at_s)
            at_s += (1 + REST) * timeout_s
        due_s = [each for each in expected_s if each < 60.0]
        assert len(dead_s) <= len(due_s)
        assert len(dead_s) >= len(due_s) - 1
        for (one, other), timeout_s in zip(itertools.pairwise(dead_s[1:]), timeouts_s, strict=False):
            assert other - one >= (1 + REST) * timeout_s - 1e-6
        assert slowest_s < TIMEOUT_S + 5 * LATENCY_S
        lost_s = LEAST_S + sum(timeouts_s[: len(dead_s) - 1])
        assert answered > (60.0 - lost_s) / (LATENCY_S + GAP_S) * 0.9
        insisting.cancel()
        await asyncio.gather(insisting, return_exceptions=True)
        await shared.bus.close()

    on_virtual_time(main())


@both
def test_while_it_rests_a_dead_unit_is_a_fault_at_once_and_it_comes_back(kind: str) -> None:
    async def main() -> None:
        shared = Shared(kind)
        await learn(shared, 1, 2)
        shared.treat = lambda request: None if request.unit == 2 else LATENCY_S
        assert isinstance(await shared.read(2), NoReply)
        shared.treat = steady
        asked, now_s = len(shared.asked), asyncio.get_running_loop().time()
        rests = await shared.read(2)
        assert isinstance(rests, Resting)
        assert "line: unit 2, read 2 holding registers" in str(rests)
        assert "not asked: silent 2 times in a row, asked again in 3.0 s" in str(rests)
        assert (len(shared.asked), asyncio.get_running_loop().time()) == (asked, now_s)
        await asyncio.sleep(REST * 2 * LEAST_S + 0.01)
        assert await shared.read(2) == slaves.content(2, 0, 2)
        assert await shared.read(2) == slaves.content(2, 0, 2)
        await shared.bus.close()

    on_virtual_time(main())


@both
def test_a_unit_with_the_line_for_itself_is_waited_for_as_configured_and_always_asked(kind: str) -> None:
    async def main() -> None:
        shared = Shared(kind, retries=0)
        await learn(shared, 2)
        shared.treat = lambda request: None
        for _ in range(5):
            began_s = asyncio.get_running_loop().time()
            fault = await shared.read(2)
            assert isinstance(fault, NoReply)
            assert not isinstance(fault, Resting)
            assert asyncio.get_running_loop().time() - began_s >= TIMEOUT_S
        await shared.bus.close()

    on_virtual_time(main())


@both
def test_the_time_out_follows_the_latency_and_never_shortens_a_write(kind: str) -> None:
    async def main() -> None:
        shared = Shared(kind, lambda request: 0.1, retries=0)
        await learn(shared, 1, 2)
        shared.treat = lambda request: FACTOR * 0.1 * 0.9 if request.reads else 0.9 * TIMEOUT_S
        assert await shared.read(2) == slaves.content(2, 0, 2)
        await shared.bus.write(2, 0, [1])
        shared.treat = lambda request: None
        began_s = asyncio.get_running_loop().time()
        assert isinstance(await shared.read(1), NoReply)
        assert asyncio.get_running_loop().time() - began_s < FACTOR * 0.1 + 0.05
        await shared.bus.close()

    on_virtual_time(main())


@pytest.mark.parametrize("code", [10, 11])
def test_a_gateway_that_answers_for_a_dead_unit_is_no_reply_asked_again_and_then_left_alone(code: int) -> None:
    async def main() -> None:
        shared = Shared("tcp", lambda request: -float(code) if request.unit == 2 else LATENCY_S)
        await shared.read(1)
        fault = await shared.read(2)
        assert isinstance(fault, NoReply)
        assert f"the gateway answers for it with exception {code} (gateway " in str(fault)
        assert shared.units == [1, 2, 2]
        assert isinstance(await shared.read(2), Resting)
        assert await shared.read(1) == slaves.content(1, 0, 2)
        assert shared.wire.opened == 1
        await shared.bus.close()

    on_virtual_time(main())


# Its own pace


@both
@pytest.mark.parametrize("needs_s", [0.03, 0.2, 0.35])
def test_a_unit_that_needs_more_silence_gets_it_once_it_was_found_out(kind: str, needs_s: float) -> None:
    """solis_modbus#480: over 300 ms. Nothing is configured; the line learns it from what fails."""

    async def main() -> None:
        heard_s = float("-inf")

        def treat(request: Request) -> float | None:
            nonlocal heard_s
            now_s = asyncio.get_running_loop().time()
            hasty = request.unit == 2 and now_s < heard_s + needs_s
            heard_s = now_s + LATENCY_S
            return None if hasty else LATENCY_S

        shared = Shared(kind, treat)
        while asyncio.get_running_loop().time() < 120.0:
            await shared.read(1)
            await shared.read(2)
        misses = len(shared.asked)
        for _ in range(20):
            assert await shared.read(1) == slaves.content(1, 0, 2)
            assert await shared.read(2) == slaves.content(2, 0, 2)
        assert len(shared.asked) == misses + 40
        await shared.bus.close()

    on_virtual_time(main())


def test_scattered_losses_cost_a_unit_no_gap() -> None:
    async def main() -> None:
        asked = 0

        def treat(request: Request) -> float | None:
            nonlocal asked
            asked += 1
            return None if asked % 20 == 0 else 0.001

        shared = Shared("rtu", treat)
        for _ in range(400):
            await shared.read(1)
        began_s = asyncio.get_running_loop().time()
        for _ in range(10):
            asked = 0
            await shared.read(1)
        assert asyncio.get_running_loop().time() - began_s < 10 * 0.01
        await shared.bus.close()

    on_virtual_time(main())


# Writes


@both
def test_one_register_goes_by_function_6_where_function_16_is_unknown(kind: str) -> None:
    """pysunspec2#104. Refused is not done, so asking otherwise repeats nothing; several registers are not torn apart."""

    async def main() -> None:
        shared = Shared(kind, lambda request: -1.0 if request.function is Function.WRITE_MULTIPLE else LATENCY_S)
        for word in (7, 8):
            await shared.bus.write(1, 40, [word])
        with pytest.raises(DeviceRefused, match="illegal function"):
            await shared.bus.write(1, 40, [7, 8])
        writes = [(request.function, request.words) for _, request in shared.asked if not request.reads]
        assert writes == [
            (Function.WRITE_MULTIPLE, (7,)),
            (Function.WRITE_SINGLE, (7,)),
            (Function.WRITE_SINGLE, (8,)),
            (Function.WRITE_MULTIPLE, (7, 8)),
        ]
        await shared.bus.close()

    on_virtual_time(main())


@both
def test_any_other_refusal_of_a_write_stands(kind: str) -> None:
    async def main() -> None:
        shared = Shared(kind, lambda request: -2.0)
        with pytest.raises(DeviceRefused, match="illegal data address"):
            await shared.bus.write(1, 40, [7])
        assert len(shared.asked) == 1
        await shared.bus.close()

    on_virtual_time(main())


def test_function_6_first_asks_whether_a_serial_line_echoes() -> None:
    """Its reply looks like the request: on a line that echoes, a dead slave would confirm everything."""

    async def main() -> None:
        def echoing(frame: bytes) -> Sequence[After]:
            request = slaves.on_rtu(frame)
            sent.append(request.function)
            echo = After(0.0, frame)
            return [echo] if request.words == (9,) else [echo, After(LATENCY_S, slaves.rtu(request))]

        sent: list[Function] = []
        wire = Wire(echoing, follows=True)
        line = RtuLine("line", wire.open, timeout_s=TIMEOUT_S, gap_s=GAP_S, keep_open=True)
        bus = Bus(line, function_6=True)
        await bus.write(1, 40, [7])
        with pytest.raises(NoReply):
            await bus.write(1, 40, [9])
        assert sent == [Function.READ_HOLDING, Function.WRITE_SINGLE, Function.WRITE_SINGLE]
        await bus.close()

    on_virtual_time(main())


# Connecting


def test_reconnecting_goes_on_for_ever_with_growing_pauses_and_jitter() -> None:
    async def main() -> None:
        tried_s: list[float] = []
        loop = asyncio.get_running_loop()

        async def refused() -> MemoryChannel:
            tried_s.append(loop.time())
            raise LinkDown("no connection: Connection refused")

        dial = Dial(refused, lambda: 0.5)
        while loop.time() < 100.0:
            with pytest.raises(LinkDown, match="no connection: Connection refused"):
                await dial.open()
            await asyncio.sleep(0.01)
        pauses_s = [b - a for a, b in itertools.pairwise(tried_s)]
        # 0.01: the first retry is at once, as often as it is asked for; then 0.75 of 0.25, 0.5, ... and at most 5.
        expected_s = [0.01, *(0.75 * min(0.25 * 2**n, 5.0) for n in range(len(pauses_s) - 1))]
        assert pauses_s == pytest.approx(expected_s, abs=0.011)

    on_virtual_time(main())


def test_a_connection_that_settles_first_is_not_asked_at_once() -> None:
    async def main() -> None:
        wire = Wire(lambda frame: [After(LATENCY_S, slaves.tcp(*slaves.on_tcp(frame)))], follows=False)
        bus = Bus(TcpLine("line", wire.open, timeout_s=TIMEOUT_S, settle_s=2.0))
        await bus.read(1, Table.HOLDING, 0, 1)
        await bus.read(1, Table.HOLDING, 0, 1)
        assert [at_s for at_s, _ in wire.sent] == pytest.approx([2.0, 2.0 + LATENCY_S])
        await bus.close()

    on_virtual_time(main())
