"""A node that plans, as a process: the plan is said and kept, and its solver ends with it however that ends."""

from dataclasses import replace
from pathlib import Path

import pytest

from protocols.plan import PublishedPlan, parse_plan
from protocols.topics import Topics
from tests.system.busbar import busbar
from tests.system.eventually import eventually
from tests.system.mosquitto import NODE, Mosquitto
from tests.system.site import Node, Setup, Site

pytestmark = pytest.mark.system

PLANS = Setup(text="[tariff]\nimport_per_kwh = 0.3\nexport_per_kwh = 0.08\n[plan]\nhorizon_h = 24\nreplan_s = 60\n")


def workers(node: Node) -> list[int]:
    """The solver's processes of a node."""
    children = Path(f"/proc/{node.process.pid}/task/{node.process.pid}/children").read_text()
    return [pid for pid in map(int, children.split()) if is_worker(pid)]


def is_worker(pid: int) -> bool:
    """Whether a solver (still) has this process id."""
    try:
        return b"firmware_py.home.planning.work" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


async def planned(node: Node, broker: Mosquitto) -> tuple[PublishedPlan, int]:
    """The first plan as a third party finds it, and who made it."""
    async with broker.subscriber(Topics(NODE).plan) as late:
        await eventually("a plan", lambda: late.heard, seen=lambda: node.log)
        return parse_plan(late.heard[0].payload.encode()), workers(node)[0]


@pytest.mark.parametrize("how", ["told to stop", "killed"])
async def test_the_solver_ends_with_its_node(site: Site, broker: Mosquitto, how: str) -> None:
    async with site.node(PLANS) as node:
        plan, worker = await planned(node, broker)
        assert plan.made == "optimal"
        assert "battery.power_w" in plan.series
        if how == "killed":
            await node.kill()
        else:
            assert await node.terminate() == 0
        await eventually("the solver is gone", lambda: not is_worker(worker))


async def test_what_it_offers_is_shown_by_the_command(site: Site, broker: Mosquitto) -> None:
    """Of its load nobody has told anything yet."""
    login = ("--username", "head-end", "--password-file", str(broker.password_file("head-end")))
    async with site.node(replace(PLANS, text=f"{PLANS.text}offers = true\n")) as node:
        await planned(node, broker)
        shown = await busbar("flexibility", "--node", NODE, "--broker", broker.url, *login)
    assert shown.good.splitlines()[-2:] == ["  too little is known of the load yet", "nothing is offered"]
    silent = await busbar("flexibility", "--node", "home-2", "--broker", broker.url, *login)
    silent.says(1, "home-2", "offers = true")
