"""A bus with its owner and guests, on virtual time: who waits for whom, and how long."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.modbus.sharing import GuestsMustWait, SharedBus
from protocols.ports import Table
from sim_hardware.virtual_time import run_virtual

TOOK_S = 0.1


class SlowBus:
    """One transaction at a time, in order; each takes a tenth of a second and is noted when it begins."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self.begun: list[tuple[float, int]] = []

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        async with self._turn:
            self.begun.append((asyncio.get_running_loop().time(), unit))
            await asyncio.sleep(TOOK_S)
            return (address,) * count

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        await self.read(unit, Table.HOLDING, address, len(words))

    async def close(self) -> None:
        """Nothing to close."""


OWNER, GUEST = 1, 2


async def guest(shared: SharedBus, times: int, patience_s: float = 60.0) -> None:
    for _ in range(times):
        async with shared.guest(patience_s) as bus:
            await bus.read(GUEST, Table.INPUT, 0, 1)


def test_the_owner_waits_for_one_transaction_of_a_guest_at_most() -> None:
    async def main() -> list[float]:
        shared = SharedBus(SlowBus())
        guests = [asyncio.create_task(guest(shared, 20)) for _ in range(10)]
        waits, loop = [], asyncio.get_running_loop()
        for at_s in (0.03, 0.55, 2.22, 3.009, 5.0):
            await asyncio.sleep(at_s - loop.time())
            asked_s = loop.time()
            await shared.read(OWNER, Table.INPUT, 0, 1)
            waits.append(loop.time() - asked_s - TOOK_S)
        for each in guests:
            each.cancel()
        await asyncio.gather(*guests, return_exceptions=True)
        return waits

    waits = run_virtual(main(), horizon_s=60)
    assert max(waits) <= TOOK_S
    assert max(waits) > 0.0, "or no guest was there"


def test_between_the_blocks_of_one_poll_no_guest_comes() -> None:
    async def main() -> list[int]:
        bus = SlowBus()
        shared = SharedBus(bus)
        guests = [asyncio.create_task(guest(shared, 3)) for _ in range(3)]
        await asyncio.sleep(0.01)
        for _ in range(5):
            await shared.read(OWNER, Table.INPUT, 0, 1)
            await asyncio.sleep(0.001)
        await asyncio.gather(*guests)
        return [unit for _, unit in bus.begun]

    assert run_virtual(main(), horizon_s=60) == [GUEST, *5 * [OWNER], *8 * [GUEST]]


def test_a_guest_whose_patience_ends_leaves_the_line_alone() -> None:
    async def main() -> list[int]:
        bus = SlowBus()
        shared = SharedBus(bus)
        owner = asyncio.gather(*(shared.read(OWNER, Table.INPUT, 0, 1) for _ in range(20)))
        await asyncio.sleep(0)
        with pytest.raises(GuestsMustWait):
            await guest(shared, 1, patience_s=0.5)
        assert asyncio.get_running_loop().time() == pytest.approx(0.5)
        await owner
        await guest(shared, 1)
        return [unit for _, unit in bus.begun]

    assert run_virtual(main(), horizon_s=60) == [*20 * [OWNER], GUEST]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(1, 4)), max_size=8),
    st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(1, 4), st.floats(0.01, 3.0)), max_size=12),
)
def test_whatever_comes_when(owners: list[tuple[float, int]], guests: list[tuple[float, int, float]]) -> None:
    """Each answer is that of its question, the owner's first wait is one transaction, and nothing is left locked."""

    async def own(shared: SharedBus, at_s: float, times: int) -> float:
        await asyncio.sleep(at_s)
        worst = 0.0
        async with turn:  # one poller
            for place in range(times):
                asked_s = asyncio.get_running_loop().time()
                assert await shared.read(OWNER, Table.INPUT, place, 2) == (place, place)
                worst = max(worst, asyncio.get_running_loop().time() - asked_s)
        return worst

    async def visit(shared: SharedBus, at_s: float, times: int, patience_s: float) -> None:
        await asyncio.sleep(at_s)
        for place in range(times):
            try:
                async with shared.guest(patience_s) as bus:
                    assert await bus.read(GUEST, Table.INPUT, 1000 + place, 1) == (1000 + place,)
            except GuestsMustWait:
                continue

    async def main() -> list[float]:
        shared = SharedBus(SlowBus())
        visits = [asyncio.create_task(visit(shared, *each)) for each in guests]
        worst = await asyncio.gather(*(own(shared, *each) for each in owners))
        await asyncio.gather(*visits)
        await guest(shared, 1)
        return worst

    turn = asyncio.Lock()
    assert all(wait_s <= 2 * TOOK_S + 1e-6 for wait_s in run_virtual(main(), horizon_s=600))
