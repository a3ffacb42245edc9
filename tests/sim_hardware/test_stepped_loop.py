"""Time that is granted: nothing runs before it is due, nothing after the grant, and nothing is left over."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_hardware.stepped_loop import SteppedLoop
from sim_hardware.virtual_time import Deadlock


async def every(period_s: float, seen: list[float]) -> None:
    loop, next_s = asyncio.get_running_loop(), 0.0
    while True:
        seen.append(loop.time())
        next_s += period_s
        await asyncio.sleep(next_s - loop.time())


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


def test_what_is_due_at_the_grant_runs_and_what_comes_after_does_not() -> None:
    loop, seen = SteppedLoop(), list[float]()
    task = loop.create_task(every(0.25, seen))
    loop.advance(0.5)
    assert seen == [0.0, 0.25, 0.5]
    loop.advance(0.74)
    assert (len(seen), loop.time()) == (3, 0.74)
    loop.advance(0.75)
    assert len(seen) == 4
    loop.finish(ended(task))
    loop.close()


@given(st.lists(st.floats(0.0, 10.0), min_size=1, max_size=30), st.integers(1, 40))
def test_steps_change_nothing(deadlines: list[float], steps: int) -> None:
    """However the time is cut, the same things happen at the same instants in the same order."""

    def played(steps: int) -> list[tuple[float, float]]:
        loop, seen = SteppedLoop(), list[tuple[float, float]]()
        for when in deadlines:
            loop.call_at(when, lambda when=when: seen.append((when, loop.time())))  # type: ignore[misc]
        for step in range(1, steps + 1):
            loop.advance(step * 10.0 / steps)
            assert all(at <= loop.time() + 1e-8 for at, _ in seen)
        loop.close()
        return seen

    assert [when for when, _ in played(steps)] == [when for when, _ in played(1)]


def test_a_whole_chain_of_what_follows_at_one_instant_runs_in_that_step() -> None:
    loop, seen = SteppedLoop(), list[int]()

    async def chain() -> None:
        await asyncio.sleep(1.0)
        for link in range(20):
            await asyncio.sleep(0)
            seen.append(link)

    task = loop.create_task(chain())
    loop.advance(1.0)
    assert seen == list(range(20))
    assert task.done()
    loop.close()


def test_nothing_scheduled_is_no_deadlock_while_steps_are_granted() -> None:
    loop = SteppedLoop()
    loop.advance(5.0)
    loop.advance(5.0)
    assert loop.time() == 5.0
    loop.close()


def test_the_end_has_all_the_time_it_needs_and_says_where_it_hangs() -> None:
    loop = SteppedLoop()
    loop.finish(asyncio.sleep(3600.0))
    assert loop.time() == 3600.0
    with pytest.raises(Deadlock, match="main"):
        loop.finish(asyncio.Event().wait())
    for task in loop.tasks():
        loop.finish(ended(task))
    loop.close()


@pytest.mark.parametrize("until_s", [0.5, float("nan"), float("inf")])
def test_time_never_goes_back_or_astray(until_s: float) -> None:
    loop = SteppedLoop()
    loop.advance(1.0)
    with pytest.raises(ValueError, match="a grant of"):
        loop.advance(until_s)
    loop.close()
