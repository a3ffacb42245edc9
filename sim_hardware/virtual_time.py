"""Virtual time: an asyncio loop that jumps to the next deadline when nothing is ready, so that a day takes seconds.

Nothing here talks to the outside: real sockets, pipes and signals are refused, and work for threads runs inline, so
that a run depends on its inputs alone. `asyncio.BaseEventLoop._run_once` asks `_selector.select(timeout)` for I/O and
is otherwise left as it is (read in CPython 3.11 to 3.13).
"""

import asyncio
import contextvars
import heapq
import itertools
import weakref
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Coroutine, Generator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn, TypeVar, TypeVarTuple, cast

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# A program that turns the loop this often without time passing is spinning; a thousand nodes at one instant stay below.
SPINS_MOST: Final = 1_000_000
# How far past the horizon tasks may still run while they are being cancelled.
CLEANUP_S: Final = 3600.0


class VirtualTimeError(RuntimeError):
    """A run on virtual time that cannot or must not go on; the message names the tasks and where they wait."""


class Deadlock(VirtualTimeError):
    """Nothing is ready and nothing is scheduled, and the main task has not finished."""


class HorizonReached(VirtualTimeError):
    """The next deadline lies behind the horizon."""


class Spinning(VirtualTimeError):
    """The loop turns without time passing."""


class RealInputOutput(VirtualTimeError):
    """Something asked for a socket, pipe or signal."""


class _JumpingSelector:
    """Stands where the loop expects I/O: instead of waiting it moves the time on."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        """Return at once, having moved the time to the next deadline if nothing is ready."""
        self._loop.jump(timeout)
        return []

    def close(self) -> None:
        """Nothing to close."""


class _Timer(asyncio.TimerHandle):
    """A timer that goes off after those of the same instant that were set before it.

    asyncio's heap leaves that order to chance: to whatever else is in it, such as another home.
    """

    __slots__ = ("turn",)

    turn: tuple[float, int]  # when, and the how manyth that was set

    def __lt__(self, other: object) -> bool:
        return self.turn < other.turn if isinstance(other, _Timer) else NotImplemented


class VirtualLoop(BaseEventLoop):
    """An event loop whose `time()` starts at zero and moves only by jumps; `horizon_s` bounds it."""

    def __init__(self, horizon_s: float) -> None:
        super().__init__()
        self.horizon_s = horizon_s
        self._now_s = 0.0
        self._spins = 0
        self._numbers = itertools.count()
        self._births: weakref.WeakKeyDictionary[asyncio.Task[Any], int] = weakref.WeakKeyDictionary()
        self._selector = _JumpingSelector(self)
        self._clock_resolution = 1e-9  # BaseEventLoop would take that of the real clock

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def jump(self, timeout: float | None) -> None:
        """Move on to the next deadline; the errors above where there is none, or none in reach."""
        if timeout is not None and timeout <= 0:
            self._spin()
            return
        scheduled = cast(list[asyncio.TimerHandle], self._scheduled)  # type: ignore[attr-defined]
        if not scheduled:
            raise Deadlock(f"deadlock at {self._now_s:g} s: nothing is scheduled; {self._waiting()}")
        deadline_s = scheduled[0].when()
        if deadline_s > self.horizon_s:
            raise HorizonReached(f"next deadline {deadline_s:g} s is past {self.horizon_s:g} s; {self._waiting()}")
        self._spins = 0
        self._now_s = max(self._now_s, deadline_s)

    def stall(self, seconds: float) -> None:
        """Let time pass while nothing runs, as for a process that is stopped; what came due meanwhile runs late."""
        self._now_s += seconds

    def _spin(self) -> None:
        self._spins += 1
        if self._spins > SPINS_MOST:
            self._spins = 0
            raise Spinning(f"{SPINS_MOST} turns at {self._now_s:g} s without time passing; {self._waiting()}")

    def tasks(self) -> list[asyncio.Task[Any]]:
        """The unfinished tasks, oldest first (`asyncio.all_tasks` is a set: its order differs from run to run)."""
        return sorted(asyncio.all_tasks(self), key=lambda task: self._births.get(task, 0))

    def _waiting(self) -> str:
        return "waiting tasks: " + ("; ".join(describe(task) for task in self.tasks()) or "none")

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As the base class does; timers of one instant go off in the order in which they were set."""
        timer = _Timer(when, callback, args, self, context)
        timer.turn = when, next(self._numbers)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        """As the base class does, remembering the order of birth."""
        task = super().create_task(coro, name=name, context=context)
        self._births[task] = next(self._numbers)
        return task

    def run_in_executor(self, executor: object, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Call it here and now: a real thread would finish at a different virtual instant in each run."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever awaits the future gets it
            future.set_exception(error)
        return future

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """As `call_soon`: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def _process_events(self, event_list: list[Any]) -> None:
        """There are never any."""

    def _write_to_self(self) -> None:
        """There is nobody to wake."""

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise RealInputOutput(
            "sockets, pipes and signals are not there on virtual time; use sim_hardware's MemoryBus and MemoryBroker"
        )

    async def _refuse_later(self, *args: object, **kwargs: object) -> NoReturn:
        self._refuse()

    add_reader = add_writer = add_signal_handler = _refuse
    remove_reader = remove_writer = remove_signal_handler = _refuse
    sock_recv = sock_recv_into = sock_sendall = sock_connect = sock_accept = _refuse_later
    create_connection = create_server = create_datagram_endpoint = _refuse_later
    create_unix_connection = create_unix_server = connect_accepted_socket = _refuse_later
    connect_read_pipe = connect_write_pipe = subprocess_exec = subprocess_shell = _refuse_later


def describe(task: asyncio.Task[Any]) -> str:
    """The name of a task and the innermost line at which it waits."""
    frames = task.get_stack(limit=1)
    place = f" at {frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else ""
    return f"{task.get_name()} ({getattr(task.get_coro(), '__qualname__', '?')}{place})"


def run_virtual(main: Coroutine[Any, Any, T], *, horizon_s: float) -> T:
    """Run a coroutine to its end on virtual time; at most `horizon_s` virtual seconds.

    Call it from a plain (synchronous) test. Tasks left over are cancelled in the order in which they were made.
    """
    loop = VirtualLoop(horizon_s)
    try:
        return loop.run_until_complete(loop.create_task(main, name="main"))
    finally:
        try:
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


def _cancel_all(loop: VirtualLoop) -> None:
    left = loop.tasks()
    loop.horizon_s = max(loop.horizon_s, loop.time()) + CLEANUP_S
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


class VirtualClock:
    """`protocols.ports.Clock` on the running loop: monotonic time is the loop's, wall time an epoch further on.

    The wall clock can be stepped and marked as not synchronised, as a node without a battery-backed clock has it.
    """

    def __init__(self, epoch: datetime = datetime(2026, 6, 21, tzinfo=UTC), *, synchronised: bool = True) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoch = epoch - timedelta(seconds=self._loop.time())
        self._synchronised = synchronised

    def now_s(self) -> float:
        """Monotonic seconds: the loop's."""
        return self._loop.time()

    def utc(self) -> datetime:
        """Wall time, as far as this clock knows it."""
        return self._epoch + timedelta(seconds=self._loop.time())

    def synchronised(self) -> bool:
        """What was last set."""
        return self._synchronised

    def set_synchronised(self, synchronised: bool) -> None:
        """Say whether the wall clock is to pass for disciplined."""
        self._synchronised = synchronised

    def step(self, seconds: float) -> None:
        """Jump the wall clock (and not the monotonic one), as NTP or an operator does."""
        self._epoch += timedelta(seconds=seconds)
