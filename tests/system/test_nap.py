"""Short sleeps on a real timerfd: never early, on asyncio's loop and on uvloop, and nothing is left open."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from statistics import median

import pytest
import uvloop

from drivers.modbus.nap import Nap, now_s

pytestmark = pytest.mark.system

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
FOR_S = 0.00175  # 3.5 characters above 19200 Bd
each_loop = pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS)


def timers() -> int:
    """The timerfds that this process has open."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # listdir's own
            found += "timerfd" in os.readlink(f"/proc/self/fd/{name}")
    return found


def run(new_loop: Callable[[], asyncio.AbstractEventLoop], main: Callable[[Nap], object]) -> None:
    async def whole() -> None:
        sleeper = Nap()
        try:
            await main(sleeper)  # type: ignore[misc]
        finally:
            sleeper.close()

    before = timers()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(whole())
    assert timers() == before


@each_loop
def test_a_nap_is_never_too_short_and_shorter_than_a_tick_of_epoll(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main(sleeper: Nap) -> None:
        took_s = []
        for _ in range(100):
            begun_s = time.monotonic()
            await sleeper.sleep(FOR_S)
            took_s.append(time.monotonic() - begun_s)
        assert min(took_s) >= FOR_S
        # epoll would make 2 or 3 ms of it; the bound is loose for a machine that is busy with other things.
        assert median(took_s) < FOR_S + 0.001

    run(new_loop, main)


@each_loop
def test_a_nap_that_is_cancelled_does_not_end_the_next_one(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main(sleeper: Nap) -> None:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.002):
                    await sleeper.sleep(0.004)
            begun_s = time.monotonic()
            await sleeper.sleep(0.02)
            assert time.monotonic() - begun_s >= 0.02

    run(new_loop, main)


@each_loop
def test_the_clock_goes_on_within_a_turn_of_the_loop(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Silences are measured between two reads of one turn too; uvloop's own clock stands still there."""

    async def main(sleeper: Nap) -> None:
        first_s, until_s = now_s(), time.monotonic() + 0.0005
        while time.monotonic() < until_s:
            pass
        assert 0.0005 <= now_s() - first_s < 0.1
        assert abs(now_s() - asyncio.get_running_loop().time()) < 0.1

    run(new_loop, main)
