"""The frames of the step lock: one JSON object a line, first the node's `Hello`, then a `Frame` in for an `Answer` out.

    {"step": 1, "t_s": 0.5, "values": {"grid.voltage_v": 229.7, "load.power_w": 500}}
    {"step": 1, "t_s": 0.5, "written": [], "values": {...}, "digest": "9f…", "took_us": 812, "late_us": 0,
     "overrun": false, "overrun_us": 0}

`digest` stands for everything that has left the node so far, to devices, disk and broker. What depends on the wall clock
is in `Timing` and nowhere else: everything else is the same, bit for bit, each time the same frames come in.
"""

from typing import Any, Final

import msgspec

PROTOCOL: Final = 1
# A frame with every quantity and a signed contract takes 3 kB.
LONGEST_BYTES: Final = 1 << 20


class BadFrame(Exception):
    """A frame that cannot be taken; nothing has happened, the same step may be sent again."""


class Inbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message for the node, as if the broker had brought it: such as a signed contract on `contract/in`."""

    topic: str
    payload: str


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step granted: the values hold from the instant before up to `t_s` = step x step_s, and on until they change."""

    step: int
    t_s: float
    values: dict[str, float | None] = {}
    messages: list[Inbound] = []


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The simulator's last word; closing the connection says the same."""

    end: bool


class Written(msgspec.Struct, frozen=True):
    """A setpoint that was written in this step, the newest of `writes`; None: the device was let go.

    `readback_w` is what the device's registers now tell its physics: a battery's power (charging positive) or the most
    that an inverter may produce (a magnitude).
    """

    device: str
    setpoint_w: float | None
    readback_w: float | None
    writes: int


class Timing(msgspec.Struct, frozen=True):
    """How long a step took on the wall clock, how late it began (paced only), and how far beyond its deadline it ended."""

    took_us: int
    late_us: int
    overrun: bool
    overrun_us: int


class Outcome(msgspec.Struct, frozen=True):
    """What came of a step, as far as it depends on the frames alone."""

    step: int
    t_s: float
    written: list[Written]
    values: dict[str, float | None]
    digest: str


class Answer(msgspec.Struct, frozen=True):
    """Outcome and timing of a step, side by side."""

    step: int
    t_s: float
    written: list[Written]
    values: dict[str, float | None]
    digest: str
    took_us: int
    late_us: int
    overrun: bool
    overrun_us: int


class Hello(msgspec.Struct, frozen=True):
    """The node's first word: how long a step is, when it is due, and what is taken and given."""

    busbar_lockstep: int
    node: str
    start: str
    step_s: float
    deadline_s: float
    takes: dict[str, tuple[float, float]]
    gives: list[str]


class Refusal(msgspec.Struct, frozen=True):
    """Said instead of an answer: why a frame was not taken."""

    error: str


def answer(outcome: Outcome, timing: Timing) -> Answer:
    """Both in one."""
    return Answer(**msgspec.structs.asdict(outcome), **msgspec.structs.asdict(timing))


def outcome_of(full: Answer) -> Outcome:
    """What of an answer does not depend on the wall clock."""
    return Outcome(full.step, full.t_s, full.written, full.values, full.digest)


def parse(line: bytes) -> Frame | End:
    """A line from a simulator; BadFrame names the part and what is allowed."""
    try:
        raw: Any = msgspec.json.decode(line)
        if isinstance(raw, dict) and "end" in raw:
            return msgspec.convert(raw, End)
        return msgspec.convert(raw, Frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(f"not a frame: {error}; allowed is {{step, t_s, values, messages}} or {{end}}") from error
