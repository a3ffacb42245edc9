"""The port to whatever makes plans, and the words in which a worker is spoken to.

On a node the solver is a process of its own (`worker.py` is the node's side, `work.py` its own), so that the 1 s loop never waits for it.
"""

from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from controller.planning.plan import Plan
from controller.planning.site import Floats, Site
from protocols.flexibility import Offer

# 96 h in steps of 5 min, with a dozen devices, are 0.5 MB; more is no site.
FRAME_MOST: Final = 32 * 1024 * 1024
LENGTH_BYTES: Final = 4
# Said to a worker that looks for offers.
OFFERS: Final = "offers"


class SolverTrouble(Exception):
    """No plan was made: the solver failed, was late or died. The message says which."""


class PlanSolver(Protocol):
    """Makes plans, one at a time."""

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        """The plan of a site, within about `budget_s`; SolverTrouble where there is none."""
        ...

    async def offers(self, site: Site, nominated: Plan, margin_w: Floats, budget_s: float) -> tuple[Offer, ...]:
        """What the site can do beside the plan (`controller.flexibility.offers`): what was found within about `budget_s`, the
        nearest windows first. Holds up no plan; SolverTrouble as above.
        """
        ...

    async def close(self) -> None:
        """End whatever it runs."""
        ...


class Solves(Protocol):
    """What does the work, as `controller.planning.planner.Planner`."""

    def plan(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        """The plan of a site."""
        ...


class Task(msgspec.Struct, frozen=True):
    """What a worker is asked."""

    site: Site
    budget_s: float
    exact_s: float


class Ask(msgspec.Struct, frozen=True):
    """What a worker that looks for offers is asked."""

    site: Site
    nominated: Plan
    margin_w: Floats
    budget_s: float


class Answer(msgspec.Struct, frozen=True):
    """What it says: a plan, offers, or why there is none; nothing of it when it is ready."""

    plan: Plan | None = None
    offers: tuple[Offer, ...] | None = None
    trouble: str = ""


def framed(word: Task | Ask | Answer) -> bytes:
    """The bytes on the pipe: a length, then MessagePack."""
    body = msgspec.msgpack.encode(word, enc_hook=_told)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def task_in(body: bytes) -> Task:
    """A task from its frame."""
    return msgspec.msgpack.decode(body, type=Task, dec_hook=_taken)


def ask_in(body: bytes) -> Ask:
    """What is asked, from its frame."""
    return msgspec.msgpack.decode(body, type=Ask, dec_hook=_taken)


def answer_in(body: bytes) -> Answer:
    """An answer from its frame; SolverTrouble where it is none."""
    try:
        return msgspec.msgpack.decode(body, type=Answer, dec_hook=_taken)
    except (msgspec.DecodeError, ValueError) as error:
        raise SolverTrouble(f"the solver's answer is none: {error}") from error


class Held(msgspec.Struct, frozen=True):
    """A plan that is in force, with its site, when it was made, and until when it may be followed: to be kept on disk."""

    plan: Plan
    site: Site
    made_at: datetime
    until: datetime


def kept(held: Held) -> bytes:
    """Its bytes on disk."""
    return msgspec.msgpack.encode(held, enc_hook=_told)


def held_in(body: bytes) -> Held | None:
    """What was kept; None where it is not to be read, as after an update."""
    try:
        return msgspec.msgpack.decode(body, type=Held, dec_hook=_taken)
    except (msgspec.DecodeError, ValueError):
        return None


def _told(value: object) -> object:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value)} has no words on the pipe")


def _taken(kind: type, value: Any) -> Any:  # noqa: ANN401 - as msgspec calls it
    dtype, raw = value
    return np.frombuffer(raw, dtype=np.dtype(dtype)).copy()
