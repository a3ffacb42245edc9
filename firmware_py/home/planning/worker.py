"""The solver in a process of its own, the node's side: one task at a time, killed when it is late, started again for the next.

Offers are looked for in a second process that is there only meanwhile: a plan waits neither for it nor for its start.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from controller.planning.plan import Plan
from controller.planning.site import Floats, Site
from firmware_py.home.planning.solver import (
    FRAME_MOST,
    LENGTH_BYTES,
    OFFERS,
    Answer,
    Ask,
    SolverTrouble,
    Task,
    answer_in,
    framed,
)
from protocols.flexibility import Offer

# Beyond its budget, for building the problem, reading the solution and the pipe.
MARGIN_S: Final = 5.0
# numpy and HiGHS are imported within; on a small board with a cold card that takes a while.
START_S: Final = 90.0


# The offers of a window take some seconds; those of one that was begun are waited for.
OFFERS_MARGIN_S: Final = 60.0
COMMAND: Final = (sys.executable, "-m", "firmware_py.home.planning.work")


class WorkerSolver:
    """`PlanSolver` over worker processes, started when they are first needed."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        *,
        margin_s: float = MARGIN_S,
        offers_margin_s: float = OFFERS_MARGIN_S,
    ) -> None:
        self._margin_s, self._offers_margin_s = margin_s, offers_margin_s
        self._plans, self._offers = Worker(command), Worker(command, OFFERS)

    @property
    def pid(self) -> int | None:
        """The process id of who plans; None where nobody runs."""
        return self._plans.pid

    @property
    def seller(self) -> int | None:
        """The process id of who looks for offers; None where nobody does."""
        return self._offers.pid

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        """As the port; whatever goes wrong, the worker is gone afterwards and the next task has a new one."""
        answer = await self._plans.ask(Task(site, budget_s, exact_s), budget_s, self._margin_s)
        if answer.plan is None:
            raise SolverTrouble(answer.trouble)
        return answer.plan

    async def offers(self, site: Site, nominated: Plan, margin_w: Floats, budget_s: float) -> tuple[Offer, ...]:
        """As the port; the process is gone afterwards."""
        try:
            answer = await self._offers.ask(Ask(site, nominated, margin_w, budget_s), budget_s, self._offers_margin_s)
        finally:
            await self._offers.kill()
        if answer.offers is None:
            raise SolverTrouble(answer.trouble)
        return answer.offers

    async def close(self) -> None:
        """End the workers."""
        await self._plans.kill()
        await self._offers.kill()


class Worker:
    """One process; whatever goes wrong, it is gone afterwards and the next task has a new one."""

    def __init__(self, command: Sequence[str], *more: str) -> None:
        self._command, self._more = tuple(command), more
        self._process: asyncio.subprocess.Process | None = None
        self._one = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Its process id; None where none runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def ask(self, task: Task | Ask, budget_s: float, margin_s: float) -> Answer:
        """Its answer; SolverTrouble where there is none in time."""
        async with self._one:
            try:
                process = await self._started()
                return await _asked(process, task, budget_s + margin_s)
            except TimeoutError:
                await self.kill()
                raise SolverTrouble(f"the solver was late: more than {budget_s:g} s and {margin_s:g} s") from None
            except OSError as error:
                await self.kill()
                raise SolverTrouble(f"the solver cannot be run: {error}") from error
            except asyncio.IncompleteReadError:
                code = await self.kill()
                raise SolverTrouble(f"the solver died: code {code}") from None
            except (asyncio.CancelledError, SolverTrouble):  # an answer that is none leaves nothing to go on with
                await self.kill()
                raise

    async def kill(self) -> int | None:
        """End it; the code it ended with."""
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return await process.wait()

    async def _started(self) -> asyncio.subprocess.Process:
        process = self._process
        if process is None or process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            process = self._process = await asyncio.create_subprocess_exec(
                *self._command, str(os.getpid()), *self._more, stdin=pipe, stdout=pipe, start_new_session=True
            )
            async with asyncio.timeout(START_S):
                await _frame(process)
        return process


async def _asked(process: asyncio.subprocess.Process, task: Task | Ask, within_s: float) -> Answer:
    assert process.stdin is not None
    process.stdin.write(framed(task))
    async with asyncio.timeout(within_s):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then there is no answer either
            await process.stdin.drain()
        return answer_in(await _frame(process))


async def _frame(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
    if length > FRAME_MOST:
        raise SolverTrouble(f"the solver's answer has {length} bytes: {FRAME_MOST} at most are allowed")
    return await process.stdout.readexactly(length)
