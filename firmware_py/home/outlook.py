"""The outlook's desk: opens what others tell of the hours to come, keeps the newest on disk, and says what it took or refused.

Prices are kept by day on cells of five minutes, the newer over the older, for as long as their past stands in for what is not
known; of forecasts and trips the newest of each counts until it is over.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec
import numpy as np

from controller.roles import Party, may_tell
from controller.tariff import CELL_S, Received
from firmware_py.home.contracts import EARLIEST, STRANGER_EACH_S, STRANGERS, Trust
from firmware_py.home.flood import Flood
from protocols.faults import Refused, StoreFailed
from protocols.outlook import (
    MAX_OUTLOOK_BYTES,
    Forecast,
    Kind,
    OutlookMessage,
    Prices,
    Trip,
    parse_outlook,
    said_text,
    say_of,
)
from protocols.ports import Clock, Journal, Message
from protocols.signing import OUTLOOK, open_signed

# Two weeks show each kind of day often enough; older prices are of another season.
KEPT: Final = timedelta(days=15)
# A broker keeps a message for a node that was away; of the day before yesterday nobody has prices for today.
OLDEST: Final = timedelta(days=2)
# Clocks of two machines may differ by so much.
AHEAD: Final = timedelta(seconds=60)
# No market publishes more than a week ahead, and nobody plans so far.
FARTHEST: Final = timedelta(days=8)
# A trip without a return: most days at work are over by then.
AWAY: Final = timedelta(hours=10)
_CELLS: Final = 86_400 // CELL_S
_ROOT: Final = "outlook/"
_SEQ: Final = f"{_ROOT}sequence"
_log = logging.getLogger("busbar.outlook")
Cells = list[float | None]


@dataclass(frozen=True, slots=True)
class Rules:
    """What this node takes: prices of one issuer only (empty: of none), in one currency, no larger than what it believes."""

    node: str
    prices_by: str = ""
    currency: str = "EUR"
    price_most_per_kwh: float = 10.0
    chargers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the desk writes to, reads the time from, and says events by (subject, state, why)."""

    clock: Clock
    journal: Journal
    say: Callable[[str, str, str], None]


class _Day(msgspec.Struct, frozen=True):
    """The prices of a day of UTC by whom, null where none was told."""

    iss: str
    bought: Cells
    sold: Cells


class OutlookDesk:
    """Holds what was told. `changed` is called with a few words when something new counts; whoever plans puts itself there."""

    def __init__(self, trust: Trust, rules: Rules, keeping: Keeping) -> None:
        self.changed: Callable[[str], None] = lambda what: None
        self._trust, self._rules = trust, rules
        self._clock, self._journal, self._say = keeping.clock, keeping.journal, keeping.say
        self._last_seq: dict[str, int] = {}
        self._days: dict[date, _Day] = {}
        self._told: dict[str, Forecast | Trip] = {}
        self._strangers = Flood(STRANGERS, STRANGER_EACH_S)

    @property
    def received(self) -> Received | None:
        """The prices of all days from the first that is kept to the last; None where there are none."""
        if not self._days:
            return None
        first, last = min(self._days), max(self._days)
        none: Cells = [None] * _CELLS
        days = [self._days.get(first + timedelta(days=number)) for number in range((last - first).days + 1)]
        bought = [value for day in days for value in (none if day is None else day.bought)]
        sold = [value for day in days for value in (none if day is None else day.sold)]
        return Received(_midnight(first), np.array(bought, dtype=np.float64), np.array(sold, dtype=np.float64))

    def forecast(self, kind: Kind) -> Forecast | None:
        """The newest forecast of a kind; None where there is none, or it is over."""
        told = self._told.get(f"{_ROOT}forecast/{kind}")
        return told if isinstance(told, Forecast) and told.end > self._clock.utc() else None

    def trip(self, charger: str) -> Trip | None:
        """The trip of the car at a charger that is still to come, or is not over."""
        told = self._told.get(f"{_ROOT}trip/{charger}")
        if (
            not isinstance(told, Trip)
            or told.departs is None
            or back_at(told.departs, told.returns) <= self._clock.utc()
        ):
            return None
        return told

    async def recall(self) -> None:
        """Read what was kept over a power cut; what nobody may say any more is deleted."""
        gone: dict[str, bytes | None] = {}
        for key, body in (await self._journal.kept_under(_ROOT)).items():
            try:
                self._recall_one(key, body)
            except (Refused, msgspec.DecodeError, ValueError) as error:
                _log.warning("%s is dropped: %s", key, error)
                gone[key] = None
        if gone:
            with contextlib.suppress(StoreFailed):
                await self._journal.keep_all(gone)

    def _recall_one(self, key: str, body: bytes) -> None:
        kind, _, rest = key.removeprefix(_ROOT).partition("/")
        if key == _SEQ:
            self._last_seq = msgspec.json.decode(body, type=dict[str, int])
        elif kind == "prices":
            day = msgspec.json.decode(body, type=_Day)
            if day.iss != self._rules.prices_by:
                raise Refused("issuer", f"prices of {day.iss!r}, the tariff has {self._rules.prices_by!r}")
            self._days[date.fromisoformat(rest)] = day
        else:
            told = parse_outlook(body)
            if told.iss not in self._trust.issuers.values():
                raise Refused("issuer", f"{told.iss!r} is not on the trust list")
            self._permitted(told)
            if not isinstance(told, Prices):
                self._told[key] = told

    async def receive(self, message: Message) -> None:
        """Take in a message of `outlook/in`. What becomes of it is said, and nothing escapes."""
        who, is_stranger = "", True
        try:
            if message.retained:
                raise Refused("retained", "message was retained by the broker: a retained message is an immortal one")
            signed = open_signed(message.payload, self._trust.keys, OUTLOOK, MAX_OUTLOOK_BYTES)
            is_stranger = False
            told = parse_outlook(signed.payload)
            who = f"{told.iss} {told.seq}: "
            self._judge(told, self._trust.issuers[signed.key_id])
        except Refused as refused:
            self._refuse(who, refused, is_stranger=is_stranger)
            return
        kept = await self._keep(told, signed.payload)
        self._say("outlook", "taken", f"{who}{said_text(told)}{kept}")
        self.changed(f"new {say_of(told)} of {told.iss}")

    def _judge(self, told: OutlookMessage, issuer: str) -> None:
        if told.iss != issuer:
            raise Refused(
                "issuer", f"signed with a key of {issuer!r} but issued by {told.iss!r}: they must be the same"
            )
        if told.aud != self._rules.node:
            raise Refused("audience", f"meant for {told.aud!r}: this node is {self._rules.node!r}")
        self._permitted(told)
        if told.seq <= (last := self._last_seq.get(issuer, 0)):
            raise Refused("sequence", f"sequence {told.seq} of {issuer} is used up: above {last} is allowed")
        self._dated(told)
        match told:
            case Prices():
                self._priced(told)
            case Trip(charger=charger) if charger not in self._rules.chargers:
                known = ", ".join(sorted(self._rules.chargers)) or "none"
                raise Refused("charger", f"no charger {charger!r} has a car here: allowed are {known}")
            case _:
                pass

    def _permitted(self, told: OutlookMessage) -> None:
        party = self._trust.parties.get(told.iss, Party(told.iss))
        if not may_tell(party, told):
            raise Refused("role", f"{told.iss!r} of role {party.role} may not say {say_of(told)!r}")

    def _dated(self, told: OutlookMessage) -> None:
        utc = self._clock.utc()
        if utc < EARLIEST:
            raise Refused("clock", f"the wall clock says {utc}: no message can be dated before it is set")
        if not -AHEAD <= utc - told.at <= OLDEST:
            raise Refused("late", f"made at {told.at}, it is {utc} now: at most {OLDEST.days} days before are allowed")
        if told.end is not None and told.end <= utc:
            raise Refused("past", f"{said_text(told)}: that is over, it is {utc} now")
        if told.end is not None and told.end > utc + FARTHEST:
            raise Refused("far", f"{said_text(told)}: at most {FARTHEST.days} days ahead of {utc} are allowed")

    def _priced(self, told: Prices) -> None:
        rules = self._rules
        if told.iss != rules.prices_by:
            said = f"allowed is {rules.prices_by!r}" if rules.prices_by else "the tariff names none"
            raise Refused("issuer", f"{told.iss!r} is not the issuer of this tariff's prices: {said}")
        if told.currency != rules.currency:
            raise Refused("currency", f"prices in {told.currency}: {rules.currency} is allowed")
        most = rules.price_most_per_kwh
        for name, values in (("import", told.import_per_kwh), ("export", told.export_per_kwh or ())):
            for step, value in enumerate(values):
                if abs(value) > most:
                    raise Refused(
                        "absurd", f"{name} price of step {step}: {value:g} per kWh, {-most:g} to {most:g} is allowed"
                    )

    async def _keep(self, told: OutlookMessage, payload: bytes) -> str:
        """Make it count and durable; what to add where only the first could be done."""
        self._last_seq = {**self._last_seq, told.iss: told.seq}
        values: dict[str, bytes | None] = {_SEQ: msgspec.json.encode(self._last_seq)}
        match told:
            case Prices():
                values |= self._merge(told)
            case Forecast(kind=kind):
                values |= self._replace(f"{_ROOT}forecast/{kind}", told, payload)
            case Trip(charger=charger):
                values |= self._replace(f"{_ROOT}trip/{charger}", told, payload)
        try:
            await self._journal.keep_all(values)
        except StoreFailed as fault:
            # With a full disk a plan should still be made of what is known.
            _log.error("outlook not kept: %s", fault)
            return "; it could not be made durable"
        return ""

    def _replace(self, key: str, told: Forecast | Trip, payload: bytes) -> dict[str, bytes | None]:
        self._told[key] = told
        return {key: payload}

    def _merge(self, told: Prices) -> dict[str, bytes | None]:
        """The days with the new prices in them, and those to be deleted."""
        today = self._clock.utc().date()
        oldest = today - KEPT
        changed = {day for day, *_ in _cells(told) if day >= oldest}
        fresh = {day: self._copy(day, told.iss) for day in changed}
        for day, cell, bought, sold in _cells(told):
            if day in fresh:
                fresh[day].bought[cell] = bought
                fresh[day].sold[cell] = fresh[day].sold[cell] if sold is None else sold
        self._days |= fresh
        gone = [day for day in self._days if day < oldest]
        for day in gone:
            del self._days[day]
        kept = {f"{_ROOT}prices/{day}": msgspec.json.encode(value) for day, value in fresh.items()}
        return {**kept, **dict.fromkeys(f"{_ROOT}prices/{day}" for day in gone)}

    def _copy(self, day: date, issuer: str) -> _Day:
        known = self._days.get(day)
        none: Cells = [None] * _CELLS
        return _Day(issuer, list(known.bought if known else none), list(known.sold if known else none))

    def _refuse(self, who: str, refused: Refused, *, is_stranger: bool) -> None:
        why = f"{who}{refused}"
        if is_stranger:
            held = self._strangers.passes(self._clock.now_s())
            if held is None:
                return
            why += f" (and {held} before it, not said)" if held else ""
        _log.warning("outlook refused: %s", why)
        self._say("outlook", "refused", f"{why} [{refused.reason}]")


def _cells(told: Prices) -> Iterator[tuple[date, int, float, float | None]]:
    """Day of UTC, cell of the day, import and export price, for each five minutes of a message."""
    start, each = told.start.astimezone(UTC), told.step_s // CELL_S
    first = (start.hour * 3600 + start.minute * 60) // CELL_S
    sold = told.export_per_kwh or (None,) * len(told.import_per_kwh)
    for step, (bought_at, sold_at) in enumerate(zip(told.import_per_kwh, sold, strict=True)):
        for cell in range(first + step * each, first + (step + 1) * each):
            yield start.date() + timedelta(days=cell // _CELLS), cell % _CELLS, bought_at, sold_at


def back_at(departs: datetime, returns: datetime | None) -> datetime:
    """When a car that was told to leave then is back."""
    return departs.astimezone(UTC) + AWAY if returns is None else returns.astimezone(UTC)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
