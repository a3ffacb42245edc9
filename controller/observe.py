"""Observe: what a cycle adds to a contract in the book, and what is to be said of it.

The states come in this order whatever the timing: written (the devices confirmed what the contract asks), observed (a
reading of the connection point *measured after that* shows it), reverted (the fallback is in force instead), expired
(the window is over and the fallback is in force).
"""

from dataclasses import dataclass, replace

import msgspec

from controller.book import Entry
from controller.cycle import Decision
from controller.proof import Tally, measure, outcome
from protocols.contracts import Dispatch, FallbackName, Outcome, State


class Facts(msgspec.Struct, frozen=True):
    """What is true after a cycle's commands: the newest reading of the connection point, and whether the devices hold.

    `applied`: every device confirmed its command, or its lease has lapsed, so that it stands in its own fallback.
    """

    now_s: float
    applied: bool
    site_w: float | None
    measured_s: float
    gap_s: float
    rest: FallbackName


@dataclass(frozen=True, slots=True)
class Said:
    """A state to publish, with its reason and figures."""

    state: State
    reason: str = ""
    why: str = ""
    observed_w: float | None = None
    latency_s: float | None = None
    tally: Tally | None = None
    outcome: Outcome | None = None


def observe_open(entry: Entry, decision: Decision, facts: Facts) -> tuple[Entry, tuple[Said, ...]]:
    """A cycle inside the contract's window."""
    said: list[Said] = []
    entry = _tallied(entry, decision.law.asked_w, facts)
    if decision.law.reason:
        return _reverted(entry, decision, facts)
    entry = _clamped(entry, decision, said)
    if entry.state in (State.ACCEPTED, State.REVERTED) and facts.applied:
        entry = replace(entry.to(State.WRITTEN), written_s=facts.now_s)
        said.append(Said(State.WRITTEN, why=decision.verdict.why))
    elif entry.state is State.WRITTEN and _shows(entry, facts):
        entry = entry.to(State.OBSERVED)
        said.append(_observed(entry, facts))
    return entry, tuple(said)


def observe_over(entry: Entry, facts: Facts) -> tuple[Entry, tuple[Said, ...]]:
    """A cycle after the contract's end: said once the devices hold what follows it."""
    entry = _tallied(entry, None, facts)
    if not facts.applied:
        return entry, ()
    verdict, why = outcome(entry.tally, entry.end_s - _settled_s(entry), entry.contract.tolerance_w)
    if entry.superseded_by:
        reason, why = "superseded", f"superseded by {entry.superseded_by}; {why}"
    else:
        reason, why = "ended", f"ended, {facts.rest} is in force; {why}"
    said = Said(State.EXPIRED, reason, why, tally=entry.tally, outcome=verdict)
    return entry.to(State.EXPIRED), (said,)


def _tallied(entry: Entry, asked_w: float | None, facts: Facts) -> Entry:
    if facts.site_w is None:
        return entry
    asked = _power_w(entry) if asked_w is None else asked_w
    window_s = (_settled_s(entry), entry.end_s)
    return replace(entry, tally=measure(entry.tally, facts.measured_s, facts.site_w, asked, window_s, facts.gap_s))


def _settled_s(entry: Entry) -> float:
    return entry.start_s + (entry.contract.settle_s if isinstance(entry.contract, Dispatch) else 0.0)


def _power_w(entry: Entry) -> float:
    return entry.contract.power_w if isinstance(entry.contract, Dispatch) else 0.0


def _reverted(entry: Entry, decision: Decision, facts: Facts) -> tuple[Entry, tuple[Said, ...]]:
    if entry.state is State.REVERTED or not facts.applied:
        return entry, ()
    text = f"{decision.law.text}; {entry.contract.fallback} is in force"
    return replace(entry.to(State.REVERTED), clamp=""), (Said(State.REVERTED, decision.law.reason, text),)


def _clamped(entry: Entry, decision: Decision, said: list[Said]) -> Entry:
    reason, why = decision.clamp
    if reason == entry.clamp:
        return entry
    said.append(Said(State.CLAMPED, reason or "lifted", why or "gets all it asks for again"))
    return replace(entry, clamp=reason)


def _shows(entry: Entry, facts: Facts) -> bool:
    if facts.site_w is None or entry.written_s is None or facts.measured_s <= entry.written_s:
        return False
    return abs(facts.site_w - _power_w(entry)) <= entry.contract.tolerance_w


def _observed(entry: Entry, facts: Facts) -> Said:
    latency_s = None if entry.written_s is None else facts.measured_s - entry.written_s
    why = f"the meter shows it within {entry.contract.tolerance_w:g} W of {_power_w(entry):g} W"
    return Said(State.OBSERVED, why=why, observed_w=facts.site_w, latency_s=latency_s)
