"""What becomes of a stranger's request, on virtual time and a bus in memory."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from drivers.modbus.sharing import SharedBus
from firmware_py.addresses import listen_address, registers_of
from firmware_py.proxy.desk import Desk, Share
from protocols.faults import BadReply, DeviceRefused, Fault, LinkDown, NoReply
from protocols.modbus import Bits, Refusal, Request, Words, Written, parse, read, write, write_single
from protocols.modbus_requests import Asked
from protocols.ports import Table
from sim_hardware.virtual_time import run_virtual
from tests.drivers.memory_bus import MemoryBus
from tests.drivers.test_sharing import SlowBus

Reply = Words | Bits | Written | Refusal


class Failing:
    """A bus that fails as it is told, and counts how often it was asked."""

    def __init__(self, fault: Fault) -> None:
        self.fault, self.asked = fault, 0

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        self.asked += 1
        raise self.fault

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        self.asked += 1
        raise self.fault

    async def close(self) -> None:
        """Nothing to close."""


def answers(desk: Mapping[int, Share], *requests: Request, every_s: float = 0.0, cache_s: float = 0.0) -> list[Reply]:
    async def main() -> list[Reply]:
        counter, found = Desk(desk, asyncio.get_running_loop().time, cache_s=cache_s), list[Reply]()
        for number, request in enumerate(requests):
            pdu = await counter.answer(Asked(number, request.unit, request.function, request))
            found.append(parse(request, pdu))
            await asyncio.sleep(every_s)
        return found

    return run_virtual(main(), horizon_s=10_000)


def meter() -> MemoryBus:
    bus = MemoryBus(unit=3)
    bus.fill(10, (1, 2, 3, 4))
    bus.fill(10, (5, 6), Table.INPUT)
    return bus


def test_a_stranger_reads_under_its_own_unit_id() -> None:
    shares = {1: Share(SharedBus(meter()), 3)}
    asked = (read(1, Table.HOLDING, 10, 4), read(1, Table.INPUT, 10, 2), read(1, Table.INPUT, 11, 2))
    assert answers(shares, *asked) == [Words((1, 2, 3, 4)), Words((5, 6)), Refusal(2)]


def test_a_unit_that_nobody_shares() -> None:
    assert answers({1: Share(SharedBus(meter()), 3)}, read(3, Table.HOLDING, 10, 4)) == [Refusal(10)]


@pytest.mark.parametrize(
    ("request_", "writes", "expected"),
    [
        (write(1, 10, (7,)), (), Refusal(1)),
        (write_single(1, 10, 7), (), Refusal(1)),
        (write(1, 10, (7,)), ("10-11",), Written()),
        (write_single(1, 11, 7), ("10-11",), Written()),
        (write(1, 10, (7, 8)), ("10-11",), Written()),
        (write(1, 10, (7, 8, 9)), ("10-11",), Refusal(2)),
        (write(1, 9, (7, 8)), ("10-11",), Refusal(2)),
        (write(1, 10, (7, 8)), ("10", "11"), Refusal(2)),
        (write(1, 13, (7,)), ("10", "13"), Written()),
    ],
)
def test_only_what_is_allowed_is_written(request_: Request, writes: tuple[str, ...], expected: Reply) -> None:
    bus = meter()
    share = Share(SharedBus(bus), 3, tuple(map(registers_of, writes)))
    assert answers({1: share}, request_) == [expected]
    assert bus.writes == ([(request_.address, request_.words)] if expected == Written() else [])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (LinkDown("x"), 10),
        (NoReply("x"), 11),
        (BadReply("x"), 11),
        (DeviceRefused("x", 2), 2),
        (DeviceRefused("x", 6), 6),
    ],
)
def test_a_device_that_is_away_is_an_exception(fault: Fault, code: int) -> None:
    share = {1: Share(SharedBus(Failing(fault)), 3, (range(100),))}
    assert answers(share, read(1, Table.INPUT, 0, 2), write(1, 0, (1,))) == [Refusal(code), Refusal(code)]


def test_silence_is_not_asked_for_again_and_again() -> None:
    """Each such request costs the owner a time-out: one in ten seconds is enough."""
    bus = Failing(NoReply("x"))
    found = answers({1: Share(SharedBus(bus), 3)}, *100 * [read(1, Table.INPUT, 0, 2)], every_s=0.3)
    assert set(found) == {Refusal(11)}
    assert bus.asked == 3


def test_the_cache_answers_the_same_question_for_so_long() -> None:
    bus = meter()
    shares = {1: Share(SharedBus(bus), 3, (range(100),))}
    same, other = read(1, Table.HOLDING, 10, 2), read(1, Table.HOLDING, 10, 3)
    assert answers(shares, *20 * [same], other, every_s=0.1, cache_s=0.5)[-1] == Words((1, 2, 3))
    assert len(bus.reads) == 4 + 1
    # What was read before a write is not answered after it.
    found = answers(shares, same, write(1, 10, (9, 9)), same, cache_s=50.0)
    assert found == [Words((1, 2)), Written(), Words((9, 9))]
    twice = {unit: Share(share.bus, share.unit, share.writes) for unit in (1, 2) for share in shares.values()}
    found = answers(twice, same, write(2, 10, (8, 8)), same, cache_s=50.0)
    assert found[-1] == Words((8, 8)), "written by another name"
    before = len(bus.reads)
    answers(shares, *10 * [same])
    assert len(bus.reads) == before + 10, "without a cache each question is asked"


def test_many_strangers_with_one_question_cost_one_transaction() -> None:
    bus = SlowBus()

    async def main() -> list[bytes]:
        desk = Desk({1: Share(SharedBus(bus), 3)}, asyncio.get_running_loop().time, cache_s=0.5)
        asked = Asked(1, 1, 3, read(1, Table.HOLDING, 10, 2))
        return await asyncio.gather(*(desk.answer(asked) for _ in range(50)))

    assert set(run_virtual(main(), horizon_s=60)) == {bytes.fromhex("0304000a000a")}
    assert len(bus.begun) == 1


def test_what_is_no_request_is_refused_without_asking() -> None:
    async def main() -> bytes:
        return await Desk({}, lambda: 0.0).answer(Asked(1, 1, 0x2B, Refusal(1)))

    assert run_virtual(main(), horizon_s=1) == b"\xab\x01"


@pytest.mark.parametrize("text", ["", "a", "5-", "-5", "7-5", "65536", "1-65536", "0x10", "1 - 2"])
def test_what_are_no_registers(text: str) -> None:
    with pytest.raises(ValueError, match="registers"):
        registers_of(text)


def test_where_to_listen() -> None:
    assert listen_address("tcp://127.0.0.1:5021") == ("127.0.0.1", 5021)
    assert listen_address("tcp://[::1]:0") == ("::1", 0)
    for bad in ("rtu+tcp://x:1", "serial:///dev/x", "tcp://x:99999", "x"):
        with pytest.raises(ValueError, match=r"allowed"):
            listen_address(bad)
