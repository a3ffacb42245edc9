"""Tracking: what several contracts on energy ask of the connection point together, and what the meter says of each.

Energy contracts and changes of power (reprofiles, called options) add up to one power for each stretch of time in which
nothing changes: a *segment*. What a segment missed is carried into the next one as long as an interval of a contract goes on.
One law steers the sum (`controller.laws.energy`); each contract gets its own proof: its share of what was missed, by the
size of what it asks (docs/decisions/0034). Pure; a restart goes on from a memory that was kept.
"""

from collections.abc import Mapping
from math import inf

import msgspec

from controller.baseline import Base, History, based, remembered
from controller.gauge import Gauge, Mark, Sample, between, read
from controller.items import Item
from controller.proof import COVERAGE
from protocols.contracts import Outcome


class Closed(msgspec.Struct, frozen=True):
    """An interval of a contract that is over: energies in Wh, import positive.

    `due_wh` is what the contract asked (a change: against the baseline), `deviation_wh` its share of what was missed; at the
    connection point `metered_wh` flowed where all contracts together asked for `target_wh`.
    """

    contract: str
    start_s: float
    end_s: float
    due_wh: float
    deviation_wh: float
    tolerance_wh: float
    target_wh: float
    metered_wh: float
    covered_s: float
    outcome: Outcome
    note: str = ""


class Running(msgspec.Struct, frozen=True):
    """The interval of a contract that runs, and what is known of it from `since_s` on."""

    start_s: float
    since_s: float
    end_s: float
    due_wh: float = 0.0
    deviation_wh: float = 0.0
    target_wh: float = 0.0
    metered_wh: float = 0.0
    guessed_s: float = 0.0
    doubt: str = ""


class Tally(msgspec.Struct, frozen=True):
    """The intervals of a contract that are over."""

    delivered: int = 0
    violated: int = 0
    unproven: int = 0
    due_wh: float = 0.0
    deviation_wh: float = 0.0

    def outcome(self) -> tuple[Outcome, str]:
        """Of the whole contract, with the figures: one interval missed is a contract violated."""
        every = self.delivered + self.violated + self.unproven
        text = f"{self.delivered} of {every} intervals delivered, {self.violated} violated, {self.unproven} unproven"
        text += f": {self.due_wh:.1f} Wh asked, {self.deviation_wh:+.1f} Wh off"
        if self.violated > 0:
            return Outcome.VIOLATED, text
        return (Outcome.DELIVERED if self.unproven == 0 < self.delivered else Outcome.UNPROVEN), text


class Segment(msgspec.Struct, frozen=True):
    """A stretch in which the same is asked: its begin, what each contract asks (W), the power of all together and of
    those that may be followed, and what it rests on.
    """

    start: Mark
    shares_w: Mapping[str, float]
    cut_off: frozenset[str]
    power_w: float
    followed_w: float
    is_based: bool = False
    doubt: str = ""
    note: str = ""


class Memory(msgspec.Struct, frozen=True):
    """What is carried from cycle to cycle, and over a restart. `carry_wh` was missed earlier in intervals that go on."""

    gauge: Gauge | None = None
    history: History = ()
    items: tuple[Item, ...] = ()
    joined_s: Mapping[str, float] = msgspec.field(default_factory=dict)
    runs: Mapping[str, Running] = msgspec.field(default_factory=dict)
    tallies: Mapping[str, Tally] = msgspec.field(default_factory=dict)
    segment: Segment | None = None
    carry_wh: float = 0.0
    base: Base | None = None


class Goal(msgspec.Struct, frozen=True):
    """What is asked of the connection point now: an energy (Wh) from `start_s` to `end_s`, of which `metered_wh` has flowed
    by now; for whom, and by how much each may miss it (Wh) at the least.
    """

    contracts: tuple[str, ...]
    start_s: float
    end_s: float
    energy_wh: float
    metered_wh: float
    tolerance_wh: float
    note: str = ""


def step(
    memory: Memory, now_s: float, items: tuple[Item, ...], sample: Sample | None, gap_s: float
) -> tuple[Memory, Goal | None, tuple[Closed, ...]]:
    """A cycle: count what the newest reading says, close what is over by it, and say what is asked now.

    `items` are all contracts whose window has begun and which are not settled yet, those behind their end included.
    """
    before = memory.gauge
    if not items and not memory.items and _is_soon(before, sample, gap_s):
        return memory, None, ()
    gauge = before if sample is None else read(before, sample, gap_s)
    if gauge is None:
        return memory, None, ()
    if before is not None:
        gauge = _doubted(memory, before, gauge, gap_s)
    here = gauge.mark
    memory = msgspec.structs.replace(memory, gauge=gauge, history=remembered(memory.history, here))
    if not items and not memory.items:
        return memory, None, ()
    memory, closed = _until(memory, here if before is None else before.mark, here)
    if items != memory.items:
        memory, cut_short = _joined(memory, items, here)
        closed += cut_short
    # The clock may be past an edge that the newest reading is not: what is asked now is told as if the power stayed.
    ahead = gauge.ahead(max(now_s, here.at_s))
    expected, _ = _until(memory, here, ahead)
    return memory, _goal(expected, ahead), closed


def _is_soon(gauge: Gauge | None, sample: Sample | None, gap_s: float) -> bool:
    """Whether a sample may be left out because counters will tell what flowed meanwhile, and nobody waits for it."""
    if gauge is None or sample is None:
        return sample is None
    return sample.import_wh is not None and sample.measured_s - gauge.last.measured_s < 0.7 * gap_s


def _doubted(memory: Memory, before: Gauge, gauge: Gauge, gap_s: float) -> Gauge:
    """Counters bridge a gap, and yet nobody knows how much of it flowed on which side of an edge in it."""
    from_s, to_s = before.last.measured_s, gauge.last.measured_s
    if to_s - from_s <= gap_s or _next_edge(memory, from_s) > to_s:
        return gauge
    return msgspec.structs.replace(gauge, guessed_s=before.guessed_s + to_s - from_s)


def _next_edge(memory: Memory, after_s: float = -inf) -> float:
    """When something changes next in what is asked: an interval ends, or a contract joins that has not yet."""
    ends = (run.end_s for run in memory.runs.values())
    joins = (at_s for name, at_s in memory.joined_s.items() if name not in memory.runs and at_s > after_s)
    return min((*ends, *joins), default=inf)


def _until(memory: Memory, before: Mark, after: Mark) -> tuple[Memory, tuple[Closed, ...]]:
    """Everything that changes up to and including `after`, in order of time."""
    closed: tuple[Closed, ...] = ()
    while (edge_s := _next_edge(memory, before.at_s)) <= after.at_s:
        mark = between(before, after, edge_s)
        memory, done = _edge(memory, mark)
        closed += done
        before = mark
    return memory, closed


def _joined(memory: Memory, items: tuple[Item, ...], here: Mark) -> tuple[Memory, tuple[Closed, ...]]:
    """Others are asked from here on; a contract that was cut short before ends here, one that joins late begins here."""
    joined_s = {item.id: memory.joined_s.get(item.id, max(item.start_s, here.at_s)) for item in items}
    runs = {item.id: _shorter(run, item) for item in items if (run := memory.runs.get(item.id)) is not None}
    tallies = {item.id: memory.tallies.get(item.id, Tally()) for item in items}
    memory = _segment_ended(memory, here)
    memory = msgspec.structs.replace(
        memory,
        items=items,
        joined_s=joined_s,
        runs={name: msgspec.structs.replace(memory.runs[name], end_s=run.end_s) for name, run in runs.items()},
        tallies=tallies,
    )
    return _edge(memory, here)


def _shorter(run: Running, item: Item) -> Running:
    return msgspec.structs.replace(run, end_s=min(run.end_s, item.end_s))


def _edge(memory: Memory, mark: Mark) -> tuple[Memory, tuple[Closed, ...]]:
    """The segment ends, the intervals that are over close, and the next ones begin."""
    memory = _segment_ended(memory, mark)
    over = {name: run for name, run in memory.runs.items() if run.end_s <= mark.at_s}
    closed = tuple(_closed(item, over[item.id], mark) for item in memory.items if item.id in over)
    tallies = {**memory.tallies, **{each.contract: _tallied(memory.tallies[each.contract], each) for each in closed}}
    runs = {name: run for name, run in memory.runs.items() if name not in over}
    carry_wh = memory.carry_wh if runs else 0.0
    runs |= {
        item.id: _started(item, mark) for item in memory.items if item.id not in runs and _is_on(memory, item, mark)
    }
    memory = msgspec.structs.replace(memory, runs=runs, tallies=tallies, carry_wh=carry_wh)
    return _segment_begun(memory, mark), closed


def _is_on(memory: Memory, item: Item, mark: Mark) -> bool:
    return memory.joined_s[item.id] <= mark.at_s < item.end_s


def _started(item: Item, mark: Mark) -> Running:
    index = item.index(mark.at_s)
    start_s = item.origin_s + index * item.interval_s
    return Running(max(start_s, item.start_s), mark.at_s, min(start_s + item.interval_s, item.end_s))


def _segment_ended(memory: Memory, mark: Mark) -> Memory:
    segment = memory.segment
    if segment is None:
        return memory
    span_s = mark.at_s - segment.start.at_s
    metered_wh, target_wh = mark.energy_wh - segment.start.energy_wh, segment.power_w * span_s / 3600.0
    missed_wh = metered_wh - target_wh
    runs = dict(memory.runs)
    for name, part in _blame(segment).items():
        run, due_wh = runs[name], segment.shares_w[name] * span_s / 3600.0
        runs[name] = msgspec.structs.replace(
            run,
            due_wh=run.due_wh + due_wh,
            deviation_wh=run.deviation_wh + part * missed_wh,
            target_wh=run.target_wh + target_wh,
            metered_wh=run.metered_wh + metered_wh,
            guessed_s=run.guessed_s + mark.guessed_s - segment.start.guessed_s,
            doubt=segment.doubt or run.doubt,
        )
    base = memory.base
    if base is not None and segment.is_based:
        base = msgspec.structs.replace(base, used_s=mark.at_s)
    carry_wh = memory.carry_wh + missed_wh
    return msgspec.structs.replace(memory, runs=runs, segment=None, carry_wh=carry_wh, base=base)


def _blame(segment: Segment) -> dict[str, float]:
    """Each contract's part of what was missed: those that were not followed share all of it, by the size of what they ask."""
    guilty = segment.cut_off or segment.shares_w.keys()
    sizes = {name: abs(power_w) if name in guilty else 0.0 for name, power_w in segment.shares_w.items()}
    whole = sum(sizes.values())
    alike = 1.0 / len(guilty)
    return {name: size / whole if whole > 0.0 else alike * (name in guilty) for name, size in sizes.items()}


def _segment_begun(memory: Memory, mark: Mark) -> Memory:
    on = [item for item in memory.items if item.id in memory.runs]
    if not on:
        return msgspec.structs.replace(memory, segment=None)
    changes = [item for item in on if item.is_change]
    energies = [item for item in on if not item.is_change]
    nominated_w = next((power for item in changes if (power := item.nominated_at(mark.at_s)) is not None), None)
    base = memory.base
    is_based = nominated_w is None and not energies
    if is_based:
        base = based(base, memory.history, mark, changes[0].start_s, changes[0].interval_s)
    free_w = base.power_w if is_based and base is not None else nominated_w
    segment = Segment(
        start=mark,
        shares_w={item.id: item.power_w for item in on},
        cut_off=frozenset(item.id for item in on if item.cut_off),
        power_w=_together_w(on, free_w),
        followed_w=_together_w([item for item in on if not item.cut_off], free_w),
        is_based=is_based,
        doubt="" if base is None or base.is_sure or not is_based else base.note,
        note=base.note if base is not None and is_based else "",
    )
    return msgspec.structs.replace(memory, segment=segment, base=base)


def _together_w(items: list[Item], free_w: float | None) -> float:
    """The sum of changes on top of the baseline; without a baseline of their own, on top of the energy contracts."""
    if free_w is None:
        return sum(item.power_w for item in items)
    return free_w + sum(item.power_w for item in items if item.is_change)


def _closed(item: Item, run: Running, mark: Mark) -> Closed:
    tolerance_wh = item.tolerance_w * (run.end_s - run.start_s) / 3600.0
    covered_s = mark.at_s - run.since_s - run.guessed_s
    outcome = Outcome.DELIVERED if abs(run.deviation_wh) <= tolerance_wh else Outcome.VIOLATED
    if run.doubt or covered_s < COVERAGE * (run.end_s - run.start_s):
        outcome = Outcome.UNPROVEN
    return Closed(
        item.id,
        run.start_s,
        run.end_s,
        run.due_wh,
        run.deviation_wh,
        tolerance_wh,
        run.target_wh,
        run.metered_wh,
        covered_s,
        outcome,
        run.doubt,
    )


def _tallied(tally: Tally, closed: Closed) -> Tally:
    return Tally(
        tally.delivered + (closed.outcome is Outcome.DELIVERED),
        tally.violated + (closed.outcome is Outcome.VIOLATED),
        tally.unproven + (closed.outcome is Outcome.UNPROVEN),
        tally.due_wh + closed.due_wh,
        tally.deviation_wh + closed.deviation_wh,
    )


def _goal(memory: Memory, here: Mark) -> Goal | None:
    segment = memory.segment
    if segment is None or len(segment.cut_off) == len(segment.shares_w):
        return None
    end_s = min(run.end_s for run in memory.runs.values())
    energy_wh = segment.followed_w * (end_s - segment.start.at_s) / 3600.0
    if not segment.cut_off:
        energy_wh -= memory.carry_wh
    tolerance_w = min(item.tolerance_w for item in memory.items if item.id in segment.shares_w)
    start_s = min(run.start_s for run in memory.runs.values() if run.end_s == end_s)
    return Goal(
        contracts=tuple(name for name in segment.shares_w if name not in segment.cut_off),
        start_s=start_s,
        end_s=end_s,
        energy_wh=energy_wh,
        metered_wh=here.energy_wh - segment.start.energy_wh,
        tolerance_wh=tolerance_w * (end_s - start_s) / 3600.0,
        note=segment.note,
    )


def shifted(memory: Memory, by_s: float) -> Memory:
    """The memory on another monotonic clock, for a restart."""
    replace = msgspec.structs.replace
    gauge, segment = memory.gauge, memory.segment
    if gauge is not None:
        gauge = replace(gauge, last=replace(gauge.last, measured_s=gauge.last.measured_s + by_s))
    if segment is not None:
        segment = replace(segment, start=_later(segment.start, by_s))
    base = None if memory.base is None else replace(memory.base, used_s=memory.base.used_s + by_s)
    return replace(
        memory,
        gauge=gauge,
        history=tuple(_later(mark, by_s) for mark in memory.history),
        items=tuple(_item_later(item, by_s) for item in memory.items),
        joined_s={name: at_s + by_s for name, at_s in memory.joined_s.items()},
        runs={name: _run_later(run, by_s) for name, run in memory.runs.items()},
        segment=segment,
        base=base,
    )


def _later(mark: Mark, by_s: float) -> Mark:
    return msgspec.structs.replace(mark, at_s=mark.at_s + by_s)


def _item_later(item: Item, by_s: float) -> Item:
    grid_s = None if item.grid_s is None else item.grid_s + by_s
    return msgspec.structs.replace(item, start_s=item.start_s + by_s, end_s=item.end_s + by_s, grid_s=grid_s)


def _run_later(run: Running, by_s: float) -> Running:
    start_s, since_s, end_s = run.start_s + by_s, run.since_s + by_s, run.end_s + by_s
    return msgspec.structs.replace(run, start_s=start_s, since_s=since_s, end_s=end_s)
