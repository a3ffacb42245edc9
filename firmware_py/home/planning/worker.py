"""The solver in a process of its own, the node's side: one task at a time, killed when it is late, started again for the next."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from controller.planning.plan import Plan
from controller.planning.site import Site
from firmware_py.home.planning.solver import FRAME_MOST, LENGTH_BYTES, SolverTrouble, Task, answer_in, framed

# Beyond its budget, for building the problem, reading the solution and the pipe.
MARGIN_S: Final = 5.0
# numpy and HiGHS are imported within; on a small board with a cold card that takes a while.
START_S: Final = 90.0


class WorkerSolver:
    """`PlanSolver` over a worker process, started when it is first needed."""

    def __init__(
        self,
        command: Sequence[str] = (sys.executable, "-m", "firmware_py.home.planning.work"),
        *,
        margin_s: float = MARGIN_S,
    ) -> None:
        self._command, self._margin_s = tuple(command), margin_s
        self._process: asyncio.subprocess.Process | None = None
        self._one = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The worker's process id; None where none runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        """As the port; whatever goes wrong, the worker is gone afterwards and the next task has a new one."""
        async with self._one:
            try:
                process = await self._started()
                return await self._asked(process, Task(site, budget_s, exact_s), budget_s + self._margin_s)
            except TimeoutError:
                await self._kill()
                raise SolverTrouble(f"the solver was late: more than {budget_s:g} s and {self._margin_s:g} s") from None
            except OSError as error:
                await self._kill()
                raise SolverTrouble(f"the solver cannot be run: {error}") from error
            except asyncio.IncompleteReadError:
                code = await self._kill()
                raise SolverTrouble(f"the solver died: code {code}") from None
            except asyncio.CancelledError:
                await self._kill()
                raise

    async def close(self) -> None:
        """End the worker."""
        await self._kill()

    async def _started(self) -> asyncio.subprocess.Process:
        process = self._process
        if process is None or process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            process = self._process = await asyncio.create_subprocess_exec(
                *self._command, str(os.getpid()), stdin=pipe, stdout=pipe, start_new_session=True
            )
            async with asyncio.timeout(START_S):
                await _frame(process)
        return process

    async def _asked(self, process: asyncio.subprocess.Process, task: Task, within_s: float) -> Plan:
        assert process.stdin is not None
        process.stdin.write(framed(task))
        async with asyncio.timeout(within_s):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then there is no answer either
                await process.stdin.drain()
            answer = answer_in(await _frame(process))
        if answer.plan is None:
            raise SolverTrouble(answer.trouble)
        return answer.plan

    async def _kill(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return await process.wait()


async def _frame(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
    if length > FRAME_MOST:
        raise SolverTrouble(f"the solver's answer has {length} bytes: {FRAME_MOST} at most are allowed")
    return await process.stdout.readexactly(length)
