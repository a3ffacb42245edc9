"""What the analyser says: frozen records, in SI units.

Sign:  power and energy are positive when consumed; reactive power is positive when absorbed (inductive load).
Shape: an array's first axis is the phase (L1, L2, L3; currents may have N as the fourth); harmonics run along the last axis.
Time:  `start_s` and `end_s` are seconds of the meter's clock: `Config.epoch_s` plus samples over the corrected sample rate.
Error: a window with defective input is delivered with its `faults` named, never withheld; absent numbers are NaN in arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

HARMONICS = 50
"""Highest harmonic order delivered."""


class MistakenConfig(ValueError):
    """A configuration that cannot be measured with; names the field, the value and what is allowed."""


class MistakenBlock(ValueError):
    """A block of samples of the wrong shape; names the shape it had and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLimits:
    """Thresholds as ratios of the nominal voltage (customary values, IEC 61000-4-30 clauses unverified)."""

    dip: float = 0.9
    swell: float = 1.1
    interruption: float = 0.05
    hysteresis: float = 0.02
    rapid_change: float = 0.05
    """Least departure from the steady voltage (its mean of one second) that is a rapid voltage change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How the samples were taken; `sample_clock_ppm` > 0 when the sampling clock runs fast against true time."""

    sample_rate_hz: float
    nominal_voltage_v: float = 230.0
    nominal_frequency_hz: float = 50.0
    currents: int = 3
    epoch_s: float = 0.0
    """Time of sample 0; aggregation intervals start at multiples of their length on this clock."""
    sample_clock_ppm: float = 0.0
    full_scale_voltage_v: float | None = None
    """Where the voltage converter clips; None: clipping is seen from flat tops only."""
    full_scale_current_a: float | None = None
    limits: EventLimits = field(default_factory=EventLimits)
    flicker: bool = True
    spectrum: bool = True
    """Without: harmonics, fundamental and sequence quantities are NaN (a Pi Zero's saving)."""

    def __post_init__(self) -> None:
        if self.nominal_frequency_hz not in (50.0, 60.0):
            raise MistakenConfig(f"nominal_frequency_hz is {self.nominal_frequency_hz}, allowed are 50 and 60")
        if not 8_000 <= self.sample_rate_hz <= 200_000:
            raise MistakenConfig(f"sample_rate_hz is {self.sample_rate_hz}, allowed are 8000 to 200000")
        if self.currents not in (3, 4):
            raise MistakenConfig(f"currents is {self.currents}, allowed are 3 and 4")
        if not self.nominal_voltage_v > 0:
            raise MistakenConfig(f"nominal_voltage_v is {self.nominal_voltage_v}, allowed is above 0")

    @property
    def true_rate_hz(self) -> float:
        """Samples per true second."""
        return self.sample_rate_hz * (1 + self.sample_clock_ppm * 1e-6)

    @property
    def cycles(self) -> int:
        """Cycles of a window: 10 at 50 Hz, 12 at 60 Hz."""
        return 10 if self.nominal_frequency_hz == 50.0 else 12


class FaultKind(StrEnum):
    """What can be wrong with the input."""

    MISSING_SAMPLES = "missing_samples"
    CLIPPED = "clipped"
    DEAD_CHANNEL = "dead_channel"
    DC_OFFSET = "dc_offset"
    PHASES_SWAPPED = "phases_swapped"
    CURRENT_REVERSED = "current_reversed"
    UNSYNCHRONISED = "unsynchronised"


@dataclass(frozen=True, slots=True)
class InputFault:
    """Something wrong with a channel ("u1".."u3", "i1".."i4", "" for all) in a window; `amount` says how much.

    Amount: samples (missing, clipped), ratio of the rms (offset), ratio U1/U2 (swapped), W (reversed), V or A (dead).
    """

    kind: FaultKind
    channel: str
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Harmonics 0..50 (index is the order; RMS) of voltages then currents, by 10/12-cycle DFT, rectangular window.

    `group` n: subgroup, orders n +- one bin; `interharmonic` n: centred subgroup between n and n + 1.
    Grouping after IEC 61000-4-7 as commonly described (clauses unverified).
    """

    bin_v: Array
    group_v: Array
    interharmonic_v: Array
    bin_a: Array
    group_a: Array
    interharmonic_a: Array
    thd_v: Array
    """Ratio to the fundamental, from subgroups 2 to 50."""
    thd_a: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of 10 (50 Hz) or 12 (60 Hz) cycles; windows touch: nothing between them is lost."""

    index: int
    start_sample: float
    end_sample: float
    start_s: float
    end_s: float
    frequency_hz: float
    frequency_change_hz_s: float
    """Against the window before; NaN for the first."""
    voltage_v: Array
    current_a: Array
    power_w: Array
    reactive_var: Array
    """Sum over the harmonics of U I sin(phi); equals the fundamental's for sine voltages or currents."""
    apparent_va: Array
    power_factor: Array
    """P / S, with the sign of P; NaN when nothing flows."""
    fundamental_power_w: Array
    fundamental_reactive_var: Array
    phase_angle_rad: Array
    """Fundamental voltage before fundamental current; positive when inductive."""
    voltage_angle_rad: Array
    """Fundamental voltages, L1 = 0."""
    sequence_v: Array
    """Zero, positive, negative sequence of the voltages, RMS."""
    sequence_a: Array
    unbalance: float
    """Negative over positive sequence voltage, ratio."""
    zero_unbalance: float
    energy_ws: Array
    """Integral of the power over exactly this window, per phase, in J."""
    reactive_energy_vars: Array
    spectrum: Spectrum | None
    faults: tuple[InputFault, ...]

    @property
    def total_power_w(self) -> float:
        """Sum of the phases."""
        return float(self.power_w.sum())

    @property
    def total_reactive_var(self) -> float:
        """Sum of the phases."""
        return float(self.reactive_var.sum())

    @property
    def total_apparent_va(self) -> float:
        """Arithmetic sum of the phases."""
        return float(self.apparent_va.sum())

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What flowed outside of windows, by phase: the power by its samples, the reactive power as in the nearest window."""

    start_sample: float
    end_sample: float
    energy_ws: Array
    reactive_energy_vars: Array
    """NaN without a window or without spectra."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfCycles:
    """Values over one cycle, renewed each half cycle; column j is the cycle ending at `end_s[j]`."""

    end_s: Array
    frequency_hz: Array
    voltage_v: Array
    current_a: Array


class EventKind(StrEnum):
    DIP = "dip"
    SWELL = "swell"
    INTERRUPTION = "interruption"
    RAPID_CHANGE = "rapid_voltage_change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A finished voltage event over all phases; delivered once, when it has ended."""

    kind: EventKind
    phases: tuple[int, ...]
    """Phases touched, 1 to 3."""
    start_s: float
    duration_s: float
    """From `start_s` on: when the voltage itself left its band and came back, as found in the samples."""
    detected_start_s: float
    """End of the first cycle (U_rms½) beyond the threshold: class A's begin."""
    detected_duration_s: float
    """Class A's duration: from there to the end of the first cycle past the hysteresis."""
    extreme_v: float
    """Least (dip, interruption) or greatest (swell) U_rms½; for a rapid change the one farthest from the steady voltage."""
    depth: float
    """Ratio to nominal of the departure: dips from nominal down, swells up, rapid changes from the steady voltage."""
    steady_change: float
    """Rapid changes: new steady voltage less the old one, ratio to nominal; NaN otherwise."""
    snippet_v: NDArray[np.float32]
    """(3, n) samples around the start, `snippet_start_s` is that of the first."""
    snippet_start_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flicker:
    """Short-term flicker severity of ten minutes; `plt` with every twelfth, else None. Phases along the axis."""

    start_s: float
    end_s: float
    pst: Array
    plt: Array | None
    peak: Array
    """Greatest instantaneous flicker sensation of the interval."""
    complete: bool
    """False for a first interval that began late."""


class Span(StrEnum):
    S3 = "3s"
    MIN10 = "10min"
    H2 = "2h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """Windows taken together: RMS quantities and harmonics by root mean square, powers by mean; energy by sum."""

    span: Span
    start_s: float
    end_s: float
    windows: int
    frequency_hz: float
    voltage_v: Array
    current_a: Array
    power_w: Array
    reactive_var: Array
    apparent_va: Array
    unbalance: float
    thd_v: Array
    thd_a: Array
    group_v: Array | None
    group_a: Array | None
    energy_ws: Array
    reactive_energy_vars: Array
    flagged: bool
    """An event or an input fault lies within; the values are to be used with care."""


@dataclass(frozen=True, slots=True)
class Frequency10s:
    """Whole cycles of ten seconds over their duration; `cycles` says how many."""

    start_s: float
    frequency_hz: float
    cycles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What became complete in a block; everything may be empty."""

    windows: Sequence[Window] = ()
    half_cycles: Sequence[HalfCycles] = ()
    events: Sequence[Event] = ()
    flicker: Sequence[Flicker] = ()
    aggregates: Sequence[Aggregate] = ()
    frequencies: Sequence[Frequency10s] = ()
    instant_flicker: Array | None = None
    """(3, n) newest instantaneous flicker sensation, 200 a second."""
