"""Operating envelopes: limits by a schedule, kept through a lost link, and a default that holds when it has run out.

Source: the rules stand in facts of implementations: CSIP-AUS clients follow the stored schedule through a lost link, then
        fall to the default, and hold it through a power cycle; electrification-bus/doe: a stricter limit may come early,
        a looser one never, and of two that overlap the later start wins.
Blind:  needs no reading. An issuer that has never sent one, or whose last one left no default, limits nothing.

Pure. Times are monotonic seconds. What is kept over a power cut (the default) is the caller's to keep.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from controller.limits.allowed import FREE, Allowed, Caps, Known, allowed
from protocols.contracts import Limit

# Devices need some seconds to get there, so what is stricter is asked for so much earlier.
LEAD_S: Final = 5.0
# Two clocks that NTP keeps differ by less; for so long what is stricter goes on, so that looser never comes early.
LAG_S: Final = 1.0


class Turn(msgspec.Struct, frozen=True):
    """From `at_s` on these limits."""

    at_s: float
    caps: Caps


class Envelope(msgspec.Struct, frozen=True):
    """One revision of an issuer's envelope; `hold_s`: how long it outlives the link (None: to its end)."""

    id: str
    issuer: str
    seq: int
    start_s: float
    end_s: float
    turns: tuple[Turn, ...]
    default: Caps
    hold_s: float | None = None

    def at(self, at_s: float) -> Caps:
        """What it allows at a moment of its window; before its first turn its default."""
        caps = self.default
        for turn in self.turns:
            if turn.at_s > at_s:
                break
            caps = turn.caps
        return caps


class Default(msgspec.Struct, frozen=True):
    """What an issuer's newest envelope leaves behind: the one thing that outlives it, and a power cut."""

    envelope: str
    start: datetime
    seq: int
    caps: Caps


class View(msgspec.Struct, frozen=True):
    """What an issuer's envelopes are looked at with: all that are known, its default, and how long the link is away."""

    envelopes: tuple[Envelope, ...]
    default: Default | None
    link_lost_s: float | None = None


def envelope_of(contract: Limit, start_s: float, end_s: float) -> Envelope:
    """The envelope of a contract whose window lies there on the monotonic clock (its end may have been brought forward)."""
    turns = (
        Turn(start_s + (step.at - contract.start).total_seconds(), Caps(step.import_limit_w, step.export_limit_w))
        for step in contract.schedule
    )
    return Envelope(
        contract.id,
        contract.iss,
        contract.seq,
        start_s,
        end_s,
        tuple(sorted(turns, key=lambda turn: turn.at_s)),
        Caps(contract.default_import_w, contract.default_export_w),
        contract.hold_s,
    )


def default_of(contract: Limit) -> Default:
    """What a contract leaves behind."""
    caps = Caps(contract.default_import_w, contract.default_export_w)
    return Default(contract.id, contract.start, contract.seq, caps)


def newer(one: Default | None, other: Default) -> Default:
    """The default that holds of two of one issuer: of the later start, then of the higher number."""
    if one is None or (other.start, other.seq) >= (one.start, one.seq):
        return other
    return one


def ruling(envelopes: Iterable[Envelope], at_s: float) -> Envelope | None:
    """Of one issuer's envelopes whose windows are open, the one with the latest start, then the highest number."""
    open_ = (each for each in envelopes if each.start_s <= at_s < each.end_s)
    return max(open_, key=lambda each: (each.start_s, each.seq), default=None)


def said_at(view: View, at_s: float) -> Caps:
    """What the issuer's own words come to at one moment, neither early nor late."""
    now = ruling(view.envelopes, at_s)
    if now is not None and not _is_cut_off(now, view.link_lost_s):
        return now.at(at_s)
    if now is not None:
        return now.default
    return FREE if view.default is None else view.default.caps


def holds(view: View, issuer: str, now_s: float) -> Allowed:
    """What the issuer allows now: the strictest of what it says between a lag before and a lead after this moment."""
    source = f"envelope of {issuer}"
    if not view.envelopes and view.default is None:
        return Allowed(source, Known.UNKNOWN, FREE, Known.UNKNOWN, f"{source}: none was ever sent")
    caps = said_at(view, now_s)
    for at_s in _moments(view.envelopes, now_s):
        caps = caps.stricter(said_at(view, at_s))
    state, why = _where(view, source, now_s)
    if caps.are_none and state == "default" and view.default is None and ruling(view.envelopes, now_s) is None:
        return Allowed(source, Known.UNKNOWN, FREE, Known.UNKNOWN, f"{source}: none has begun yet")
    return allowed(source, caps, state, why)


def _moments(envelopes: Sequence[Envelope], now_s: float) -> Iterable[float]:
    """Where what is said may change within the window round now, both ends included."""
    first_s, last_s = now_s - LAG_S, now_s + LEAD_S
    yield first_s
    for each in envelopes:
        for at_s in (each.start_s, each.end_s, *(turn.at_s for turn in each.turns)):
            if first_s < at_s <= last_s:
                yield at_s


def _where(view: View, source: str, now_s: float) -> tuple[str, str]:
    now = ruling(view.envelopes, now_s)
    if now is None:
        what = "nothing is scheduled" if view.default is None else f"default of {view.default.envelope}"
        return "default", f"{source}: {what}"
    if _is_cut_off(now, view.link_lost_s):
        return "default", f"{source}: no link for {view.link_lost_s:.0f} s, default of {now.id}"
    return "scheduled", f"{source}: {now.id}"


def _is_cut_off(envelope: Envelope, link_lost_s: float | None) -> bool:
    return link_lost_s is not None and envelope.hold_s is not None and link_lost_s > envelope.hold_s
