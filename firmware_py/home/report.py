"""What the node says of itself and its devices: telemetry, intervals, events, and why each value is what it is."""

from collections.abc import Mapping
from math import isfinite

import msgspec

from controller.cycle import Decision, Inputs, LoadAsk
from controller.health import DeviceHealth
from controller.limits.allowed import Allowed
from firmware_py.home.interval import IntervalMeter, Moment
from firmware_py.home.outbox import Outbox
from protocols.contracts import utc_text
from protocols.evidence import INTERVAL
from protocols.messages import (
    ClockStatus,
    Happening,
    Interval,
    Status,
    Telemetry,
    Why,
    WhyAsk,
    WhyLimit,
    WhyOverruled,
    encode,
)
from protocols.ports import Clock, Nameplate
from protocols.readings import Reading
from protocols.topics import Topics


def clock_status(clock: Clock) -> ClockStatus:
    """How far the wall clock can be believed, as records say it."""
    return "synchronised" if clock.synchronised() else "unsynchronised"


class Reporter:
    """Turns readings, changes and decisions into messages; `readings` counts those it was given."""

    def __init__(self, topics: Topics, outbox: Outbox, clock: Clock, intervals: Mapping[str, IntervalMeter]) -> None:
        self.readings = 0
        self._topics, self._outbox, self._clock, self._intervals = topics, outbox, clock, intervals
        self._said: _Kind | None = None
        self._unsaid: dict[str, bytes] = {}

    def reading(self, reading: Reading) -> None:
        """A device was read: publish it and count it into its interval."""
        self.readings += 1
        moment = self._moment()
        self._outbox.say(self._topics.telemetry(reading.device), encode(self._telemetry(reading, moment)))
        if (meter := self._intervals.get(reading.device)) is not None:
            self._record(meter.add(reading, moment))

    def tick(self) -> None:
        """Close the intervals that are over, with or without readings; say what could not be said before."""
        self._say_events()
        moment = self._moment()
        for meter in self._intervals.values():
            self._record(meter.tick(moment))

    def health(self, device: str, health: DeviceHealth) -> None:
        """A device's health has changed."""
        self.happened(device, health.state, health.why)

    def probed(self, device: str, nameplate: Nameplate) -> None:
        """A device was probed: say what it lacks."""
        missing = list(nameplate.lacks)
        if nameplate.ratings is not None and not nameplate.ratings.reverts_by_itself:
            missing.append("no hardware fallback: it holds its last setpoint when nobody renews it")
        if missing:
            self.happened(device, "lacks", ", ".join(missing))

    def happened(self, subject: str, state: str, why: str) -> None:
        """Say an event, once; without a link the newest of each subject waits for it."""
        event = Happening(self._topics.node, utc_text(self._clock.utc()), subject, state, why)
        self._unsaid[subject] = encode(event)
        self._say_events()

    def _say_events(self) -> None:
        for subject, payload in list(self._unsaid.items()):
            if self._outbox.say(self._topics.event, payload):
                del self._unsaid[subject]

    def status(self, *, online: bool) -> None:
        """Say whether the node is there (retained)."""
        status = Status(self._topics.node, "online" if online else "offline")
        self._outbox.say(self._topics.status, encode(status), retain=True)

    def explain(self, explained: "Explained") -> None:
        """Say who set what and who was overruled, whenever that changes; the figures alone do not count as a change."""
        kind = kind_of(explained)
        if kind != self._said:
            payload = encode(self.explanation(explained))
            # What could not be said (no link) is said again in the next cycle: the retained one must not go on lying.
            self._said = kind if self._outbox.say(self._topics.why, payload, retain=True) else None

    def explanation(self, explained: "Explained") -> Why:
        """Who set what and who was overruled, when the inputs were frozen."""
        decision, inputs = explained.decision, explained.inputs
        verdict = decision.verdict
        return Why(
            node=self._topics.node,
            at=self._moment().utc_text(inputs.now_s),
            site_w=inputs.site_w,
            target_w=verdict.value_w,
            set_by=verdict.set_by,
            why=decision.law.text or verdict.why,
            contract=_contracts(inputs),
            clamp=decision.clamp[1],
            commands=dict(decision.commands),
            overruled=[WhyOverruled(o.source, o.asked_w, o.got_w, o.by) for o in verdict.overruled],
            limits=[
                WhyLimit(each.source, each.known, each.state, each.caps.import_w, each.caps.export_w, each.why)
                for each in explained.limits
            ],
            asks=[_asked(each) for each in decision.asks],
            ages_s={name: None if age_s is None else round(age_s, 3) for name, age_s in explained.ages_s.items()},
        )

    def _record(self, closed: list[Interval]) -> None:
        for interval in closed:
            self._outbox.record(INTERVAL, encode(interval))

    def _moment(self) -> Moment:
        return Moment(self._clock.now_s(), self._clock.utc(), clock_status(self._clock))

    def _telemetry(self, reading: Reading, moment: Moment) -> Telemetry:
        return Telemetry(
            node=self._topics.node,
            device=reading.device,
            seq=reading.seq,
            measured_at=moment.utc_text(reading.measured_s),
            received_at=moment.utc_text(reading.received_s),
            clock=moment.clock,
            quality=reading.quality,
            values=dict(reading.values),
        )


def _asked(ask: LoadAsk) -> WhyAsk:
    return WhyAsk(ask.load, ask.want_w if isfinite(ask.want_w) else None, ask.rank.name.lower(), ask.why)


class Explained(msgspec.Struct, frozen=True):
    """A decision with everything that is needed to explain it: what the sources of limits allowed, how old readings were."""

    decision: Decision
    inputs: Inputs
    limits: tuple[Allowed, ...] = ()
    ages_s: Mapping[str, float | None] = {}


def _contracts(inputs: Inputs) -> str | None:
    """Who is followed: a dispatch, or every contract on energy whose window is open."""
    if inputs.contract is not None:
        return inputs.contract.id
    ids = [item.id for item in inputs.items if inputs.now_s < item.end_s]
    return ", ".join(ids) if ids else None


_Kind = tuple[object, ...]


def kind_of(explained: Explained) -> _Kind:
    """What of a decision makes its explanation another one."""
    decision, named = explained.decision, _contracts(explained.inputs)
    verdict = decision.verdict
    told = {name: value is None for name, value in decision.commands.items()}
    overruled = [each.source for each in verdict.overruled]
    limits = [(each.source, each.known, each.caps, each.state) for each in explained.limits]
    asks = [(each.load, each.rank, each.want_w > 0.0) for each in decision.asks]
    return (verdict.set_by, named, bool(decision.clamp[1]), told, overruled, limits, asks)
