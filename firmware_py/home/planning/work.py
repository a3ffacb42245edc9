"""The solver's own process (`python -m firmware_py.home.planning.work`), and the solver that needs none, for virtual time.

The process is nice, has one task at a time, and ends with the node however that ends: its stdin is closed, and the kernel
kills it with its parent. With a second argument `offers` it looks for offers, and is nicer still.
"""

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import IO, Final

from controller.flexibility import Search, each_offer
from controller.planning.plan import Plan
from controller.planning.planner import Planner, SolverFailed
from controller.planning.site import Floats, Site
from firmware_py.home.planning.solver import (
    LENGTH_BYTES,
    OFFERS,
    Answer,
    Ask,
    SolverTrouble,
    Solves,
    ask_in,
    framed,
    task_in,
)
from protocols.flexibility import Offer

NICE: Final = 10
NICER: Final = 19
# A search tree that grows beyond this is given up before it takes the node's memory.
MEMORY_MOST: Final = 1536 * 1024 * 1024
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class InlineSolver:
    """Solves here and now: for virtual time, where nothing else may take any. Implements `PlanSolver`."""

    def __init__(self, make: Callable[[], Solves] = Planner, search: Search | None = None) -> None:
        self._make, self._search = make, search
        self._work: Solves | None = None

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        """As the port."""
        self._work = self._work or self._make()
        return solved(self._work, site, budget_s, exact_s)

    async def offers(self, site: Site, nominated: Plan, margin_w: Floats, budget_s: float) -> tuple[Offer, ...]:
        """As the port."""
        self._work = self._work or self._make()
        return found(self._work, Ask(site, nominated, margin_w, budget_s), self._search)

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


def found(work: Solves, ask: Ask, search: Search | None = None) -> tuple[Offer, ...]:
    """The offers; of a window that was begun within the budget the whole offer. SolverTrouble as above."""
    began_s, offers = time.monotonic(), list[Offer]()
    try:
        for offer in each_offer(work, ask.site, ask.margin_w, ask.nominated, search):
            offers.append(offer)
            if time.monotonic() - began_s >= ask.budget_s:
                break
    except ValueError as error:
        raise SolverTrouble(f"no offers can be looked for: {error}") from error
    return tuple(offers)


def serve(make: Callable[[], Solves]) -> None:
    """Solve what comes on stdin until it is closed. What anybody prints goes to stderr: stdout carries the answers."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sells = OFFERS in sys.argv[2:]
    _behave(int(sys.argv[1]), NICER if sells else NICE)
    work, answered = make(), _offered if sells else _answered
    _say(out, Answer())
    while (length := sys.stdin.buffer.read(LENGTH_BYTES)) != b"":
        _say(out, answered(work, sys.stdin.buffer.read(int.from_bytes(length, "big"))))


def _behave(parent: int, nice: int) -> None:
    os.nice(nice)
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


def _offered(work: Solves, body: bytes) -> Answer:
    try:
        return Answer(offers=found(work, ask_in(body)))
    except SolverTrouble as trouble:
        return Answer(trouble=str(trouble))


def _say(out: IO[bytes], answer: Answer) -> None:
    out.write(framed(answer))
    out.flush()


if __name__ == "__main__":
    serve(Planner)
