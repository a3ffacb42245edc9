"""What a recorded device answers: the reply that was recorded for the same request, at the present time of the record.

The record's time begins with the first request and runs `speed` times as fast as the loop's. A request is answered with
the latest reply to it that was recorded by then; before the first one, with the first. A reply that was given already gives
way to the next one where that is due within 50 ms. With `in_order` time does not
count: each request gets the next reply to it. Asked for something that was never asked, a device says exception 2; to a
write that never was, exception 1.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from protocols.modbus import EXCEPTION_BIT, Request
from protocols.modbus_requests import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION
from protocols.recording import (
    GotDone,
    GotDown,
    GotHungUp,
    GotLate,
    GotRaw,
    GotRefused,
    GotSilent,
    GotStray,
    GotWithheld,
    GotWords,
    Line,
    Recording,
    asked,
    words_of,
)

# Who polls as often as the recorder did comes a little earlier now and then, and means the same poll.
EARLY_S: Final = 0.05
# What stands for bytes that were withheld: no frame and no telegram begins so.
FILLER: Final = b"\xff"


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of a request after `after_s`: a PDU to be framed, bytes as they came, or nothing.

    `id`: the transaction that `raw` belonged to. `is_late`: it came when nobody waited any more, and no speed makes it earlier. `strays` come,
    and the device hangs up, so many seconds after the request.
    """

    t_s: float = 0.0
    after_s: float = 0.0
    pdu: bytes | None = None
    raw: bytes | None = None
    id: int | None = None
    hung_up_s: float | None = None
    is_late: bool = False
    strays: tuple[tuple[float, bytes], ...] = ()


class Player:
    """One record as a device; several connections may ask it. `unknown` counts the requests that nobody recorded."""

    def __init__(
        self,
        recording: Recording,
        *,
        speed: float = 1.0,
        loop: bool = False,
        in_order: bool = False,
        on_unknown: Callable[[Request], None] = lambda request: None,
    ) -> None:
        if not 0.0 < speed <= 1000.0:
            raise ValueError(f"speed {speed:g}: above 0 and up to 1000 is allowed")
        self.recording, self.speed = recording, speed
        self.unknown: Counter[str] = Counter()
        self.loops, self.in_order, self._on_unknown = loop, in_order, on_unknown
        self._answers = _answers(recording.lines)
        self._downs = [
            (line.t, isinstance(line, GotDown)) for line in recording.lines if not isinstance(line, GotStray)
        ]
        self._next: Counter[Request] = Counter()
        self._given: dict[Request, int] = {}
        self._first_s = recording.lines[0].t if recording.lines else 0.0
        self.pause_s = pause_after([answer.t_s for answer in max(self._answers.values(), key=len, default=[])])
        self.length_s = max((_end_s(line) for line in recording.lines), default=0.0) - self._first_s + self.pause_s
        self._began_s: float | None = None

    def at_s(self, now_s: float) -> float:
        """The time of the record at a time of the loop."""
        if self._began_s is None:
            self._began_s = now_s
        past_s = (now_s - self._began_s) * self.speed
        if self.loops and self.length_s > 0.0:
            past_s %= self.length_s
        return self._first_s + past_s

    def answer(self, request: Request, now_s: float) -> Answer:
        """What comes of a request at a time of the loop."""
        answers = self._answers.get(request)
        if answers is None:
            return self._never(request)
        if self.in_order:
            return self._paced(answers[self._ordinal(request, len(answers))])
        at_s = self.at_s(now_s)
        if self._is_down(at_s):
            return Answer(at_s, hung_up_s=0.0)
        place = max(bisect_right(answers, at_s, key=lambda answer: answer.t_s) - 1, 0)
        if self._given.get(request) == place < len(answers) - 1 and answers[place + 1].t_s - at_s <= EARLY_S:
            place += 1
        self._given[request] = place
        return self._paced(answers[place])

    def _ordinal(self, request: Request, count: int) -> int:
        number = self._next[request]
        self._next[request] += 1
        return number % count if self.loops else min(number, count - 1)

    def _never(self, request: Request) -> Answer:
        self.unknown[str(request)] += 1
        self._on_unknown(request)
        code = ILLEGAL_ADDRESS if request.reads else ILLEGAL_FUNCTION
        return Answer(pdu=bytes((request.function | EXCEPTION_BIT, code)))

    def _is_down(self, at_s: float) -> bool:
        place = bisect_right(self._downs, at_s, key=lambda each: each[0])
        return place > 0 and self._downs[place - 1][1]

    def _paced(self, answer: Answer) -> Answer:
        if answer.is_late:
            return answer
        strays = tuple((after_s / self.speed, data) for after_s, data in answer.strays)
        hung_up_s = None if answer.hung_up_s is None else answer.hung_up_s / self.speed
        return replace(answer, after_s=answer.after_s / self.speed, hung_up_s=hung_up_s, strays=strays)


def pause_after(times_s: Sequence[float]) -> float:
    """How long after the last one the next would have come."""
    return (times_s[-1] - times_s[0]) / (len(times_s) - 1) if len(times_s) > 1 else 1.0


def _end_s(line: Line) -> float:
    return line.t + float(getattr(line, "took", 0.0))


def _answers(lines: tuple[Line, ...]) -> dict[Request, list[Answer]]:
    """The answers to each request, in their order."""
    found: dict[Request, list[Answer]] = defaultdict(list)
    last: list[Answer] | None = None
    for line in lines:
        if isinstance(line, GotStray):
            if last:
                after_s = max(line.t - last[-1].t_s, last[-1].after_s)
                last[-1] = replace(last[-1], strays=(*last[-1].strays, (after_s, bytes.fromhex(line.hex))))
            continue
        ask = getattr(line, "ask", "")
        if ask:
            request = asked(ask)
            last = found[request]
            last.append(_answer(line, request))
    return dict(found)


def _answer(line: Line, request: Request) -> Answer:
    match line:
        case GotWords(t=t, took=took, words=text):
            words = words_of(text)
            data = b"".join(word.to_bytes(2, "big") for word in words)
            return Answer(t, took, pdu=bytes((request.function, len(data))) + data)
        case GotDone(t=t, took=took):
            return Answer(t, took, pdu=request.pdu[:5])
        case GotRefused(t=t, took=took, code=code):
            return Answer(t, took, pdu=bytes((request.function | EXCEPTION_BIT, code)))
        case GotLate(t=t, took=took, pdu=text):
            return Answer(t, took, pdu=bytes.fromhex(text), is_late=True)
        case GotRaw(t=t, took=took, hex=text, id=id_, hung_up=hung_up):
            return Answer(t, took, raw=bytes.fromhex(text), id=id_, hung_up_s=hung_up)
        case GotWithheld(t=t, took=took, size=size):
            return Answer(t, took, raw=size * FILLER)
        case GotHungUp(t=t, took=took):
            return Answer(t, took, hung_up_s=took)
        case GotSilent(t=t):
            return Answer(t)
        case _:
            raise AssertionError(f"{line!r} has no request")
