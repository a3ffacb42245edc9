"""A step-locked session on a tape: what it depends on, then every frame with its answer, as JSON lines.

The tape holds the configuration and the public keys, so that it can be played again anywhere; no password is on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec
from pydantic import ValidationError

from firmware_py.config import HomeConfig, Loaded
from firmware_py.hil.frames import PROTOCOL, Answer, BadFrame, Frame, outcome_of
from firmware_py.hil.session import BadPlan, LockStep, Plan

_T = TypeVar("_T")
_ABSENT: Final = "nothing"


class BadTape(Exception):
    """A tape that cannot be played; the message names file, line and reason."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: everything that a session depends on besides its frames."""

    busbar_lockstep: int
    step_s: float
    seed: int
    start: str
    home: dict[str, Any]
    keys: dict[str, str]
    issuers: dict[str, str]


class Taped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step: what came in and what went out."""

    frame: Frame
    answer: Answer


class Tail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line: the digest after the node has ended in order."""

    digest: str


class Recorder:
    """Writes a tape as the session goes, a line at a time, so that a crash loses the last step at most."""

    def __init__(self, path: Path, plan: Plan) -> None:
        """Begin the tape; OSError where the file cannot be written."""
        self._file = path.open("wb", buffering=0)
        home = plan.loaded.home.model_dump(mode="json")
        keys, issuers = dict(plan.loaded.keys), dict(plan.loaded.issuers)
        self._line(Head(PROTOCOL, plan.step_s, plan.seed, plan.start.isoformat(), home, keys, issuers))

    def __enter__(self) -> Self:
        """The recorder itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def step(self, frame: Frame, full: Answer) -> None:
        """A step was answered."""
        self._line(Taped(frame, full))

    def end(self, digest: str) -> None:
        """The session is over."""
        self._line(Tail(digest))

    def _line(self, line: Head | Taped | Tail) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place at which a tape played again differs from what it holds."""

    step: int  # 0: the end of the session
    where: str
    recorded: object
    now: object

    def __str__(self) -> str:
        at = f"step {self.step}" if self.step else "at the end"
        return f"{at}: {self.where}: recorded {self.recorded}, now {self.now}"


@dataclass(frozen=True, slots=True)
class Replayed:
    """How far a tape was played, whether it has an end, and the first difference (None: bit for bit the same)."""

    steps: int
    is_whole: bool
    difference: Difference | None


def replay(path: Path) -> Replayed:
    """Play a tape again and compare each answer, bit for bit; BadTape for one that cannot be played."""
    lines = _lines(path)
    first = next(lines, (1, b""))
    steps = 0
    with LockStep(_plan(path, first)) as session:
        for number, text in lines:
            if (tail := _tail(text)) is not None:
                now = session.close()
                same = now == tail.digest
                return Replayed(steps, True, None if same else Difference(0, "digest", tail.digest, now))
            taped = _decoded(path, number, text, Taped)
            try:
                session.insist_next(taped.frame)
            except BadFrame as bad:
                raise BadTape(f"{path}: line {number}: {bad}") from bad
            if (found := _difference(taped, session)) is not None:
                return Replayed(steps, False, found)
            steps += 1
    return Replayed(steps, False, None)


def _difference(taped: Taped, session: LockStep) -> Difference | None:
    recorded = outcome_of(taped.answer)
    now = session.step(taped.frame)
    # Encoded, 0.0 and -0.0 differ, as their bits do.
    if msgspec.json.encode(recorded) == msgspec.json.encode(now):
        return None
    before, after = dict(_leaves(msgspec.to_builtins(recorded))), dict(_leaves(msgspec.to_builtins(now)))
    for where in {**before, **after}:
        one, other = before.get(where, _ABSENT), after.get(where, _ABSENT)
        if repr(one) != repr(other):
            return Difference(taped.frame.step, where, one, other)
    raise AssertionError(f"step {taped.frame.step}: the answers differ and no part of them does")


def _leaves(value: object, where: str = "") -> Iterator[tuple[str, object]]:
    match value:
        case dict():
            for key, item in value.items():
                yield from _leaves(item, f"{where}.{key}" if where else str(key))
        case list():
            for index, item in enumerate(value):
                yield from _leaves(item, f"{where}[{index}]")
        case _:
            yield where, value


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            yield from enumerate(file, 1)
    except OSError as error:
        raise BadTape(f"{path}: {error.strerror}") from error


def _plan(path: Path, first: tuple[int, bytes]) -> Plan:
    head = _decoded(path, *first, Head)
    if head.busbar_lockstep != PROTOCOL:
        raise BadTape(f"{path}: line 1: busbar_lockstep {head.busbar_lockstep}: {PROTOCOL} is allowed")
    try:
        home = HomeConfig.model_validate(head.home)
        loaded = Loaded(home, head.keys, head.issuers, None)
        return Plan(loaded, head.step_s, head.seed, datetime.fromisoformat(head.start))
    except ValidationError as error:
        raise BadTape(f"{path}: line 1: home: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from error
    except (BadPlan, ValueError) as error:
        raise BadTape(f"{path}: line 1: {error}") from error


def _tail(text: bytes) -> Tail | None:
    try:
        return msgspec.json.decode(text, type=Tail)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _decoded(path: Path, number: int, text: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadTape(f"{path}: line {number}: {error}") from error
