"""The energy registers: what flowed, by direction, quadrant and tariff; demand and load profile. Pure.

They are whole numbers of 2**-60 J. A window's energy, a float, is such a number as it stands, down to 2**-60 J; sums of
whole numbers lose nothing, so any cutting of the same flow gives the same registers, and they never fall. What is shown is
whole Wh (or mWh), cut off, and starts again at 10**digits Wh (roll-over); what is counted goes on.

Sign:   active positive = import; reactive positive = absorbed. Quadrants (IEC 62053-23, annex C, by its name only): q1
        import and absorbed, q2 export and absorbed, q3 export and delivered, q4 import and delivered.
Sum:    the power of all phases together decides the direction of a window ("net"), as most European meters do.
Time:   a flow is cut at every full minute of UTC; each piece belongs to one tariff, one demand period and one profile
        period. Periods are counted from midnight UTC.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from firmware_py.meter.tariff import MINUTE_US, TARIFF_MOST, Calendar, RemoteTariff, TariffCalendar, tariff_in_force

_BITS: Final = 60
_WH: Final = 3600 << _BITS
PERIODS_MIN: Final = (1, 5, 15, 30, 60)
IMPORT, EXPORT = "import", "export"
DIRECTIONS: Final[tuple[Literal["import", "export"], ...]] = ("import", "export")
QUADRANTS: Final = ("q1", "q2", "q3", "q4")
KINDS: Final = (*DIRECTIONS, *QUADRANTS)
# Tariff 0 is the sum of all tariffs.
TOTAL: Final = 0
_MONTHS_KEPT: Final = 13

Key = tuple[str, int]
Counts = Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class Flow:
    """What flowed between two moments (microseconds of UTC since 1970): active in J, reactive in var·s, both signed."""

    begin_us: int
    end_us: int
    active_j: float
    reactive_vars: float

    def __post_init__(self) -> None:
        """ValueError where time does not pass or an energy is no number."""
        if self.end_us <= self.begin_us:
            raise ValueError(f"flow from {self.begin_us} to {self.end_us} us: it must end after it began")
        if not (math.isfinite(self.active_j) and math.isfinite(self.reactive_vars)):
            raise ValueError(f"flow of {self.active_j} J and {self.reactive_vars} var s: finite numbers are allowed")


@dataclass(frozen=True, slots=True)
class Open:
    """A period being filled: its beginning, the counts then, and how much of it was measured."""

    begin_us: int
    counts: Counts
    measured_us: int = 0


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """A closed period of the load profile: the counts at its end, what it added, and the share that was measured."""

    begin_us: int
    end_us: int
    counts: Counts
    added: Counts
    measured_ratio: float


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest mean power of a demand period in a month, in W, and when that period ended."""

    power_w: float
    end_us: int


@dataclass(frozen=True, slots=True)
class Settings:
    """How the registers are kept."""

    calendar: TariffCalendar = field(default_factory=Calendar)
    profile_min: int = 15
    demand_min: int = 15

    def __post_init__(self) -> None:
        """ValueError for a period that is none of those allowed."""
        for name in ("profile_min", "demand_min"):
            if (value := getattr(self, name)) not in PERIODS_MIN:
                raise ValueError(f"{name} = {value}: allowed are {', '.join(map(str, PERIODS_MIN))}")


@dataclass(frozen=True, slots=True)
class Registers:
    """The whole state: counts by kind and tariff, the open periods, the peaks of the last months, closed entries to hand on.

    `peaks` is by direction and local month, such as ("import", "2026-11").
    """

    counts: Counts = field(default_factory=dict)
    profile: Open | None = None
    demand: Open | None = None
    peaks: Mapping[tuple[str, str], Peak] = field(default_factory=dict)
    closed: tuple[ProfileEntry, ...] = ()
    remote: RemoteTariff | None = None

    def counted(self, flow: Flow, settings: Settings) -> "Registers":
        """With a flow added; periods that it passes are closed."""
        state = self
        for piece in _pieces(flow):
            state = state._added(piece, settings)
        return state

    def ticked(self, at_us: int, settings: Settings) -> "Registers":
        """With the periods closed that are over, flow or no flow."""
        return self._turned(at_us, settings)

    def handed_on(self, entries: int) -> "Registers":
        """Without so many closed entries, which somebody else keeps now."""
        return replace(self, closed=self.closed[entries:])

    def count(self, kind: str, tariff: int = TOTAL) -> int:
        """A register in its own smallest unit."""
        return self.counts.get((kind, tariff), 0)

    def _added(self, piece: "_Piece", settings: Settings) -> "Registers":
        state = self._turned(piece.begin_us, settings)
        tariff = tariff_in_force(settings.calendar, state.remote, piece.begin_us)
        counts = dict(state.counts)
        for kind, amount in _amounts(piece):
            for each in (TOTAL, tariff):
                counts[kind, each] = counts.get((kind, each), 0) + amount
        return replace(
            state,
            counts=MappingProxyType(counts),
            profile=_opened(state.profile, piece, settings.profile_min, state.counts),
            demand=_opened(state.demand, piece, settings.demand_min, state.counts),
        )

    def _turned(self, at_us: int, settings: Settings) -> "Registers":
        """The periods that the moment lies outside of are closed; a clock that was set back closes them as well."""
        state = self
        if state.profile is not None and at_us // MINUTE_US not in _minutes(state.profile, settings.profile_min):
            entry = _entry(state.profile, state.counts, settings.profile_min)
            state = replace(state, profile=None, closed=(*state.closed, entry))
        if state.demand is not None and at_us // MINUTE_US not in _minutes(state.demand, settings.demand_min):
            state = replace(state, demand=None, peaks=_peaks(state, state.demand, settings))
        return state


@dataclass(frozen=True, slots=True)
class _Piece:
    """A flow within one minute, in whole numbers."""

    begin_us: int
    end_us: int
    active: int
    reactive: int


def whole(energy_j: float) -> int:
    """An energy as a whole number of 2**-60 J, cut off towards 0; exact for everything above 8 mJ."""
    return int(math.ldexp(energy_j, _BITS))


def shown_wh(count: int, digits: int = 9) -> int:
    """Whole Wh (or varh) as a register with so many digits shows them."""
    return int(count // _WH % 10**digits)


def shown_mwh(count: int, digits: int = 9) -> int:
    """Whole mWh as a register with so many digits of Wh shows them."""
    return int(count * 1000 // _WH % 10 ** (digits + 3))


def register_values(state: Registers, digits: int) -> dict[str, float | None]:
    """The registers by quantity name, in Wh and varh with three decimal places."""
    named = {register_name(kind, TOTAL): shown_mwh(state.count(kind), digits) / 1000 for kind in KINDS}
    by_tariff = {
        register_name(kind, tariff): shown_mwh(count, digits) / 1000
        for (kind, tariff), count in sorted(state.counts.items())
        if tariff != TOTAL and kind in KINDS[:2]
    }
    return {**named, **by_tariff}


def register_name(kind: str, tariff: int) -> str:
    """What a register is called in messages, unit at its end."""
    behind = "" if tariff == TOTAL else f"_t{tariff}"
    return f"energy_{kind}{behind}_wh" if kind in KINDS[:2] else f"energy_reactive_{kind}{behind}_varh"


def _pieces(flow: Flow) -> Iterator[_Piece]:
    """The flow cut at full minutes: shares by time, and the last piece gets what is left, so that nothing is lost."""
    active, reactive = whole(flow.active_j), whole(flow.reactive_vars)
    begin_us, span_us = flow.begin_us, flow.end_us - flow.begin_us
    given, given_reactive = 0, 0
    while begin_us < flow.end_us:
        end_us = min((begin_us // MINUTE_US + 1) * MINUTE_US, flow.end_us)
        part, part_reactive = (
            _share(active, end_us - flow.begin_us, span_us),
            _share(reactive, end_us - flow.begin_us, span_us),
        )
        yield _Piece(begin_us, end_us, part - given, part_reactive - given_reactive)
        begin_us, given, given_reactive = end_us, part, part_reactive


def _share(amount: int, part: int, of: int) -> int:
    """`amount * part / of`, cut off towards 0, so that both directions are alike."""
    size = abs(amount) * part // of
    return size if amount >= 0 else -size


def _amounts(piece: _Piece) -> Iterator[tuple[str, int]]:
    yield (IMPORT, piece.active) if piece.active >= 0 else (EXPORT, -piece.active)
    absorbed = piece.reactive >= 0
    quadrant = ("q1" if absorbed else "q4") if piece.active >= 0 else ("q2" if absorbed else "q3")
    yield quadrant, abs(piece.reactive)


def _minutes(period: Open, length_min: int) -> range:
    first = period.begin_us // MINUTE_US
    return range(first, first + length_min)


def _opened(period: Open | None, piece: _Piece, length_min: int, counts: Counts) -> Open:
    """The period with the piece in it, opened where there is none."""
    if period is None:
        length_us = length_min * MINUTE_US
        period = Open(piece.begin_us // length_us * length_us, counts)
    return replace(period, measured_us=period.measured_us + piece.end_us - piece.begin_us)


def _added_since(period: Open, counts: Counts) -> Counts:
    return MappingProxyType({key: count - period.counts.get(key, 0) for key, count in counts.items()})


def _entry(period: Open, counts: Counts, length_min: int) -> ProfileEntry:
    length_us = length_min * MINUTE_US
    ratio = min(period.measured_us / length_us, 1.0)
    return ProfileEntry(period.begin_us, period.begin_us + length_us, counts, _added_since(period, counts), ratio)


def _peaks(state: Registers, period: Open, settings: Settings) -> Mapping[tuple[str, str], Peak]:
    """The peaks with a closed demand period taken in; the last months only."""
    end_us = period.begin_us + settings.demand_min * MINUTE_US
    month, peaks = settings.calendar.month(period.begin_us), dict(state.peaks)
    added = _added_since(period, state.counts)
    for direction in DIRECTIONS:
        power_w = math.ldexp(added.get((direction, TOTAL), 0), -_BITS) / (settings.demand_min * 60)
        before = peaks.get((direction, month))
        if power_w > 0.0 and (before is None or power_w > before.power_w):
            peaks[direction, month] = Peak(power_w, end_us)
    kept = sorted({each for _, each in peaks})[-_MONTHS_KEPT:]
    return MappingProxyType({key: peak for key, peak in peaks.items() if key[1] in kept})


def check_tariff(tariff: int) -> int:
    """The tariff itself; ValueError where it is none."""
    if not 1 <= tariff <= TARIFF_MOST:
        raise ValueError(f"tariff {tariff}: 1 to {TARIFF_MOST} are allowed")
    return tariff
