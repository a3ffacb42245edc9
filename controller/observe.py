"""Observe: what a cycle adds to a contract in the book, and what is to be said of it.

A contract on energy is observed once what flows would meet its interval if it went on; each of its intervals is said when it
closes, and its outcome is theirs.

The states come in this order whatever the timing: written (the devices confirmed what the contract asks), observed (a
reading of the connection point *measured after that* shows it), reverted (the fallback is in force instead), expired
(the window is over and the fallback is in force).
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

import msgspec

from controller import tracking
from controller.book import Entry
from controller.cycle import Decision
from controller.laws.shortfall import Short
from controller.proof import Tally, measure, outcome
from protocols.contracts import Dispatch, FallbackName, Limit, Option, Outcome, State


class Facts(msgspec.Struct, frozen=True):
    """What is true after a cycle's commands: the newest reading of the connection point, and whether the devices hold.

    `applied`: every device confirmed its command, or its lease has lapsed, so that it stands in its own fallback. Of contracts
    on energy by id: why one may not be followed, which have an interval that is not closed yet, and their intervals so far.
    """

    now_s: float
    applied: bool
    site_w: float | None
    measured_s: float
    gap_s: float
    rest: FallbackName
    dispatch: str = ""
    cut_off: Mapping[str, str] = {}
    running: Set[str] = frozenset()
    tallies: Mapping[str, tracking.Tally] = {}

    def concerns(self, entry: Entry) -> bool:
        """Whether the cycle has anything to add to a contract that is open."""
        return entry.id == self.dispatch if isinstance(entry.contract, Dispatch) else entry.id in self.tallies


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
    closed: tracking.Closed | None = None
    short_wh: float | None = None


def observe_open(entry: Entry, decision: Decision, facts: Facts) -> tuple[Entry, tuple[Said, ...]]:
    """A cycle inside the contract's window."""
    if not isinstance(entry.contract, Dispatch):
        return _observe_tracked(entry, decision, facts)
    said: list[Said] = []
    entry = _tallied(entry, decision.law.asked_w, facts)
    if decision.law.reason:
        return _reverted(entry, decision.law.reason, decision.law.text, facts)
    entry = _clamped(entry, decision.clamp, said)
    if entry.state in (State.ACCEPTED, State.REVERTED) and facts.applied:
        entry = replace(entry.to(State.WRITTEN), written_s=facts.now_s)
        said.append(Said(State.WRITTEN, why=decision.verdict.why))
    elif entry.state is State.WRITTEN and _shows(entry, facts):
        entry = entry.to(State.OBSERVED)
        why = f"the meter shows it within {entry.contract.tolerance_w:g} W of {_power_w(entry):g} W"
        said.append(_observed(entry, facts, why))
    return entry, tuple(said)


def _observe_tracked(entry: Entry, decision: Decision, facts: Facts) -> tuple[Entry, tuple[Said, ...]]:
    said = _intervals(entry, decision)
    if decision.short is not None:
        said.append(_short(decision.short))
    cut_off = facts.cut_off.get(entry.id, "")
    reason, text = ("link_lost", cut_off) if cut_off else (decision.law.reason, decision.law.text)
    if reason:
        entry, reverted = _reverted(entry, reason, text, facts)
        return entry, (*said, *reverted)
    clamp = (
        ("dispatch", f"dispatch {facts.dispatch} says the power, the energy is counted") if facts.dispatch else ("", "")
    )
    entry = _clamped(entry, clamp, said)
    if entry.state in (State.ACCEPTED, State.REVERTED) and facts.applied and not facts.dispatch:
        entry = replace(entry.to(State.WRITTEN), written_s=facts.now_s)
        said.append(Said(State.WRITTEN, why=decision.verdict.why))
    elif entry.state is State.WRITTEN and decision.on_course and _is_newer(entry, facts):
        entry = entry.to(State.OBSERVED)
        said.append(_observed(entry, facts, "what flows would meet the interval if it went on"))
    return entry, tuple(said)


def _intervals(entry: Entry, decision: Decision) -> list[Said]:
    return [_interval(closed) for closed in decision.closed if closed.contract == entry.id]


def _interval(closed: tracking.Closed) -> Said:
    """An interval with its proof. What counts as metered for the contract is what it asked and its share of what was missed."""
    covered = f"{closed.covered_s:.0f} of {closed.end_s - closed.start_s:.0f} s covered"
    why = f"{closed.deviation_wh:+.1f} Wh off, at most {closed.tolerance_wh:.1f} Wh; {covered}"
    if closed.note:
        why += f"; {closed.note}"
    sums = Tally(closed.due_wh, closed.due_wh + closed.deviation_wh, closed.covered_s)
    return Said(State.INTERVAL, "", why, tally=sums, outcome=closed.outcome, closed=closed)


def _short(short: Short) -> Said:
    if not short.reason:
        return Said(State.SHORT, "lifted", "nothing is expected to be missing any more")
    return Said(State.SHORT, short.reason, short.text, short_wh=short.short_wh)


def observe_over(entry: Entry, decision: Decision, facts: Facts) -> tuple[Entry, tuple[Said, ...]]:
    """A cycle after the contract's end: said once the devices hold what follows it."""
    said: list[Said] = []
    if isinstance(entry.contract, Dispatch):
        entry = _tallied(entry, None, facts)
    else:
        said = _intervals(entry, decision)
        # The last interval closes with the first reading behind it; a meter that is gone must not keep the contract alive.
        if entry.id in facts.running and facts.now_s < entry.end_s + 2.0 * facts.gap_s:
            return entry, tuple(said)
    if not facts.applied:
        return entry, tuple(said)
    if isinstance(entry.contract, Option) and not entry.calls:
        return entry.to(State.EXPIRED), (Said(State.EXPIRED, "not_called", "ended, it was never called"),)
    verdict, why, sums = _outcome(entry, facts)
    if entry.superseded_by:
        reason, why = "superseded", f"superseded by {entry.superseded_by}; {why}"
    else:
        reason, why = "ended", f"ended, {facts.rest} is in force; {why}"
    said.append(Said(State.EXPIRED, reason, why, tally=sums, outcome=verdict))
    return entry.to(State.EXPIRED), tuple(said)


def _outcome(entry: Entry, facts: Facts) -> tuple[Outcome | None, str, Tally | None]:
    contract = entry.contract
    if isinstance(contract, Dispatch):
        return *outcome(entry.tally, entry.end_s - _settled_s(entry), contract.tolerance_w), entry.tally
    if isinstance(contract, Limit):
        return None, "its readings say what was kept of it (busbar settle)", None
    tally = facts.tallies.get(entry.id, tracking.Tally())
    if entry.id in facts.running:
        tally = msgspec.structs.replace(tally, unproven=tally.unproven + 1)
    return *tally.outcome(), Tally(tally.due_wh, tally.due_wh + tally.deviation_wh)


def _tallied(entry: Entry, asked_w: float | None, facts: Facts) -> Entry:
    if facts.site_w is None:
        return entry
    asked = _power_w(entry) if asked_w is None else asked_w
    window_s = (_settled_s(entry), entry.end_s)
    return replace(entry, tally=measure(entry.tally, facts.measured_s, facts.site_w, asked, window_s, facts.gap_s))


def _settled_s(entry: Entry) -> float:
    """From when on a dispatch counts: nobody else knows at which moment of the random start the site begins."""
    if not isinstance(entry.contract, Dispatch):
        return entry.start_s
    return entry.start_s + entry.contract.random_start_s + entry.contract.settle_s


def _power_w(entry: Entry) -> float:
    return entry.contract.power_w if isinstance(entry.contract, Dispatch) else 0.0


def _reverted(entry: Entry, reason: str, text: str, facts: Facts) -> tuple[Entry, tuple[Said, ...]]:
    if entry.state is State.REVERTED or not facts.applied:
        return entry, ()
    said = Said(State.REVERTED, reason, f"{text}; {entry.contract.fallback} is in force")
    return replace(entry.to(State.REVERTED), clamp=""), (said,)


def _clamped(entry: Entry, clamp: tuple[str, str], said: list[Said]) -> Entry:
    reason, why = clamp
    if reason == entry.clamp:
        return entry
    said.append(Said(State.CLAMPED, reason or "lifted", why or "gets all it asks for again"))
    return replace(entry, clamp=reason)


def _shows(entry: Entry, facts: Facts) -> bool:
    if facts.site_w is None or not _is_newer(entry, facts):
        return False
    return abs(facts.site_w - _power_w(entry)) <= entry.contract.tolerance_w


def _is_newer(entry: Entry, facts: Facts) -> bool:
    """Whether the reading was measured after the write."""
    return facts.site_w is not None and entry.written_s is not None and facts.measured_s > entry.written_s


def _observed(entry: Entry, facts: Facts, why: str) -> Said:
    latency_s = None if entry.written_s is None else facts.measured_s - entry.written_s
    return Said(State.OBSERVED, why=why, observed_w=facts.site_w, latency_s=latency_s)
