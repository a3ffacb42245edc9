"""What a meter is told from outside: signed commands, and what it answers.

Each is a compact JWS of kind `METER_COMMAND`, by an issuer on the meter's trust list, with a number that rises with each
command of that issuer to that meter and an age after which it is void.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from protocols.contracts import Moment, Name
from protocols.faults import Refused
from protocols.messages import ClockStatus

Tariff = Annotated[int, Meta(ge=1, le=8)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
LocalTime = Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do"):
    """`seq` rises with each command of an issuer to a meter; after `good_until` a command that comes in is refused."""

    id: Name
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    iss: Name
    aud: Name
    good_until: Moment


class Disconnect(_Command, frozen=True, tag="disconnect"):
    """Cut the site off."""


class Reconnect(_Command, frozen=True, tag="reconnect"):
    """Let the site be connected again; by the meter's mode at once, or when somebody there presses the button."""


class LimitLoad(_Command, frozen=True, tag="limit_load"):
    """Cut off who imports more than `import_max_w` for `over_s` without a break; in the place of any limit before.

    `until`: when the limit ends by itself (absent: when it is lifted). `reconnect_after_s`: the meter connects again by
    itself after so long, `attempts` times (absent: only the button does), where its mode lets it.
    """

    import_max_w: Annotated[float, Meta(gt=0.0, le=1e6)]
    over_s: Annotated[float, Meta(ge=1.0, le=86400.0)]
    until: Moment | None = None
    reconnect_after_s: Annotated[float, Meta(ge=1.0, le=86400.0)] | None = None
    attempts: Annotated[int, Meta(ge=1, le=100)] = 3


class LiftLimit(_Command, frozen=True, tag="lift_limit"):
    """No limit any more; a site that was cut off by it is connected with the button, or by `reconnect`."""


class SetTariff(_Command, frozen=True, tag="set_tariff"):
    """This tariff in the place of the calendar's, until it dies of age."""

    tariff: Tariff
    until: Moment


class FollowCalendar(_Command, frozen=True, tag="follow_calendar"):
    """The calendar decides again."""


class CalendarRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tariff from `begin` to `end`, local time, on some kinds of days in some months."""

    tariff: Tariff
    days: tuple[Day, ...] = DAYS
    begin: LocalTime = "00:00"
    end: LocalTime = "24:00"
    months: tuple[Annotated[int, Meta(ge=1, le=12)], ...] = tuple(range(1, 13))


class CalendarTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole calendar: the first rule that holds decides, `default` where none does."""

    zone: str
    default: Tariff = 1
    holidays: Annotated[tuple[date, ...], Meta(max_length=100)] = ()
    rules: Annotated[tuple[CalendarRule, ...], Meta(max_length=50)] = ()


class ReplaceCalendar(_Command, frozen=True, tag="replace_calendar"):
    """This calendar from a moment on, in the place of the one in the meter's configuration and of any before."""

    start: Moment
    calendar: CalendarTerms


class TestYourself(_Command, frozen=True, tag="self_test"):
    """Run the self-test and say what it found."""

    __test__ = False  # for pytest, which collects what begins so


Command = Disconnect | Reconnect | LimitLoad | LiftLimit | SetTariff | FollowCalendar | ReplaceCalendar | TestYourself


class CommandState(StrEnum):
    """Where a command stands."""

    RECEIVED = "received"
    REFUSED = "refused"
    DONE = "done"
    FAILED = "failed"


class CommandEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A state of a command. `reason` is a stable short word, `why` a sentence.

    `control`: the disconnect control's state afterwards; `connected`: what the relay itself says (absent: none, or not asked).
    """

    command: str | None
    do: str
    state: CommandState
    at: str
    clock: ClockStatus
    reason: str = ""
    why: str = ""
    control: str = ""
    connected: bool | None = None


def parse_command(payload: bytes) -> Command:
    """The command, every field checked; Refused `malformed` names the field, what it was and what is allowed."""
    try:
        command: Command = msgspec.json.decode(payload, type=Command)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed", f"command: {error}") from error
    return command


def name_of(command: Command) -> str:
    """What a command is called on the wire, such as `limit_load`."""
    return str(command.__struct_config__.tag)
