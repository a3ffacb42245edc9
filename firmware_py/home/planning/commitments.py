"""Contracts of the book as commitments of a plan: what they ask of the connection point together, as `controller.tracking` adds
them up, in energies of the plan's steps.

An energy contract that is alone in its interval keeps the freedom it has inside; where several meet, each step has its own
part. A dispatch stands alone. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from controller.book import Entry
from controller.planning.site import Commitment, Floats, Horizon
from firmware_py.home.planning.hours import Now
from protocols.contracts import Dispatch, Energy, Option, Reprofile
from protocols.outlook import PRICE_MOST_PER_KWH as PRICE_MOST

# Less than this of a step is the rounding of a clock.
_SLACK_S = 0.5


@dataclass(frozen=True, slots=True)
class _Ask:
    """What a contract asks between two moments (seconds from the start of the horizon)."""

    contract: str
    begin_s: float
    end_s: float
    power_w: float
    origin_s: float
    interval_s: float
    deviation_per_kwh: float
    is_change: bool = False
    is_alone: bool = False
    nominated_w: tuple[float, ...] | None = None

    def nominated_at(self, at_s: float) -> float | None:
        """The nominated power then; the last one also behind its end."""
        if self.nominated_w is None or len(self.nominated_w) == 0:
            return None
        index = int((at_s - self.origin_s) // self.interval_s)
        return self.nominated_w[min(max(index, 0), len(self.nominated_w) - 1)]

    def edges(self) -> Iterable[float]:
        """Where what it asks may change."""
        yield from (self.begin_s, self.end_s)
        for index in range(0 if self.nominated_w is None else len(self.nominated_w)):
            yield self.origin_s + index * self.interval_s


def commitments(
    entries: Sequence[Entry], now: Now, horizon: Horizon, net_w: Floats, deviation_per_kwh: float
) -> tuple[Commitment, ...]:
    """Everything that binds within the horizon. `net_w`: what is expected to flow by itself, which stands in for a baseline that
    nobody nominated and fills the part of a step that no contract covers; `deviation_per_kwh` where a contract names none.
    """
    asks = [ask for entry in entries if entry.binds for ask in _asks(entry, now, horizon, deviation_per_kwh)]
    if not asks:
        return ()
    of_step, covered_s = _by_step(asks, horizon, net_w)
    price = {ask.contract: ask.deviation_per_kwh for ask in asks}
    whole = {**_intervals(asks, of_step, horizon)}
    taken = {
        (contract, step) for contract, spans in whole.items() for first, last in spans for step in range(first, last)
    }
    found: list[Commitment] = []
    for contract, spans in whole.items():
        for first, last in spans:
            energy_wh = sum(of_step[step][contract] for step in range(first, last))
            found.append(Commitment(contract, first, last, energy_wh, price[contract]))
    for step, shares in sorted(of_step.items()):
        rest_wh = (horizon.step_s - covered_s[step]) / 3600.0 * float(net_w[step])
        greatest = max(shares, key=lambda name: abs(shares[name]))
        for contract, energy_wh in shares.items():
            if (contract, step) not in taken:
                filled_wh = energy_wh + (rest_wh if contract == greatest else 0.0)
                found.append(Commitment(contract, step, step + 1, filled_wh, price[contract]))
    return tuple(sorted(found, key=lambda each: (each.first, each.last, each.contract)))


def _asks(entry: Entry, now: Now, horizon: Horizon, default: float) -> Iterable[_Ask]:
    start_s = (now.utc - horizon.start).total_seconds() - now.now_s  # what to add to a monotonic moment
    origin_s, end_s = entry.start_s + start_s, entry.end_s + start_s
    last_s = horizon.steps * horizon.step_s
    price, contract = _deviation(entry, default), entry.contract
    match contract:
        case Energy(energy_wh=energy_wh, interval_s=interval_s):
            power_w = energy_wh * 3600.0 / interval_s
            asks = [_Ask(entry.id, origin_s, end_s, power_w, origin_s, interval_s, price)]
        case Reprofile(change_w=change_w, interval_s=interval_s, baseline_w=baseline_w):
            ask = _Ask(entry.id, origin_s, end_s, change_w, origin_s, interval_s, price, True, nominated_w=baseline_w)
            asks = [ask]
        case Option(interval_s=interval_s, baseline_w=baseline_w):
            calls = [(each.start_s + start_s, min(each.end_s + start_s, end_s), each.change_w) for each in entry.calls]
            asks = [
                _Ask(
                    entry.id,
                    *call,
                    origin_s,
                    interval_s,
                    price,
                    True,
                    nominated_w=baseline_w,
                )
                for call in (*calls, *_next_call(contract, calls, (origin_s, end_s), now.now_s + start_s, horizon))
            ]
        case Dispatch(power_w=power_w):
            asks = [_Ask(entry.id, origin_s, end_s, power_w, origin_s, horizon.step_s, price, is_alone=True)]
        case _:
            asks = []
    return [ask for ask in asks if ask.end_s > 0.0 and ask.begin_s < min(last_s, ask.end_s)]


def _next_call(
    contract: Option,
    calls: Sequence[tuple[float, float, float]],
    window: tuple[float, float],
    now_s: float,
    horizon: Horizon,
) -> Iterator[tuple[float, float, float]]:
    """The call to be ready for: of the greater change, from the next step on, for as long as may be. Of an option without a
    nomination nobody knows from what. So it is paid for while it waits, and the present step is free.
    """
    begin_s = max(window[0], horizon.step_s, now_s + contract.notice_s, *(end_s for _, end_s, _ in calls))
    end_s = window[1] if contract.longest_s is None else min(begin_s + contract.longest_s, window[1])
    change_w = max(contract.least_w, contract.most_w, key=abs)
    if contract.baseline_w is not None and begin_s < end_s and change_w != 0.0:
        yield begin_s, end_s, change_w


def reserves(entries: Sequence[Entry], now: Now, horizon: Horizon) -> Iterator[tuple[int, int, float]]:
    """First step, last (not counted) and sign of each stretch in which changes that were bought with a nomination are due; the
    present step knows its load.
    """
    change_w = np.zeros(horizon.steps)
    for ask in (ask for entry in entries if entry.binds for ask in _asks(entry, now, horizon, 0.0)):
        if ask.is_change and ask.nominated_w is not None:
            first, last = int(ask.begin_s // horizon.step_s), -int(-ask.end_s // horizon.step_s)
            change_w[max(first, 1) : max(last, 1)] += ask.power_w
    signs = np.sign(change_w)
    edges = [0, *(np.flatnonzero(np.diff(signs)) + 1), horizon.steps]
    for begin, end in pairwise(edges):
        if signs[begin] != 0.0:
            yield int(begin), int(end), float(signs[begin])


def _deviation(entry: Entry, default: float) -> float:
    """What a kWh that is missing costs: the price not earned and the penalty; without such terms the tariff's."""
    terms = entry.contract.settlement
    if terms is None or (terms.price_per_kwh == 0 and terms.penalty_per_kwh == 0):
        return min(default, PRICE_MOST)
    return min(float(abs(terms.price_per_kwh) + terms.penalty_per_kwh), PRICE_MOST)


def _by_step(
    asks: Sequence[_Ask], horizon: Horizon, net_w: Floats
) -> tuple[dict[int, dict[str, float]], dict[int, float]]:
    """The energy of each contract in each step that one touches, and for how long of the step any asks."""
    last_s = horizon.steps * horizon.step_s
    cuts = {edge_s for ask in asks for edge_s in ask.edges()}
    cuts |= {step * horizon.step_s for step in range(horizon.steps + 1)}
    edges_s = sorted(edge_s for edge_s in cuts if 0.0 <= edge_s <= last_s)
    of_step: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    covered_s: dict[int, float] = defaultdict(float)
    for begin_s, end_s in pairwise(edges_s):
        middle_s = (begin_s + end_s) / 2
        on = [ask for ask in asks if ask.begin_s <= middle_s < ask.end_s]
        step = min(int(middle_s // horizon.step_s), horizon.steps - 1)
        if not on or end_s - begin_s <= _SLACK_S:
            continue
        covered_s[step] += end_s - begin_s
        for contract, power_w in _shares(on, middle_s, horizon, net_w).items():
            of_step[step][contract] += power_w * (end_s - begin_s) / 3600.0
    return of_step, covered_s


def _shares(on: Sequence[_Ask], at_s: float, horizon: Horizon, net_w: Floats) -> dict[str, float]:
    """Whose part of what is asked of the connection point then is how much, as `controller.tracking` adds up."""
    alone = next((ask for ask in on if ask.is_alone), None)
    if alone is not None:
        return {alone.contract: alone.power_w}
    changes, energies = [ask for ask in on if ask.is_change], [ask for ask in on if not ask.is_change]
    nominating = next((ask for ask in changes if ask.nominated_at(at_s) is not None), None)
    shares: dict[str, float] = defaultdict(float)
    for ask in changes if nominating is not None else on:
        shares[ask.contract] += ask.power_w
    if nominating is not None:
        nominated_w = nominating.nominated_at(at_s)
        shares[nominating.contract] += 0.0 if nominated_w is None else nominated_w
    elif not energies:
        shares[changes[0].contract] += _expected_before_w(changes[0], horizon, net_w)
    return dict(shares)


def _expected_before_w(ask: _Ask, horizon: Horizon, net_w: Floats) -> float:
    """What is expected to flow in the interval before a change begins: the baseline it will have."""
    first = int((ask.begin_s - ask.interval_s) // horizon.step_s)
    last = int(-(-ask.begin_s // horizon.step_s))
    here = slice(max(first, 0), max(last, 1))
    return float(np.mean(net_w[here]))


def _intervals(
    asks: Sequence[_Ask], of_step: dict[int, dict[str, float]], horizon: Horizon
) -> dict[str, list[tuple[int, int]]]:
    """The intervals of several whole steps of energy contracts that are alone there."""
    found: dict[str, list[tuple[int, int]]] = {}
    for ask in asks:
        whole = ask.interval_s > horizon.step_s and ask.interval_s % horizon.step_s == 0
        if ask.is_change or ask.is_alone or not whole or ask.origin_s % horizon.step_s > _SLACK_S:
            continue
        begin_s = ask.origin_s
        while begin_s < min(ask.end_s, horizon.steps * horizon.step_s):
            first, last = (
                round(edge_s / horizon.step_s) for edge_s in (begin_s, min(begin_s + ask.interval_s, ask.end_s))
            )
            first, last = max(first, 0), min(last, horizon.steps)
            if last > first + 1 and all(set(of_step[step]) == {ask.contract} for step in range(first, last)):
                found.setdefault(ask.contract, []).append((first, last))
            begin_s += ask.interval_s
    return found
