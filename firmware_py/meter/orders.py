"""Carries commands out: what each kind of them does to relay, limit, tariff and calendar."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import time
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from controller.disconnect import Control, Limit, Trigger
from firmware_py.meter.command_desk import Outcome
from firmware_py.meter.disconnector import Disconnector
from firmware_py.meter.keeper import Keeper
from firmware_py.meter.self_test import Check, summary
from firmware_py.meter.tariff import Calendar, RemoteTariff, Rule, Succession, us_of, utc_of
from protocols.contracts import utc_text
from protocols.faults import Refused, StoreFailed
from protocols.meter_commands import (
    CalendarRule,
    CalendarTerms,
    Command,
    Disconnect,
    FollowCalendar,
    LiftLimit,
    LimitLoad,
    Reconnect,
    ReplaceCalendar,
    SetTariff,
    TestYourself,
)
from protocols.ports import Clock, Journal

_KEY: Final = "calendars"
# Newest first out: what is over is dropped, and nobody plans more than so many ahead.
_CALENDARS_MOST: Final = 12


class _Kept(msgspec.Struct, frozen=True):
    start_us: int
    terms: CalendarTerms


class Orders:
    """Does what commands say; `configured` is the calendar of the configuration."""

    def __init__(
        self,
        disconnector: Disconnector,
        keeper: Keeper,
        clock: Clock,
        journal: Journal,
        self_test: Callable[[], Awaitable[Sequence[Check]]],
    ) -> None:
        self._disconnector, self._keeper, self._clock, self._journal = disconnector, keeper, clock, journal
        self._self_test = self_test
        self._configured = keeper.settings.calendar
        self._later: tuple[_Kept, ...] = ()

    async def recall(self) -> None:
        """The calendars of an earlier life."""
        raw = await self._journal.kept(_KEY)
        if raw is None:
            return
        try:
            self._follow(tuple(msgspec.json.decode(raw, type=list[_Kept])))
        except (msgspec.DecodeError, Refused) as error:
            raise StoreFailed(f"the calendars on disk cannot be read: {error}; they are left as they are") from error

    async def carry_out(self, command: Command) -> Outcome:
        """Do it; Refused where it cannot be done, another Fault where it was tried in vain."""
        match command:
            case Disconnect():
                return await self._pull(Trigger.REMOTE_DISCONNECT, command)
            case Reconnect():
                return await self._pull(Trigger.REMOTE_RECONNECT, command)
            case LimitLoad():
                return await self._limit(command)
            case LiftLimit():
                await self._disconnector.set_limit(None)
                return self._outcome("no load limit any more")
            case SetTariff():
                return await self._tariff(RemoteTariff(command.tariff, us_of(command.until)))
            case FollowCalendar():
                return await self._tariff(None)
            case ReplaceCalendar():
                return await self._replace(_Kept(us_of(command.start), command.calendar))
            case TestYourself():
                return Outcome(summary(await self._self_test()))

    async def _pull(self, trigger: Trigger, command: Command) -> Outcome:
        await self._disconnector.pull(trigger, f"command {command.id} of {command.iss}")
        wait = "; the button at the meter connects it" if self._disconnector.control is Control.READY else ""
        return self._outcome(f"{self._disconnector.control}{wait}")

    async def _limit(self, command: LimitLoad) -> Outcome:
        until_us = None if command.until is None else us_of(command.until)
        if until_us is not None and until_us <= us_of(self._clock.utc()):
            raise Refused("expired", f"a limit until {command.until}: that is over")
        limit = Limit(command.import_max_w, command.over_s, until_us, command.reconnect_after_s, command.attempts)
        await self._disconnector.set_limit(limit)
        return self._outcome(f"{limit.import_max_w:g} W for {limit.over_s:g} s")

    def _outcome(self, why: str) -> Outcome:
        return Outcome(why, self._disconnector.control, self._disconnector.connected)

    async def _tariff(self, remote: RemoteTariff | None) -> Outcome:
        if remote is not None and remote.until_us <= us_of(self._clock.utc()):
            raise Refused("expired", f"tariff {remote.tariff}: its time is over")
        self._keeper.set_tariff(remote)
        await self._keeper.save()
        return Outcome("the calendar decides" if remote is None else f"tariff {remote.tariff} in the place of it")

    async def _replace(self, new: _Kept) -> Outcome:
        """A calendar from a moment on: what was to begin later than that is not in force any more."""
        now_us = us_of(self._clock.utc())
        _calendar(new.terms)  # Refused before anything is kept
        kept = [each for each in self._later if each.start_us < new.start_us]
        past, coming = [e for e in kept if e.start_us <= now_us], [e for e in kept if e.start_us > now_us]
        later = (*past[-1:], *coming, new)
        if len(later) > _CALENDARS_MOST:
            raise Refused("too_many", f"{len(later)} calendars: at most {_CALENDARS_MOST} are kept")
        await self._journal.keep(_KEY, msgspec.json.encode(later))
        self._follow(later)
        return Outcome(f"a calendar of {len(new.terms.rules)} rules from {utc_text(utc_of(new.start_us))}")

    def _follow(self, later: tuple[_Kept, ...]) -> None:
        calendars = tuple((each.start_us, _calendar(each.terms)) for each in later)
        self._later = later
        calendar = Succession(self._configured, calendars)
        self._keeper.settings = replace(self._keeper.settings, calendar=calendar)


def _calendar(terms: CalendarTerms) -> Calendar:
    try:
        zone = ZoneInfo(terms.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused("malformed", f"zone {terms.zone[:64]!r}: one that this system knows is allowed") from error
    return Calendar(zone, tuple(map(_rule, terms.rules)), frozenset(terms.holidays), terms.default)


def _rule(rule: CalendarRule) -> Rule:
    begin, end = (time.fromisoformat(text.replace("24:00", "00:00")) for text in (rule.begin, rule.end))
    return Rule(rule.tariff, frozenset(rule.days), begin, end, frozenset(rule.months))
