"""Virtual time: jumps, horizon, deadlock, and nothing real."""

import asyncio
import itertools
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from protocols.ports import Clock
from sim_hardware.virtual_time import (
    Deadlock,
    HorizonReached,
    RealInputOutput,
    Spinning,
    VirtualClock,
    VirtualLoop,
    run_virtual,
)


def test_a_day_of_sleep_takes_a_blink() -> None:
    async def main() -> float:
        for _ in range(86_400):
            await asyncio.sleep(1.0)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run_virtual(main(), horizon_s=90_000) == pytest.approx(86_400.0)
    assert time.perf_counter() - began < 30.0


# Sums of differences drift away from these.
DEADLINES = [0.1 * number for number in range(1, 5000)]


def test_time_stands_exactly_on_each_deadline() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        woken: list[float] = []
        for when in reversed(DEADLINES):
            loop.call_at(when, lambda: woken.append(loop.time()))
        await asyncio.sleep(1000.0)
        return woken

    assert run_virtual(main(), horizon_s=1000) == DEADLINES


def test_timeouts_run_on_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 600.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300.0):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(main(), horizon_s=1000) == pytest.approx(900.0)


def test_a_deadlock_names_who_waits_and_where() -> None:
    async def main() -> None:
        asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="forgotten")
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match=r"deadlock at 0 s.*main .*test_virtual_time\.py:\d+.*forgotten .*Event\.wait"):
        run_virtual(main(), horizon_s=10)


def test_a_runaway_meets_the_horizon() -> None:
    async def main() -> None:
        for _ in itertools.count():
            await asyncio.sleep(7.0)

    with pytest.raises(HorizonReached, match=r"next deadline 105 s is past 100 s; waiting tasks: main"):
        run_virtual(main(), horizon_s=100)


def test_spinning_without_time_passing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim_hardware.virtual_time.SPINS_MOST", 1000)

    async def main() -> None:
        await asyncio.sleep(3.0)
        for _ in itertools.count():
            await asyncio.sleep(0)

    with pytest.raises(Spinning, match="1000 turns at 3 s"):
        run_virtual(main(), horizon_s=100)


def test_after_a_stall_what_came_due_runs_late_and_in_order() -> None:
    async def main() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        course: list[tuple[str, float]] = []

        def note(name: str) -> None:
            course.append((name, loop.time()))

        for name, when in (("a", 1.0), ("b", 2.0), ("c", 50.0)):
            loop.call_at(when, note, name)
        loop.stall(10.0)
        await asyncio.sleep(60.0)
        return course

    assert run_virtual(main(), horizon_s=100) == [("a", 10.0), ("b", 10.0), ("c", 50.0)]


def test_left_over_tasks_are_cancelled_oldest_first_and_may_clean_up() -> None:
    told: list[str] = []
    cleaned: set[str] = set()

    async def sleeper(name: str) -> None:
        try:
            await asyncio.sleep(50.0)
        finally:
            told.append(name)
            await asyncio.sleep(1.0)
            cleaned.add(name)

    async def main() -> None:
        names = [f"t{index}" for index in range(20)]
        main.kept = [asyncio.create_task(sleeper(name)) for name in names]  # type: ignore[attr-defined]
        await asyncio.sleep(1.0)

    run_virtual(main(), horizon_s=2)
    assert told == [f"t{index}" for index in range(20)]
    assert cleaned == set(told)


def test_an_error_in_main_comes_out_and_the_rest_is_cleaned_up() -> None:
    cleaned = []

    async def other() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    async def main() -> None:
        task = asyncio.create_task(other())
        await asyncio.sleep(0.1)
        raise KeyError(task.get_name())

    with pytest.raises(KeyError):
        run_virtual(main(), horizon_s=10)
    assert cleaned == [True]


def test_threads_run_inline() -> None:
    async def main() -> tuple[int, float]:
        ident = await asyncio.to_thread(threading.get_ident)
        return ident, asyncio.get_running_loop().time()

    assert run_virtual(main(), horizon_s=10) == (threading.get_ident(), 0.0)


def test_an_error_in_a_thread_reaches_who_awaits_it() -> None:
    async def main() -> None:
        await asyncio.to_thread(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        run_virtual(main(), horizon_s=10)


@pytest.mark.parametrize("how", ["connect", "serve", "reader", "subprocess"])
def test_real_input_and_output_is_refused(how: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        if how == "connect":
            await asyncio.open_connection("127.0.0.1", 9)
        elif how == "serve":
            await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        elif how == "reader":
            loop.add_reader(0, print)
        else:
            await asyncio.create_subprocess_exec("true")

    with pytest.raises(RealInputOutput, match="virtual time"):
        run_virtual(main(), horizon_s=10)


def test_the_same_program_takes_the_same_course() -> None:
    async def main() -> list[tuple[float, int]]:
        course: list[tuple[float, int]] = []

        async def walker(number: int) -> None:
            for step in range(50):
                await asyncio.sleep(0.1 * (1 + (number * step) % 7))
                course.append((asyncio.get_running_loop().time(), number))

        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(walker(number))
        return course

    assert run_virtual(main(), horizon_s=1000) == run_virtual(main(), horizon_s=1000)


def test_the_clock_is_the_loops_and_its_wall_clock_can_jump() -> None:
    epoch = datetime(2027, 3, 28, 0, 59, tzinfo=UTC)

    async def main() -> None:
        await asyncio.sleep(5.0)
        clock = VirtualClock(epoch, synchronised=False)
        as_port: Clock = clock
        assert (as_port.now_s(), as_port.utc(), as_port.synchronised()) == (5.0, epoch, False)
        await asyncio.sleep(60.0)
        assert (clock.now_s(), clock.utc()) == (65.0, epoch + timedelta(seconds=60))
        clock.step(-3600.0)
        clock.set_synchronised(True)
        assert (clock.now_s(), clock.utc()) == (65.0, epoch - timedelta(minutes=59))
        assert clock.synchronised()

    run_virtual(main(), horizon_s=100)


def test_a_loop_is_closed_after_its_run() -> None:
    async def main() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    loop = run_virtual(main(), horizon_s=1)
    assert isinstance(loop, VirtualLoop)
    assert loop.is_closed()
