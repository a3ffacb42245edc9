"""Energy by interval: exact, in UTC, in any order; what is not known is a Lack that says why, never a zero."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Lack:
    """An energy that is not known, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in UTC."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> Fraction:
        """Its length, exactly."""
        return Fraction((self.end - self.start) // timedelta(microseconds=1), 1_000_000)

    def __str__(self) -> str:
        return f"{_text(self.start)} to {_text(self.end)}"


@dataclass(frozen=True, slots=True)
class Part:
    """What one line says: net energy (milliwatt-hours, import positive) of a span, or why it is not to be believed."""

    span: Span
    energy_milliwh: int | Lack
    source: str = ""


class Series:
    """Parts that do not overlap; ValueError names two that do. One that stands twice, word for word, counts once."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = tuple(_distinct(sorted(parts, key=lambda part: (part.span.start, part.span.end))))
        self._starts = [part.span.start for part in self.parts]

    def energy(self, span: Span) -> int | Lack:
        """The energy of a span that whole parts fill without a gap (milliwatt-hours)."""
        total, reached = 0, span.start
        for part in self._inside(span):
            if part.span.start < span.start or part.span.end > span.end:
                return Lack(f"the reading {part.span} crosses the edge of {span}")
            if part.span.start > reached:
                return Lack(f"no reading {Span(reached, part.span.start)}")
            if isinstance(part.energy_milliwh, Lack):
                return part.energy_milliwh
            total, reached = total + part.energy_milliwh, part.span.end
        return total if reached == span.end else Lack(f"no reading {Span(reached, span.end)}")

    def _inside(self, span: Span) -> Iterator[Part]:
        """The parts that share time with a span."""
        index = max(bisect_left(self._starts, span.start) - 1, 0)
        for part in self.parts[index:]:
            if part.span.start >= span.end:
                return
            if part.span.end > span.start:
                yield part

    def divided(self, interval_s: int) -> "Series":
        """The same energies in intervals of at most this length, shared out by time; every sum stays what it was."""
        return Series(piece for part in self.parts for piece in _pieces(part, interval_s))


def utc(moment: datetime) -> datetime:
    """The moment in UTC; ValueError where it has no zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment}: a zone such as Z or +01:00 is needed")
    return moment.astimezone(UTC)


def grid(span: Span, interval_s: int) -> tuple[Span, ...]:
    """The intervals, counted from midnight UTC, that make up a span; the first and last may be shorter."""
    return tuple(_grid(span, timedelta(seconds=interval_s)))


def _grid(span: Span, step: timedelta) -> Iterator[Span]:
    start = span.start
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    edge = midnight + ((start - midnight) // step + 1) * step
    while start < span.end:
        yield Span(start, min(edge, span.end))
        start, edge = edge, edge + step


def _distinct(parts: Iterable[Part]) -> Iterator[Part]:
    last: Part | None = None
    for part in parts:
        if last is None or part.span.start >= last.span.end:
            last = part
            yield part
        elif (part.span, part.energy_milliwh) != (last.span, last.energy_milliwh):
            raise ValueError(f"{last.source} ({last.span}) and {part.source} ({part.span}) speak of the same time")


def _pieces(part: Part, interval_s: int) -> Iterator[Part]:
    given = 0
    for span in grid(part.span, interval_s):
        if isinstance(part.energy_milliwh, Lack):
            yield Part(span, part.energy_milliwh, part.source)
            continue
        # What was due up to here, less what was given: the rounding of one piece is made up for by the next.
        due = round(part.energy_milliwh * Span(part.span.start, span.end).seconds / part.span.seconds)
        yield Part(span, due - given, part.source)
        given = due


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def exact(value: float) -> Fraction:
    """The number as it was written: 0.1 is a tenth, not the binary number nearest to it."""
    return Fraction(repr(value))
