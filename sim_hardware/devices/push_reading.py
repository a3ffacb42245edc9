"""What a meter that pushes knows at one instant; the encoders beside this file put it into bytes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sim_hardware.physics.terminal import ZERO, Phases, Terminal

CET: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PushReading:
    """One instant of a meter at a connection point; powers positive when imported, energies never fall."""

    utc: datetime
    power_w: Phases
    voltage_v: Phases
    current_a: Phases
    import_wh: float
    export_wh: float
    import_varh: float = 0.0
    export_varh: float = 0.0

    @property
    def total_w(self) -> float:
        """The three phases together."""
        return sum(self.power_w)

    def drifted(self, share: float) -> "PushReading":
        """As a current transformer shows it that reads a share too much."""
        p1, p2, p3 = (power * (1.0 + share) for power in self.power_w)
        a1, a2, a3 = (current * (1.0 + share) for current in self.current_a)
        return replace(self, power_w=(p1, p2, p3), current_a=(a1, a2, a3))

    def blank(self) -> "PushReading":
        """As a meter shows it that has not measured yet."""
        return PushReading(self.utc, ZERO, ZERO, ZERO, 0.0, 0.0)


# One telegram, all its bytes.
Encode = Callable[[PushReading], bytes]


class PushMeter:
    """A meter at a terminal that says by itself what it measures; `utc` is its own wall clock.

    Energy is what the balance of the phases took and gave: household meters of this kind net over the phases. Give it
    the time that passes.
    """

    def __init__(self, terminal: Terminal, encode: Encode, utc: Callable[[], datetime]) -> None:
        self._terminal, self.encode, self._utc = terminal, encode, utc
        self._import_wh = self._export_wh = 0.0

    def after(self, dt_s: float) -> None:
        """Count the balance of the phases."""
        energy_wh = self._terminal.total_w * dt_s / 3600.0
        self._import_wh += max(0.0, energy_wh)
        self._export_wh += max(0.0, -energy_wh)

    def now(self) -> datetime:
        """The meter's wall clock, UTC."""
        return self._utc()

    def reading(self) -> PushReading:
        """What it measures now."""
        t = self._terminal
        return PushReading(
            utc=self.now(),
            power_w=t.power_w,
            voltage_v=t.voltage_v,
            current_a=(t.current_a(0), t.current_a(1), t.current_a(2)),
            import_wh=self._import_wh,
            export_wh=self._export_wh,
            import_varh=sum(t.import_varh),
            export_varh=sum(t.export_varh),
        )


def central_europe(utc: datetime) -> tuple[datetime, bool]:
    """Local time in Central Europe and whether it is summer time: from the last Sunday of March to that of October,
    01:00 UTC (directive 2000/84/EC). Without the tz database, which a small machine may lack.
    """
    year = utc.astimezone(UTC).year
    summer = _last_sunday(year, 3) <= utc < _last_sunday(year, 10)
    return utc.astimezone(UTC) + (2 if summer else 1) * CET, summer


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
