"""The energy through the connection point since anybody looked: by the meter's counters, between them by its power.

Counters may count in steps of a tenth of a watt-hour or of a hundred. So the power is integrated, and the sum is kept
within one step of the counters; how long a step is shows in the readings. Where readings are missing, fine counters bridge the gap; without
them the time is bridged by a straight line and counted as guessed.
"""

import msgspec

from protocols.quantities import QUANTITIES

# Counters that move in longer steps do not tell what flowed in a gap, well enough for the energy of an interval.
COARSE_WH = 10.0
# Below this two counts are the same: the last digits of a number of kilowatt-hours.
_SAME_WH = 1e-3
_POWER_MOST_W = QUANTITIES["power_w"].most


class Sample(msgspec.Struct, frozen=True):
    """A reading of the connection point: when, power (W, import positive), both counters (Wh) where it has them, whose."""

    measured_s: float
    power_w: float
    import_wh: float | None = None
    export_wh: float | None = None
    serial: str = ""


class Mark(msgspec.Struct, frozen=True):
    """A moment, the energy up to it (Wh, import positive, from anywhere), and for how long before it was guessed (s)."""

    at_s: float
    energy_wh: float
    guessed_s: float


class Gauge(msgspec.Struct, frozen=True):
    """The last sample, the energy up to it, and what the counters are off by; `step_wh` is how finely they count."""

    last: Sample
    energy_wh: float
    guessed_s: float = 0.0
    offset_wh: float = 0.0
    step_wh: float | None = None
    moved_wh: float = 0.0

    @property
    def mark(self) -> Mark:
        """The moment of the last sample."""
        return Mark(self.last.measured_s, self.energy_wh, self.guessed_s)

    def ahead(self, at_s: float) -> Mark:
        """A moment after the last sample, as if the power stayed what it is."""
        return Mark(at_s, self.energy_wh + self.last.power_w * (at_s - self.last.measured_s) / 3600.0, self.guessed_s)


def read(gauge: Gauge | None, sample: Sample, gap_s: float) -> Gauge:
    """Take in a sample; one that is not newer than the last changes nothing. Over `gap_s` without any is a gap."""
    if gauge is None:
        return Gauge(sample, _net_of(sample))
    dt_s = sample.measured_s - gauge.last.measured_s
    if dt_s <= 0.0:
        return gauge
    energy_wh = gauge.energy_wh + (gauge.last.power_w + sample.power_w) / 2.0 * dt_s / 3600.0
    steps = _counted(gauge.last, sample, dt_s)
    if steps is None:
        return _uncounted(gauge, sample, energy_wh, dt_s if dt_s > gap_s else 0.0)
    moved_wh = steps[0] - steps[1]
    step_wh = _finer(gauge.step_wh, *steps, moved_wh - gauge.moved_wh)
    counted_wh = _net_of(sample) + gauge.offset_wh
    guessed_s = gauge.guessed_s
    if dt_s > gap_s:
        fine = gauge.step_wh is not None and gauge.step_wh <= COARSE_WH
        energy_wh, guessed_s = (counted_wh, guessed_s) if fine else (energy_wh, guessed_s + dt_s)
    if step_wh is not None:
        energy_wh = min(max(energy_wh, counted_wh - step_wh), counted_wh + step_wh)
    return Gauge(sample, energy_wh, guessed_s, gauge.offset_wh, step_wh, moved_wh)


def between(before: Mark, after: Mark, at_s: float) -> Mark:
    """The mark of a moment between two, on the straight line; or beyond the later one at the same rate."""
    span_s = after.at_s - before.at_s
    part = 1.0 if span_s <= 0.0 else (at_s - before.at_s) / span_s
    energy_wh = before.energy_wh + part * (after.energy_wh - before.energy_wh)
    return Mark(at_s, energy_wh, before.guessed_s + part * (after.guessed_s - before.guessed_s))


def _uncounted(gauge: Gauge, sample: Sample, energy_wh: float, gap_s: float) -> Gauge:
    """By power alone; the counters, if there are any, begin anew from here."""
    return Gauge(sample, energy_wh, gauge.guessed_s + gap_s, energy_wh - _net_of(sample))


def _net_of(sample: Sample) -> float:
    if sample.import_wh is None or sample.export_wh is None:
        return 0.0
    return sample.import_wh - sample.export_wh


def _counted(before: Sample, after: Sample, dt_s: float) -> tuple[float, float] | None:
    """How far both counters moved; None where there are none, they are another unit's, fell, or leapt."""
    if before.serial != after.serial:
        return None
    came_wh = _moved(before.import_wh, after.import_wh)
    went_wh = _moved(before.export_wh, after.export_wh)
    if came_wh is None or went_wh is None:
        return None
    # A second at least: the registers of large meters count in steps.
    most_wh = _POWER_MOST_W * max(dt_s, 1.0) / 3600.0
    return (came_wh, went_wh) if 0.0 <= came_wh <= most_wh and 0.0 <= went_wh <= most_wh else None


def _moved(before_wh: float | None, after_wh: float | None) -> float | None:
    return None if before_wh is None or after_wh is None else after_wh - before_wh


def _finer(step_wh: float | None, *moves_wh: float) -> float | None:
    """The least that the counters were ever seen to move by, or two moves to differ by."""
    seen = [abs(move) for move in moves_wh if abs(move) > _SAME_WH]
    return min([*seen, *([] if step_wh is None else [step_wh])], default=None)
