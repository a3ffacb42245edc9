"""The solver's own process (`python -m firmware_py.home.planning.work`), and the solver that needs none, for virtual time.

The process is nice, has one task at a time, and ends with the node however that ends: its stdin is closed, and the kernel
kills it with its parent.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import IO, Final

from controller.planning.plan import Plan
from controller.planning.planner import Planner, SolverFailed
from controller.planning.site import Site
from firmware_py.home.planning.solver import LENGTH_BYTES, Answer, SolverTrouble, Solves, framed, task_in

NICE: Final = 10
# A search tree that grows beyond this is given up before it takes the node's memory.
MEMORY_MOST: Final = 1536 * 1024 * 1024
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class InlineSolver:
    """Solves here and now: for virtual time, where nothing else may take any. Implements `PlanSolver`."""

    def __init__(self, make: Callable[[], Solves] = Planner) -> None:
        self._make = make
        self._work: Solves | None = None

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        """As the port."""
        self._work = self._work or self._make()
        return solved(self._work, site, budget_s, exact_s)

    async def close(self) -> None:
        """Nothing runs."""


def solved(work: Solves, site: Site, budget_s: float, exact_s: float) -> Plan:
    """The plan; SolverTrouble where the site is wrong or HiGHS fails."""
    try:
        return work.plan(site, budget_s, exact_s)
    except ValueError as error:
        raise SolverTrouble(f"the site cannot be planned: {error}") from error
    except SolverFailed as error:
        raise SolverTrouble(f"the solver failed: {error}") from error


def serve(make: Callable[[], Solves]) -> None:
    """Solve what comes on stdin until it is closed. What anybody prints goes to stderr: stdout carries the answers."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _behave(int(sys.argv[1]))
    work = make()
    _say(out, Answer())
    while (length := sys.stdin.buffer.read(LENGTH_BYTES)) != b"":
        _say(out, _answered(work, sys.stdin.buffer.read(int.from_bytes(length, "big"))))


def _behave(parent: int) -> None:
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MOST, MEMORY_MOST))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it was asked to tell
        sys.exit(0)


def _answered(work: Solves, body: bytes) -> Answer:
    task = task_in(body)
    try:
        return Answer(solved(work, task.site, task.budget_s, task.exact_s))
    except SolverTrouble as trouble:
        return Answer(trouble=str(trouble))


def _say(out: IO[bytes], answer: Answer) -> None:
    out.write(framed(answer))
    out.flush()


if __name__ == "__main__":
    serve(Planner)
