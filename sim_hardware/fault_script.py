"""Faults by the clock: a script of what begins when, for how long and where; read from plain data or drawn from a seed."""

import asyncio
import difflib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Protocol

from sim_hardware.faults import KICK, REFUSE, Argument, Faults, Word, check_argument

KEYS: Final = ("at_s", "for_s", "word", "argument", "device")
RANDOM_KEYS: Final = ("per_hour", "words", "for_s", "devices")
# What a drawn fault gets as its argument, from-to; drawn evenly.
DRAWN: Final[Mapping[Word, tuple[float, float]]] = {
    Word.DELAY: (0.1, 5.0),
    Word.LATE: (0.5, 5.0),
    Word.DRIFT: (-0.1, 0.1),
    Word.REBOOT: (2.0, 60.0),
    Word.CLOCK_JUMP: (-7200.0, 7200.0),
}
DRAWN_EXCEPTIONS: Final = (2, 3, 4, 6, 10, 11)  # MODBUS Application Protocol V1.1b3, section 7


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """One fault of one device: it begins at `at_s` and ends after `for_s` (None: never)."""

    at_s: float
    word: Word
    device: str
    for_s: float | None = None
    argument: Argument | None = None

    @property
    def end_s(self) -> float:
        """When it ends; infinity for never."""
        return math.inf if self.for_s is None else self.at_s + self.for_s

    def __str__(self) -> str:
        return f"{self.word.value} of {self.device} at {self.at_s:g} s"


@dataclass(frozen=True, slots=True)
class FaultScript:
    """What goes wrong in a run, in the order of beginning."""

    events: tuple[FaultEvent, ...] = ()

    @classmethod
    def from_data(cls, rows: object, devices: Collection[str] | None = None) -> "FaultScript":
        """From tables with `at_s`, `word`, `device`, and if wanted `for_s` and `argument`; ValueError lists every mistake."""
        if isinstance(rows, str | bytes) or not isinstance(rows, Sequence):
            raise ValueError(f"faults: a list of tables is allowed, got {rows!r}")
        events, wrong = [], []
        for number, row in enumerate(rows, 1):
            try:
                events.append(_event(row, devices))
            except ValueError as error:
                wrong.append(f"fault {number}: {error}")
        events.sort(key=lambda event: event.at_s)
        if mistakes := [*wrong, *_overlaps(events)]:
            raise ValueError("\n".join(mistakes))
        return cls(tuple(events))

    @property
    def devices(self) -> frozenset[str]:
        """Every device that is struck."""
        return frozenset(event.device for event in self.events)

    def switches(self) -> list[tuple[float, bool, FaultEvent]]:
        """Each moment at which a fault ends (False) or begins (True), in order; an end goes before a beginning."""
        begins = [(event.at_s, True, event) for event in self.events]
        ends = [(event.end_s, False, event) for event in self.events if event.for_s is not None]
        return sorted([*begins, *ends], key=lambda switch: switch[:2])

    async def play(self, faults: Mapping[str, Faults], started_s: float | None = None) -> None:
        """Switch these faults on and off as the loop's time passes from `started_s` (None: from now)."""
        if missing := sorted(self.devices - faults.keys()):
            raise ValueError(f"fault script: no device {', '.join(missing)} among {', '.join(sorted(faults))}")
        loop = asyncio.get_running_loop()
        zero_s = loop.time() if started_s is None else started_s
        for at_s, begins, event in self.switches():
            await asyncio.sleep(zero_s + at_s - loop.time())
            if begins:
                faults[event.device].begin(event.word, event.argument)
            else:
                faults[event.device].end(event.word)


@dataclass(frozen=True, slots=True)
class RandomFaults:
    """Faults by chance: for each device so many in an hour on average, each lasting between two bounds."""

    per_hour: float
    words: tuple[Word, ...]
    for_s: tuple[float, float] = (1.0, 300.0)
    devices: tuple[str, ...] = ()  # empty: all

    @classmethod
    def from_data(cls, row: object, devices: Collection[str] | None = None) -> "RandomFaults":
        """From a table with `per_hour` and `words`, and if wanted `for_s` = [least, most] and `devices`."""
        table = _table(row, RANDOM_KEYS, ("per_hour", "words"))
        names = _list("devices", table.get("devices", []))
        for name in names:
            _known_device(name, devices)
        words = tuple(_word(word) for word in _list("words", table["words"]))
        if not words:
            raise ValueError("words: at least one is needed")
        return cls(_number("per_hour", table["per_hour"], 0.0), words, _bounds(table.get("for_s", [1, 300])), names)

    def draw(self, seed: int, horizon_s: float, devices: Sequence[str]) -> FaultScript:
        """The script that this seed gives; a fault that would overlap another of its word is left out."""
        events: list[FaultEvent] = []
        for device in self.devices or devices:
            random = Random(f"{seed} random faults {device}")
            events += self._draw_one(random, horizon_s, device)
        return FaultScript(tuple(sorted(events, key=lambda event: event.at_s)))

    def _draw_one(self, random: Random, horizon_s: float, device: str) -> Iterator[FaultEvent]:
        busy_s: dict[Word, float] = {}
        at_s = 0.0
        while self.per_hour > 0.0:
            at_s += random.expovariate(self.per_hour / 3600.0)
            if at_s >= horizon_s:
                return
            word, for_s = random.choice(self.words), random.uniform(*self.for_s)
            event = FaultEvent(round(at_s, 3), word, device, round(for_s, 3), _drawn_argument(random, word))
            if event.at_s >= busy_s.get(word, 0.0):
                busy_s[word] = event.end_s
                yield event


class Steppable(Protocol):
    """A wall clock that can be made to jump, such as `VirtualClock`."""

    def step(self, seconds: float) -> None:
        """Jump by so many seconds."""
        ...


def clock_jumps(faults: Faults, clock: Steppable) -> Callable[[], None]:
    """Let the word `clock_jump` of these faults move a wall clock, and its end move it back; what is returned ends that."""
    stands_s = 0.0

    def switched() -> None:
        nonlocal stands_s
        wanted_s = faults.argument(Word.CLOCK_JUMP)
        if wanted_s != stands_s:
            faults.strikes(Word.CLOCK_JUMP)
            clock.step(wanted_s - stands_s)
            stands_s = wanted_s

    switched()
    return faults.on_change(switched)


def _drawn_argument(random: Random, word: Word) -> Argument | None:
    if word is Word.EXCEPTION:
        return random.choice(DRAWN_EXCEPTIONS)
    if word is Word.SINGLE_CONNECTION:
        return random.choice((REFUSE, KICK))
    bounds = DRAWN.get(word)
    return None if bounds is None else round(random.uniform(*bounds), 3) or bounds[1]


def _event(row: object, devices: Collection[str] | None) -> FaultEvent:
    table = _table(row, KEYS, ("at_s", "word", "device"))
    word, argument = _word(table["word"]), table.get("argument")
    check_argument(word, argument)
    for_s = None if "for_s" not in table else _number("for_s", table["for_s"], 0.0, above=True)
    _known_device(table["device"], devices)
    return FaultEvent(_number("at_s", table["at_s"], 0.0), word, table["device"], for_s, argument)


def _table(row: object, keys: Sequence[str], needed: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise ValueError(f"a table is allowed, got {row!r}")
    for key in row:
        if key not in keys:
            raise ValueError(f"{key}: not a key; {_allowed(str(key), keys)}")
    if missing := [key for key in needed if key not in row]:
        raise ValueError(f"{', '.join(missing)} is missing")
    return row


def _word(word: object) -> Word:
    try:
        return Word(str(word).replace("-", "_"))
    except ValueError:
        raise ValueError(f"word {word!r}: not a fault; {_allowed(str(word), list(Word))}") from None


def _allowed(wrong: str, right: Sequence[str]) -> str:
    near = difflib.get_close_matches(wrong, right, 1)
    return f"did you mean {near[0]}?" if near else f"allowed are {', '.join(right)}"


def _known_device(device: object, devices: Collection[str] | None) -> None:
    if not isinstance(device, str) or (devices is not None and device not in devices):
        names = f"; there are {', '.join(sorted(devices))}" if devices is not None else ""
        raise ValueError(f"device {device!r}: there is no such device{names}")


def _number(key: str, value: object, least: float, *, above: bool = False) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not isinstance(value, int | float) or value < least or (above and value == least):
        raise ValueError(f"{key} = {value!r}: a number {'above' if above else 'from'} {least:g} is allowed")
    return float(value)


def _list(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"{key} = {value!r}: a list is allowed")
    return tuple(str(each) for each in value)


def _bounds(value: object) -> tuple[float, float]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError(f"for_s = {value!r}: [least, most] is allowed")
    least_s = _number("for_s", value[0], 0.0, above=True)
    return least_s, _number("for_s", value[1], least_s)


def _overlaps(events: Sequence[FaultEvent]) -> Iterator[str]:
    """The same word twice at once on one device would end with the first end."""
    last: dict[tuple[str, Word], FaultEvent] = {}
    for event in events:
        before = last.get((event.device, event.word))
        if before is not None and event.at_s < before.end_s:
            yield f"{event}: the one that began at {before.at_s:g} s is still on"
        last[event.device, event.word] = event
