"""The solver's own process: killed when it is late, started again when it died, and never left behind."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from controller.planning.site import Battery, Horizon, Site
from firmware_py.home.planning.solver import SolverTrouble
from firmware_py.home.planning.worker import WorkerSolver
from tests.system.eventually import eventually

pytestmark = pytest.mark.system

STRANGE = (sys.executable, "-m", "tests.system.strange_solver")


def site(*notes: str) -> Site:
    """A battery that buys at 10 cents what costs 50 later."""
    n = 96
    zeros, much, load = np.zeros(n), np.full(n, 1e4), np.full(n, 500.0)
    bought = np.where(np.arange(n) < 48, 0.1, 0.5)
    battery = Battery("battery", 2000.0, 500.0, 10_000.0, 3000.0, 3000.0)
    horizon = Horizon(datetime(2026, 6, 21, tzinfo=UTC), 900.0, n)
    return Site(horizon, bought, zeros, much, much, load, zeros, zeros, batteries=(battery,), notes=notes)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


async def test_a_plan_comes_back_whole_from_a_nice_process() -> None:
    solver = WorkerSolver()
    try:
        plan = await solver.solve(site(), 5.0, 0.0)
        assert plan.stored_wh["battery"].shape == (97,)
        assert plan.stored_wh["battery"][48] > 5000.0  # bought while it is cheap
        assert plan.cost.energy < 0.5 * 12 * 0.1 + 0.5 * 12 * 0.5
        pid = solver.pid
        assert pid is not None
        assert os.getpriority(os.PRIO_PROCESS, pid) == 10
        await solver.solve(site(), 5.0, 0.0)
        assert solver.pid == pid, "one process for all plans"
    finally:
        await solver.close()
    assert not is_alive(pid)


async def test_two_tasks_are_done_one_after_the_other() -> None:
    solver = WorkerSolver()
    try:
        plans = await asyncio.gather(*(solver.solve(site(), 5.0, 0.0) for _ in range(3)))
        assert len({round(plan.cost.total, 6) for plan in plans}) == 1
    finally:
        await solver.close()


@pytest.mark.parametrize(
    ("how", "said"),
    [("hang", "late"), ("die", "died: code 3"), ("fail", "failed: no way")],
)
async def test_whatever_goes_wrong_is_trouble_and_the_next_plan_is_made(how: str, said: str) -> None:
    solver = WorkerSolver(STRANGE, margin_s=1.0)
    try:
        await solver.solve(site(), 5.0, 0.0)
        first = solver.pid
        assert first is not None
        with pytest.raises(SolverTrouble, match=said):
            await solver.solve(site(how), 0.5, 0.0)
        if how != "fail":
            assert not is_alive(first), "a late one is killed, not left to burn"
        plan = await solver.solve(site(), 5.0, 0.0)
        assert plan.cost.total > 0.0
    finally:
        await solver.close()


async def test_a_site_that_is_wrong_is_trouble_and_not_the_end_of_the_worker() -> None:
    solver = WorkerSolver()
    try:
        with pytest.raises(SolverTrouble, match="load_w: nan in step 0"):
            await solver.solve(replace(site(), load_w=np.full(96, np.nan)), 5.0, 0.0)
        assert (await solver.solve(site(), 5.0, 0.0)).cost.total > 0.0
    finally:
        await solver.close()


async def test_what_a_library_prints_is_no_answer() -> None:
    solver = WorkerSolver(STRANGE)
    try:
        assert (await solver.solve(site("print"), 5.0, 0.0)).cost.total > 0.0
    finally:
        await solver.close()


async def test_a_cancelled_task_takes_its_worker_with_it() -> None:
    solver = WorkerSolver(STRANGE)
    await solver.solve(site(), 5.0, 0.0)
    pid = solver.pid
    assert pid is not None
    hanging = asyncio.create_task(solver.solve(site("hang"), 60.0, 0.0))
    await asyncio.sleep(0)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert not is_alive(pid)


async def test_a_program_that_is_not_there_is_trouble() -> None:
    solver = WorkerSolver(("/nowhere/python",))
    with pytest.raises(SolverTrouble, match="cannot be run"):
        await solver.solve(site(), 1.0, 0.0)


async def test_offers_are_looked_for_beside_the_plans_by_a_nicer_process_that_is_gone_afterwards() -> None:
    solver = WorkerSolver()
    try:
        plan = await solver.solve(site(), 5.0, 0.0)
        pid = solver.pid
        looking = asyncio.create_task(solver.offers(site(), plan, np.full(96, 100.0), 0.0))
        seller = await eventually("a process that looks for offers", lambda: solver.seller)
        assert seller is not None
        await eventually("its niceness", lambda: os.getpriority(os.PRIO_PROCESS, seller) == 19 or looking.done())
        assert not looking.done()
        await solver.solve(site(), 5.0, 0.0)
        assert solver.pid == pid, "plans go on by their own process"
        offers = await looking
        # No time: the first window, and that whole. The battery gives its 3 kW less the margin.
        assert [(each.end - each.start).total_seconds() for each in offers] == [900.0]
        assert offers[0].down_w == pytest.approx(3000.0 - 100.0 + plan.power_w["battery"][1], rel=0.035)
        assert solver.seller is None
        assert not is_alive(seller)
    finally:
        await solver.close()


async def test_offers_that_are_late_are_given_up_and_no_plan_is_hurt() -> None:
    solver = WorkerSolver(STRANGE, offers_margin_s=0.5)
    try:
        plan = await solver.solve(site(), 5.0, 0.0)
        pid = solver.pid
        with pytest.raises(SolverTrouble, match="late"):
            await solver.offers(site("hang"), plan, np.zeros(96), 0.0)
        assert solver.seller is None
        await solver.solve(site(), 5.0, 0.0)
        assert solver.pid == pid
    finally:
        await solver.close()


ORPHAN = """
import asyncio, sys
from tests.system.test_solver_worker import STRANGE, site
from firmware_py.home.planning.worker import WorkerSolver
async def main():
    solver = WorkerSolver(STRANGE)
    await solver.solve(site(), 5.0, 0.0)
    print(solver.pid, flush=True)
    await solver.solve(site("hang"), 60.0, 0.0)
asyncio.run(main())
"""


async def test_no_orphan_is_left_when_the_node_is_killed_while_it_solves(tmp_path: Path) -> None:
    pipe, hangs = asyncio.subprocess.PIPE, tmp_path / "hangs"
    environment = {**os.environ, "HANGS": str(hangs)}
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN, stdout=pipe, env=environment)
    assert parent.stdout is not None
    worker = int(await parent.stdout.readline())
    await eventually("the worker is busy", hangs.exists)
    assert is_alive(worker)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await eventually("the worker ends with its node", lambda: not is_alive(worker), within_s=20.0)
