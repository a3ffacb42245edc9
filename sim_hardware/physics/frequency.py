"""The frequency of a zone: stiff while the grid above holds it, by the swing equation when it stands alone.

    df/dt = f0 / (2 H S) (primary - load - D S (f - f0) / f0)        T dprimary/dt = -S / R (f - f0) / f0 - primary

`load_w` is the net power drawn in the zone beyond what `dispatch_w` supplies: positive lets the frequency fall. Stepped
exactly for a load that holds still; the primary reserve is cut at `reserve_w`. Source: Kundur, "Power System Stability
and Control" (1994), ch. 11.1 (load damping, speed droop, one lag for the governor or inverter).
"""

import cmath
import math
from dataclasses import dataclass

from sim_hardware.physics.check import above, finite, within
from sim_hardware.physics.grid import Wander

NOMINAL_HZ = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SwingParams:
    """On the zone's rating: inertia constant H, droop R (0.05: 5 % deviation calls the whole rating), damping D."""

    rating_va: float
    inertia_s: float = 4.0
    droop_pu: float = 0.05
    damping_pu: float = 1.0
    primary_lag_s: float = 0.5
    reserve_w: float = math.inf

    def __post_init__(self) -> None:
        for field in ("rating_va", "inertia_s", "droop_pu", "primary_lag_s"):
            above(f"swing: {field}", getattr(self, field))
        within("swing: damping_pu", self.damping_pu, 0.0)
        if not self.reserve_w >= 0.0:
            raise ValueError(f"swing: reserve_w is {self.reserve_w}; it must be at least 0")

    def rocof_hz_per_s(self, excess_w: float) -> float:
        """How fast the frequency rises at first when this much more is produced than drawn."""
        return excess_w * NOMINAL_HZ / (2.0 * self.inertia_s * self.rating_va)

    def rest_hz(self, load_w: float) -> float:
        """Where it settles under a load, within the reserve."""
        per_hz = self.rating_va / NOMINAL_HZ
        by_all_hz = load_w / (per_hz * (1.0 / self.droop_pu + self.damping_pu))
        called_w = by_all_hz * per_hz / self.droop_pu
        if abs(called_w) <= self.reserve_w:
            return NOMINAL_HZ - by_all_hz
        if self.damping_pu == 0.0:
            return -math.copysign(math.inf, load_w)
        return NOMINAL_HZ - (load_w - math.copysign(self.reserve_w, load_w)) / (per_hz * self.damping_pu)


class Frequency:
    """Set `load_w` (and `dispatch_w`), step, read `frequency_hz`; `islanded` switches between the two worlds."""

    def __init__(self, params: SwingParams, grid: Wander | None = None, *, islanded: bool = False) -> None:
        self.params = params
        self.grid = grid
        """The grid above; None: exactly 50 Hz."""
        self.islanded = islanded
        self.load_w = 0.0
        self.dispatch_w = 0.0
        """Scheduled or secondary supply, a magnitude."""
        self.primary_w = 0.0
        self.frequency_hz = NOMINAL_HZ if grid is None or islanded else grid.value
        self._dt_s = 0.0
        self._keep = (1.0, 0.0, 0.0, 1.0)

    def after(self, dt_s: float) -> None:
        """Let the zone swing, or follow the grid above."""
        above("frequency: dt_s", dt_s)
        if self.grid is not None:
            self.grid.after(dt_s)
        if self.islanded:
            self._swing(dt_s)
        else:
            self.primary_w = 0.0
            self.frequency_hz = NOMINAL_HZ if self.grid is None else self.grid.value

    def _swing(self, dt_s: float) -> None:
        p, net_w = (
            self.params,
            finite("frequency: load_w", self.load_w) - finite("frequency: dispatch_w", self.dispatch_w),
        )
        per_hz = p.rating_va / NOMINAL_HZ
        if abs(self.primary_w) >= p.reserve_w and self._calls_for_more():
            self.primary_w = math.copysign(p.reserve_w, self.primary_w)
            self._swing_spent(dt_s, net_w - self.primary_w)
            return
        if dt_s != self._dt_s:
            self._dt_s, self._keep = dt_s, _exponential(*self._rates(), dt_s)
        rest = -net_w / (per_hz * (1.0 / p.droop_pu + p.damping_pu))
        rest_w = -rest * per_hz / p.droop_pu
        off, off_w = self.frequency_hz - NOMINAL_HZ - rest, self.primary_w - rest_w
        a, b, c, d = self._keep
        self.frequency_hz = NOMINAL_HZ + rest + a * off + b * off_w
        self.primary_w = min(p.reserve_w, max(-p.reserve_w, rest_w + c * off + d * off_w))

    def _calls_for_more(self) -> bool:
        """Whether the droop asks for at least what is given."""
        called_w = -(self.frequency_hz - NOMINAL_HZ) * self.params.rating_va / NOMINAL_HZ / self.params.droop_pu
        return called_w * self.primary_w > 0.0 and abs(called_w) >= self.params.reserve_w

    def _swing_spent(self, dt_s: float, net_w: float) -> None:
        """All reserve given: inertia and damping alone."""
        p = self.params
        rate = p.damping_pu / (2.0 * p.inertia_s)
        slope = p.rocof_hz_per_s(-net_w) - rate * (self.frequency_hz - NOMINAL_HZ)
        self.frequency_hz += slope * (-math.expm1(-rate * dt_s) / rate if rate > 0.0 else dt_s)

    def _rates(self) -> tuple[float, float, float, float]:
        p = self.params
        return (
            -p.damping_pu / (2.0 * p.inertia_s),
            p.rocof_hz_per_s(1.0),
            -p.rating_va / (NOMINAL_HZ * p.droop_pu * p.primary_lag_s),
            -1.0 / p.primary_lag_s,
        )


def _exponential(a: float, b: float, c: float, d: float, dt_s: float) -> tuple[float, float, float, float]:
    """exp([[a, b], [c, d]] dt) for b c < 0, where the eigenvalues may be a complex pair (it swings)."""
    middle, spread = (a + d) / 2.0, cmath.sqrt((a - d) ** 2 / 4.0 + b * c)
    fade = math.exp(middle * dt_s)
    turn = (cmath.sinh(spread * dt_s) / spread).real if abs(spread) * dt_s > 1e-9 else dt_s
    level = cmath.cosh(spread * dt_s).real
    half = (a - d) / 2.0
    return fade * (level + half * turn), fade * b * turn, fade * c * turn, fade * (level - half * turn)
