"""One lazy timer for many waits: each ends at its own deadline, and a cancellation from outside stays one."""

import asyncio

import pytest

from drivers.modbus.patience import Patience
from sim_hardware.virtual_time import VirtualLoop, run_virtual


async def waited(patience: Patience, future: "asyncio.Future[str]", deadline_s: float) -> str:
    """What the future says, or "over"."""
    patience.start(deadline_s)
    try:
        return await future
    except asyncio.CancelledError:
        if not patience.is_over():
            raise
        return "over"
    finally:
        patience.stop()


def later(delay_s: float) -> "asyncio.Future[str]":
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()

    def come() -> None:
        if not future.done():
            future.set_result("came")

    loop.call_later(delay_s, come)
    return future


def test_each_wait_has_its_own_deadline_earlier_or_later_than_the_one_before() -> None:
    async def main() -> None:
        loop, patience = asyncio.get_running_loop(), Patience()
        for timeout_s in (5.0, 1.0, 3.0, 0.5):
            began_s = loop.time()
            assert await waited(patience, loop.create_future(), began_s + timeout_s) == "over"
            assert loop.time() - began_s == pytest.approx(timeout_s)
            for _ in range(5):
                assert await waited(patience, later(0.3), loop.time() + timeout_s) == "came"
        patience.close()

    run_virtual(main(), horizon_s=100)


def test_a_cancellation_from_outside_is_no_time_out_even_at_the_same_instant() -> None:
    async def main() -> None:
        loop, patience = asyncio.get_running_loop(), Patience()
        for cancelled_s in (0.5, 1.0):
            task = asyncio.create_task(waited(patience, loop.create_future(), loop.time() + 1.0))
            loop.call_later(cancelled_s, task.cancel)
            with pytest.raises(asyncio.CancelledError):
                await task
        patience.close()

    run_virtual(main(), horizon_s=100)


def test_a_process_that_was_held_up_reads_what_has_come_before_it_gives_up() -> None:
    """On uvloop timers go off before what has come is read; here the reply's timer stands behind the deadline's."""

    async def main() -> None:
        loop, patience = asyncio.get_running_loop(), Patience()
        assert isinstance(loop, VirtualLoop)
        loop.call_later(0.5, loop.stall, 2.0)
        assert await waited(patience, later(1.2), 1.0) == "came"
        assert await waited(patience, later(1.2), loop.time() + 1.0) == "over"
        patience.close()

    run_virtual(main(), horizon_s=100)
