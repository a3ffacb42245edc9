"""Clients at the proxy's port, each on a transport in memory: bounded, in order, dropped where they must be."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drivers.modbus.sharing import SharedBus
from firmware_py.proxy.desk import Desk, Share
from firmware_py.proxy.server import Proxy, _Client
from protocols.modbus import read
from protocols.modbus_tcp import tcp_frame
from protocols.ports import Table
from sim_hardware.virtual_time import run_virtual
from tests.drivers.test_sharing import SlowBus


class Line(asyncio.Transport):
    """What a client would hear."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[bytes] = []
        self.unread = 0
        self.is_over = False
        self.client: _Client | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.heard.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.is_over

    def abort(self) -> None:
        if not self.is_over:
            self.is_over = True
            assert self.client is not None
            asyncio.get_running_loop().call_soon(self.client.connection_lost, None)


def come(proxy: Proxy) -> tuple[_Client, Line]:
    client, line = _Client(proxy), Line()
    line.client = client
    client.connection_made(line)
    return client, line


def play(film: Callable[[Proxy, SlowBus], Any]) -> None:
    async def main() -> None:
        bus = SlowBus()
        desk = Desk({1: Share(SharedBus(bus), 1)}, asyncio.get_running_loop().time)
        await film(Proxy(desk, "127.0.0.1", 0, clients_most=2), bus)

    run_virtual(main(), horizon_s=10_000)


def ask(number: int) -> bytes:
    return tcp_frame(read(1, Table.INPUT, number, 1), number)


def numbers(line: Line) -> list[int]:
    """The transactions that were answered; each carries its number as its value too."""
    assert all(frame[:2] == frame[-2:] for frame in line.heard)
    return [int.from_bytes(frame[:2], "big") for frame in line.heard]


def test_each_is_answered_in_its_order_and_all_take_turns() -> None:
    async def film(proxy: Proxy, bus: SlowBus) -> None:
        (one, one_line), (two, two_line) = come(proxy), come(proxy)
        one.data_received(b"".join(map(ask, range(1, 9))))
        two.data_received(ask(20))
        await asyncio.sleep(0.35)
        assert numbers(two_line) == [20], "it does not wait for all that the first one asked"
        await asyncio.sleep(1.0)
        assert numbers(one_line) == list(range(1, 9))
        for client in (one, two):
            client.connection_lost(None)

    play(film)


@pytest.mark.parametrize(("waiting", "is_over"), [(17, True), (15, False)])
def test_who_asks_too_much_at_once_is_dropped(waiting: int, is_over: bool) -> None:
    async def film(proxy: Proxy, bus: SlowBus) -> None:
        client, line = come(proxy)
        client.data_received(b"".join(map(ask, range(1, waiting + 1))))
        await asyncio.sleep(10.0)
        assert line.is_over == is_over
        assert len(bus.begun) == (0 if is_over else waiting)
        if not is_over:
            client.connection_lost(None)

    play(film)


def test_who_does_not_read_is_dropped() -> None:
    async def film(proxy: Proxy, bus: SlowBus) -> None:
        client, line = come(proxy)
        line.unread = 70_000
        client.data_received(ask(1))
        await asyncio.sleep(1.0)
        assert (line.is_over, line.heard) == (True, [])

    play(film)


def test_who_asks_nothing_is_dropped_after_five_minutes() -> None:
    async def film(proxy: Proxy, bus: SlowBus) -> None:
        client, line = come(proxy)
        await asyncio.sleep(200.0)
        client.data_received(ask(1))
        await asyncio.sleep(299.0)
        assert not line.is_over
        await asyncio.sleep(2.0)
        assert line.is_over

    play(film)


def test_one_too_many_is_not_let_in() -> None:
    async def film(proxy: Proxy, bus: SlowBus) -> None:
        (one, _), _, (_, third_line) = come(proxy), come(proxy), come(proxy)
        assert third_line.is_over
        one.connection_lost(None)
        await asyncio.sleep(0.0)
        _, line = come(proxy)
        assert not line.is_over
        await asyncio.sleep(400.0)

    play(film)


def test_who_leaves_is_not_answered_and_breaks_nothing_off() -> None:
    async def film(proxy: Proxy, bus: SlowBus) -> None:
        client, line = come(proxy)
        client.data_received(ask(1) + ask(2))
        await asyncio.sleep(0.05)
        client.connection_lost(None)
        await asyncio.sleep(1.0)
        assert line.heard == []
        assert [unit for _, unit in bus.begun] == [1], "what is under way ends, what waits does not begin"
        assert not proxy.working

    play(film)
