"""The words of films about planning: what others tell of the hours to come, what was said of the plan, and what truly flowed."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from controller.planning.orders import Orders
from controller.planning.plan import Plan
from controller.planning.site import Site
from firmware_py.home.planning.desk import PlanDesk
from firmware_py.home.planning.solver import SolverTrouble
from firmware_py.home.planning.work import InlineSolver
from protocols.messages import Happening
from protocols.plan import PublishedPlan, parse_plan
from protocols.signing import OUTLOOK, sign
from tests.scenarios.keys import private_key
from tests.scenarios.stage import NODE, Options, Stage, Step

HOUR_S = 3600.0
SUPPLIER = "supplier"
ISSUERS: dict[str, Options] = {SUPPLIER: {"role": "market"}, "owner": {"role": "household"}}


def desk_of(stage: Stage) -> PlanDesk:
    """The node's plan desk."""
    desk = stage.node.parts.home
    assert isinstance(desk, PlanDesk)
    return desk


def orders_now(stage: Stage) -> Orders:
    return desk_of(stage).orders(stage.clock.now_s())


def published(stage: Stage) -> PublishedPlan:
    """The retained plan, as anybody finds it."""
    return parse_plan(stage.broker.retained[stage.topics.plan])


def said(stage: Stage, subject: str) -> list[Happening]:
    """What was said of a subject, from the beginning."""
    return [each for each in stage.head_end.happenings if each.subject == subject]


def states(stage: Stage, subject: str) -> list[str]:
    return [each.state for each in said(stage, subject)]


# What others tell


def tells_outlook(say: str, by: str = SUPPLIER, **terms: Any) -> Step:
    """A signed message of an issuer; a term that is a function is called with the wall clock of then."""

    def step(stage: Stage) -> None:
        stage.last_seq[by] += 1
        utc = stage.clock.utc()
        given = {name: value(utc) if callable(value) else value for name, value in terms.items()}
        message = {"say": say, "iss": by, "aud": NODE, "seq": stage.last_seq[by], "at": _text(utc), **given}
        token = sign(json.dumps(message).encode(), private_key(by), OUTLOOK)  # json: it has a NaN
        stage.told.append(token)
        stage.broker.publish(stage.topics.outlook_in, token)

    return step


def tells_prices(start: datetime, bought: Sequence[float], step_s: int = 3600, **terms: Any) -> Step:
    """The supplier's prices, one for each step."""
    return tells_outlook("prices", start=_text(start), step_s=step_s, import_per_kwh=list(bought), **terms)


def tells_of_a_trip(departs: datetime, needs_wh: float, returns: datetime | None = None) -> Step:
    """The owner's car leaves once at another time."""
    terms = {} if returns is None else {"returns": _text(returns)}
    return tells_outlook("trip", by="owner", charger="charger", departs=_text(departs), needs_wh=needs_wh, **terms)


def repeats_the_last_outlook(stage: Stage) -> None:
    """A message that was sent before comes again."""
    stage.broker.publish(stage.topics.outlook_in, stage.told[-1])


def refused_for(stage: Stage) -> list[str]:
    """The short words of all refusals."""
    return [each.why.rpartition("[")[2].rstrip("]") for each in said(stage, "outlook") if each.state == "refused"]


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


# What truly flowed


@dataclass
class Powers:
    """The true powers of terminals, sampled; `at_s` is the film's time."""

    names: tuple[str, ...]
    every_s: float = 60.0
    at_s: list[float] = field(default_factory=list)
    power_w: dict[str, list[float]] = field(default_factory=dict)

    def watched(self, stage: Stage) -> None:
        stage.beside(self._sample(stage), "powers")

    async def _sample(self, stage: Stage) -> None:
        self.power_w = {name: [] for name in self.names}
        while True:
            self.at_s.append(asyncio.get_running_loop().time())
            for name in self.names:
                self.power_w[name].append(stage.home.terminals[name].total_w)
            await asyncio.sleep(self.every_s)

    def between(self, name: str, since_s: float, until_s: float) -> list[float]:
        """The samples of a span."""
        return [w for at_s, w in zip(self.at_s, self.power_w[name], strict=True) if since_s <= at_s < until_s]

    def energy_wh(self, name: str, since_s: float, until_s: float) -> float:
        return sum(self.between(name, since_s, until_s)) * self.every_s / HOUR_S

    def switches(self, name: str, above_w: float = 100.0) -> list[float]:
        """When it went on or off."""
        on = [power_w > above_w for power_w in self.power_w[name]]
        return [at_s for at_s, before, now in zip(self.at_s[1:], on, on[1:], strict=False) if before is not now]


# Solvers that do not


class Scripted(InlineSolver):
    """Solves as the script says, one word for each plan, the last one for ever: `good`, `fails`, `hangs`."""

    def __init__(self, *script: str) -> None:
        super().__init__()
        self.script, self.asked = script, 0

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        word = self.script[min(self.asked, len(self.script) - 1)]
        self.asked += 1
        if word == "fails":
            raise SolverTrouble("the solver died: code -11")
        if word == "hangs":
            await asyncio.sleep(timedelta(days=30).total_seconds())
        return await super().solve(site, budget_s, exact_s)
