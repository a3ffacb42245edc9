"""What must be true of any device's readings, whatever it is: each check looks at a run of samples and says one thing.

Tolerances are those of ordinary meters (class 1 to 2) with the rounding of their registers on top; a check that has
nothing to look at says so and is no pass.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import ceil, hypot
from statistics import median
from typing import Final

from protocols.quantities import beyond_belief
from protocols.readings import Measurement

# Relative, and what a register's last digit may be worth.
POWER_SHARE, POWER_W = 0.02, 10.0
APPARENT_SHARE, APPARENT_VA = 0.03, 10.0
FACTOR = 0.03
# Below this a power factor is noise, and the sign of a power too.
LEAST_VA: Final = 50.0
# Registers count in steps of up to 10 Wh; under ten of them a comparison says nothing.
ENERGY_SHARE, ENERGY_WH, ENERGY_LEAST_WH = 0.05, 10.0, 100.0
MAINS_V, MAINS_HZ = (90.0, 270.0), (45.0, 65.0)
PHASES: Final = ("l1", "l2", "l3")
COUNTERS: Final = ("energy_import_wh", "energy_export_wh")


class Result(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_POSSIBLE = "not possible"  # nothing to judge by
    NOT_ASKED = "not asked"  # needs consent, or does not apply to this line


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and the figures that it was judged by."""

    name: str
    result: Result
    said: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A reading and the monotonic time at which it was taken."""

    at_s: float
    values: Measurement


Samples = Sequence[Sample]
Finding = tuple[bool | None, str]


def complete(samples: Samples) -> Finding:
    """The total power is always told: without it no law can use the device."""
    missing = sum(sample.values.get("power_w") is None for sample in samples)
    return missing == 0, f"power_w missing in {missing} of {len(samples)} readings"


def believable(samples: Samples) -> Finding:
    """No value is beyond what a device of a site can measure."""
    absurd = sorted({name for sample in samples for name in beyond_belief(sample.values)})
    return not absurd, f"beyond belief: {', '.join(absurd) or 'none'}"


def mains(samples: Samples) -> Finding:
    """Voltages and frequency are those of a mains: a wrong scale shows here first."""
    names = [*(f"voltage_{phase}_v" for phase in PHASES), "frequency_hz"]
    seen = {name: value for name in names if (value := _middle(samples, name))}  # a phase that is not there is 0 V
    if not seen:
        return None, "no voltage and no frequency"
    wrong = {name: value for name, value in seen.items() if not _is_mains(name, value)}
    return not wrong, ", ".join(f"{name} {value:.2f}" for name, value in (wrong or seen).items())


def _is_mains(name: str, value: float) -> bool:
    least, most = MAINS_HZ if name == "frequency_hz" else MAINS_V
    return least <= value <= most


def moves(samples: Samples) -> Finding:
    """Something changes from one reading to the next: a device that stands still answers without measuring."""
    if len(samples) < 3:
        return None, f"{len(samples)} readings, at least 3 are needed"
    changes = sum(a.values != b.values for a, b in pairwise(samples))
    if changes == 0 and not _middle(samples, "power_w"):
        return None, f"{len(samples)} readings alike, and nothing flows: it may be at rest"
    return changes > 0, f"{changes} of {len(samples) - 1} readings differ from the one before"


def phase_sum(samples: Samples) -> Finding:
    """The powers of the phases add up to the total."""
    offs = [_off(sample.values) for sample in samples]
    found = [off for off in offs if off is not None]
    if not found:
        return None, "no power by phase"
    off, total = median(found), _middle(samples, "power_w") or 0.0
    allowed = POWER_W + POWER_SHARE * abs(total)
    return off <= allowed, f"phases differ from the total by {spread(found)} W, at most {allowed:.1f} W"


def _off(values: Measurement) -> float | None:
    phases, total = [values.get(f"power_{phase}_w") for phase in PHASES], values.get("power_w")
    known = [phase for phase in phases if phase is not None]
    return None if total is None or len(known) < len(PHASES) else abs(sum(known) - total)


def apparent(samples: Samples) -> Finding:
    """Voltage times current is the apparent power, or at least not less than the active power."""
    offs = [off for sample in samples if (off := _apparent_off(sample.values)) is not None]
    if not offs:
        return None, "no current, or nothing flows"
    allowed = f"{APPARENT_SHARE:.0%} and {APPARENT_VA:g} VA"
    return median(offs) <= 0.0, f"worst phase {spread(offs, '+.1f')} VA from what is allowed ({allowed})"


def _apparent_off(values: Measurement) -> float | None:
    """How far beyond what is allowed the worst phase is; None where nothing can be told."""
    offs = [off for phase in PHASES if (off := _phase_off(values, phase)) is not None]
    return max(offs) if offs else _total_off(values)


def _total_off(values: Measurement) -> float | None:
    """For a device that tells no power by phase: the three products together against the total."""
    products = [(values.get(f"voltage_{phase}_v"), values.get(f"current_{phase}_a")) for phase in PHASES]
    product = sum(volts * abs(amps) for volts, amps in products if volts is not None and amps is not None)
    va = values.get("apparent_power_va")
    if va is None or product < LEAST_VA:
        return None
    return abs(product - abs(va)) - APPARENT_SHARE * product - APPARENT_VA


def _phase_off(values: Measurement, phase: str) -> float | None:
    volts, amps, watts = (values.get(name.format(phase)) for name in ("voltage_{}_v", "current_{}_a", "power_{}_w"))
    if volts is None or amps is None or watts is None or volts * abs(amps) < LEAST_VA:
        return None
    product, va, var = (
        volts * abs(amps),
        values.get(f"apparent_power_{phase}_va"),
        values.get(f"reactive_power_{phase}_var"),
    )
    allowed = APPARENT_SHARE * product + APPARENT_VA
    if va is None and var is None:
        return abs(watts) - product - allowed
    return abs(product - (hypot(watts, var or 0.0) if va is None else abs(va))) - allowed


def power_factor(samples: Samples) -> Finding:
    """The power factor is active by apparent power, whatever its sign means."""
    offs = [off for sample in samples if (off := _factor_off(sample.values)) is not None]
    if not offs:
        return None, "no power factor, or nothing flows"
    return median(offs) <= FACTOR, f"off by {spread(offs, '.3f')}, at most {FACTOR:g}"


def active(samples: Samples) -> Finding:
    """Voltage times current times power factor is the active power, in each phase that tells all four."""
    offs = [max(found) for sample in samples if (found := list(_active_offs(sample.values)))]
    if not offs:
        return None, "no phase with voltage, current, power factor and power, or nothing flows"
    allowed = f"{POWER_SHARE + FACTOR:.0%} of V I and {POWER_W:g} W"
    return median(offs) <= 0.0, f"worst phase {spread(offs, '+.1f')} W from what is allowed ({allowed})"


def _active_offs(values: Measurement) -> Iterator[float]:
    """How far beyond what is allowed each phase is, whatever the signs mean."""
    for phase in PHASES:
        names = (f"voltage_{phase}_v", f"current_{phase}_a", f"power_factor_{phase}_ratio", f"power_{phase}_w")
        volts, amps, factor, watts = (values.get(name) for name in names)
        if volts is None or amps is None or factor is None or watts is None or volts * abs(amps) < LEAST_VA:
            continue
        product = volts * abs(amps)
        yield abs(product * abs(factor) - abs(watts)) - (POWER_SHARE + FACTOR) * product - POWER_W


def spread(offs: Sequence[float], form: str = ".1f") -> str:
    """The median, by which is judged: registers of one instant are read one after the other. Beside it what it hides."""
    ordered = sorted(offs)
    p95 = ordered[ceil(0.95 * len(ordered)) - 1]
    return f"{median(ordered):{form}} (p95 {p95:{form}}, worst {ordered[-1]:{form}})"


def _factor_off(values: Measurement) -> float | None:
    factor, watts, va = (values.get(name) for name in ("power_factor_ratio", "power_w", "apparent_power_va"))
    if factor is None or watts is None or va is None or abs(va) < LEAST_VA:
        return None
    return abs(abs(factor) - min(abs(watts / va), 1.0))


def counters_rise(samples: Samples) -> Finding:
    """An energy register never falls."""
    falls, seen = [], False
    for name in COUNTERS:
        counts = [value for sample in samples if (value := sample.values.get(name)) is not None]
        seen = seen or len(counts) > 1
        falls += [f"{name} fell from {a:g} to {b:g}" for a, b in pairwise(counts) if b < a]
    return (not falls, falls[0] if falls else "never") if seen else (None, "no energy register")


def energy(samples: Samples) -> Finding:
    """What the registers counted is what flowed: scale and direction of both, against each other."""
    counted = _counted_wh(samples)
    if counted is None:
        return None, "no energy register"
    flowed = _flowed_wh(samples)
    if flowed is None or max(abs(flowed), abs(counted)) < ENERGY_LEAST_WH:
        return None, f"{counted:+.1f} Wh counted, at least {ENERGY_LEAST_WH:g} Wh are needed: let it run longer"
    off, allowed = abs(counted - flowed), ENERGY_WH + ENERGY_SHARE * abs(flowed)
    return off <= allowed, f"{counted:+.1f} Wh counted, {flowed:+.1f} Wh flowed, at most {allowed:.1f} Wh apart"


def _counted_wh(samples: Samples) -> float | None:
    total, seen = 0.0, False
    for name, sign in zip(COUNTERS, (1.0, -1.0), strict=True):
        counts = [value for sample in samples if (value := sample.values.get(name)) is not None]
        if len(counts) > 1:
            total, seen = total + sign * (counts[-1] - counts[0]), True
    return total if seen else None


def _flowed_wh(samples: Samples) -> float | None:
    """Trapezoids between readings."""
    flowed = 0.0
    for a, b in pairwise(samples):
        before, after = a.values.get("power_w"), b.values.get("power_w")
        if before is None or after is None:
            return None
        flowed += (before + after) / 2.0 * (b.at_s - a.at_s) / 3600.0
    return flowed


def _middle(samples: Samples, name: str) -> float | None:
    found = [value for sample in samples if (value := sample.values.get(name)) is not None]
    return median(found) if found else None


READING: Final[Mapping[str, Callable[[Samples], Finding]]] = {
    "complete": complete,
    "believable": believable,
    "mains": mains,
    "moves": moves,
    "phase sum": phase_sum,
    "apparent power": apparent,
    "power factor": power_factor,
    "V I pf": active,
    "counters rise": counters_rise,
    "energy": energy,
}


def sign(samples: Samples, expected: str | None) -> Finding:
    """The direction that whoever stands beside it sees: `import` (consumed) or `export` (produced)."""
    power_w = _middle(samples, "power_w")
    if expected is None or power_w is None:
        return None, "say --expect import or export: what flows while the device is read"
    if abs(power_w) < LEAST_VA:
        return None, f"{power_w:.1f} W is too little to tell its sign"
    return (power_w > 0.0) == (expected == "import"), f"{power_w:+.1f} W, {expected} was expected"


def check(name: str, finding: Finding) -> Check:
    """A finding with its name."""
    fine, said = finding
    return Check(name, Result.NOT_POSSIBLE if fine is None else Result.PASSED if fine else Result.FAILED, said)


def look(samples: Samples, expected: str | None = None) -> list[Check]:
    """Every check of what a device shows."""
    found = [check(name, judge(samples)) for name, judge in READING.items()]
    told = check("sign", sign(samples, expected))
    return [*found, told if expected is not None else Check("sign", Result.NOT_ASKED, told.said)]
