"""What a node says, declared once: JSON by msgspec, absent fields left out, times as RFC 3339 UTC text."""

from typing import Literal

import msgspec

from protocols.contracts import Outcome, State

ClockStatus = Literal["synchronised", "unsynchronised"]


class Telemetry(msgspec.Struct, frozen=True):
    """One reading of one device; `values` by quantity name, null where the device says "not available"."""

    node: str
    device: str
    seq: int
    measured_at: str
    received_at: str
    clock: ClockStatus
    quality: str
    values: dict[str, float | None]


class Status(msgspec.Struct, frozen=True):
    """Whether a node is there; `offline` is the broker's word (last will) or the node's own at its end."""

    node: str
    state: Literal["online", "offline"]


class Counter(msgspec.Struct, frozen=True):
    """An energy register at both ends of an interval, as the device of this serial number counted it."""

    serial: str
    register: str
    start_wh: float
    end_wh: float


class Maximum(msgspec.Struct, frozen=True):
    """The largest mean power of a demand period in a local month so far (W, a magnitude), and when that period ended."""

    direction: Literal["import", "export"]
    month: str
    power_w: float
    end: str


class Interval(msgspec.Struct, frozen=True, omit_defaults=True):
    """An interval reading of the connection point or a device.

    Means are over the readings of the interval (`readings` of `expected`). `quality` is `good` where at least nine in
    ten were there and no register fell, otherwise `incomplete`; a register that fell is left out and named in `note`.
    `maxima` are a meter's own.
    """

    device: str
    start: str
    end: str
    clock: ClockStatus
    quality: Literal["good", "incomplete"]
    readings: int
    expected: int
    means: dict[str, float]
    counters: list[Counter]
    note: str = ""
    maxima: list[Maximum] = []


class ContractEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A state of a contract. `reason` is a stable short word, `why` a sentence.

    `observed_w` is the mean power of the connection point by its *meter*; `latency_s` from the first write to the
    reading that shows it. `answered`: of a message that came twice, what was said the first time. At the end: energy
    contracted and metered after the settling time, and the outcome. Of each interval (`interval_start` to `interval_end`) of
    a contract on energy: what was contracted, `metered_wh` that counts for it and its `deviation_wh` (at most
    `tolerance_wh`). `short_wh`: what is expected to be missing, positive: of import.
    """

    contract: str | None
    state: State
    at: str
    clock: ClockStatus
    reason: str = ""
    why: str = ""
    setpoints: dict[str, float | None] = {}
    observed_w: float | None = None
    latency_s: float | None = None
    contracted_wh: float | None = None
    metered_wh: float | None = None
    outcome: Outcome | None = None
    answered: str = ""
    interval_start: str = ""
    interval_end: str = ""
    deviation_wh: float | None = None
    tolerance_wh: float | None = None
    short_wh: float | None = None


class Agreed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A contract that waits for the zone's approval: its signed message as text, and until when the answer must come."""

    node: str
    contract: str
    token: str
    until: str


class Happening(msgspec.Struct, frozen=True):
    """A change of state of the node or a device, said once when it changes."""

    node: str
    at: str
    subject: str
    state: str
    why: str


class WhyOverruled(msgspec.Struct, frozen=True):
    """A source that did not get what it asked for at the connection point (W), and who stood in the way."""

    source: str
    asked_w: float
    got_w: float
    by: str


class WhyLimit(msgspec.Struct, frozen=True):
    """A grid operator's limit in force (magnitudes, W; null is none): what is known, in which state, and why."""

    source: str
    known: str
    state: str
    import_limit_w: float | None
    export_limit_w: float | None
    why: str


class WhyAsk(msgspec.Struct, frozen=True):
    """What a law asked of a load, or what its phases left it (W; null: its most), with which rank (a word), and why."""

    load: str
    want_w: float | None
    rank: str
    why: str


class Why(msgspec.Struct, frozen=True):
    """A decision explained: the power wanted at the connection point, who set it, and what each device was told.

    `commands`: power of a battery (W, charging positive), production limit of an inverter (W, magnitude), or what a load may
    take (W); null = let go. `ages_s`: how old the newest reading of each device was (s); null where there is none.
    """

    node: str
    at: str
    site_w: float | None
    target_w: float | None
    set_by: str
    why: str
    contract: str | None
    clamp: str
    commands: dict[str, float | None]
    overruled: list[WhyOverruled]
    limits: list[WhyLimit] = []
    asks: list[WhyAsk] = []
    ages_s: dict[str, float | None] = {}


class Journalled(msgspec.Struct, frozen=True):
    """A journal record on its way: the record's own bytes, untouched, with stream and number for the acknowledgement."""

    node: str
    stream: str
    seq: int
    record: msgspec.Raw


class Durable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The head-end's word that it keeps everything of a stream up to and including a number."""

    stream: str
    up_to: int


def encode(message: msgspec.Struct) -> bytes:
    """The JSON bytes of a message."""
    return msgspec.json.encode(message)
