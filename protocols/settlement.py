"""The terms of settlement that stand in a contract: by which method, at which prices, in which intervals."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

Method = Literal["nomination", "x_of_y", "meter_before_after", "limit", "energy"]
METHODS: Final[tuple[Method, ...]] = ("nomination", "x_of_y", "meter_before_after", "limit", "energy")
# Beyond this a price is a slip of the pen, and what it is multiplied with still fits an exact decimal.
_PRICE_MOST: Final = Decimal(1_000_000)
_PRICE_DIGITS: Final = 9
_DAY_S: Final = 86_400

Span = Annotated[int, Meta(ge=0, le=_DAY_S)]
Days = Annotated[int, Meta(ge=1, le=60)]


class SettlementTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a contract is settled. Money is in `currency`, exact; spans are seconds; days are those of `time_zone`.

    `price_per_kwh` is paid for what was delivered, `penalty_per_kwh` taken for what was not (for a limit: for what was
    beyond it), `price_per_interval` paid for each interval in which a limit was kept, `availability_per_h` for each hour of an option.
    Method `energy` is that of trades: the price goes from who buys to who sells, the penalty is taken for what was off either
    way. `interval_s` counts from
    midnight UTC. `limit_side`: whether `power_w` bounds import from above or export from below.

    X of Y: of the last `days_y` eligible days (of the same kind where `same_kind`: Monday to Friday, or the weekend; never one
    of `exclude`; at most `lookback_days` back) the `days_x` that `pick` names; with `adjust_s`, scaled by the day's own load in so
    many seconds that end `adjust_gap_s` before the contract. Meter before and after: the mean of `before_s` before the
    contract, and of `after_s` after it where that is not 0.
    """

    method: Method
    price_per_kwh: Decimal = Decimal(0)
    penalty_per_kwh: Decimal = Decimal(0)
    price_per_interval: Decimal = Decimal(0)
    availability_per_h: Decimal = Decimal(0)
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "EUR"
    interval_s: Annotated[int, Meta(ge=1, le=_DAY_S)] = 900
    time_zone: str = "UTC"
    limit_side: Literal["import", "export"] | None = None
    days_x: Days = 10
    days_y: Days = 10
    pick: Literal["highest", "middle", "lowest"] = "highest"
    same_kind: bool = True
    exclude: tuple[date, ...] = ()
    lookback_days: Annotated[int, Meta(ge=1, le=366)] = 45
    adjust_s: Span = 0
    adjust_gap_s: Span = 0
    before_s: Annotated[int, Meta(ge=1, le=_DAY_S)] = 900
    after_s: Span = 0

    def __post_init__(self) -> None:
        """ValueError names the field, what it is and what is allowed."""
        for name in ("price_per_kwh", "penalty_per_kwh", "price_per_interval", "availability_per_h"):
            _price(name, getattr(self, name))
        if self.penalty_per_kwh < 0:
            raise ValueError(f"penalty_per_kwh is {self.penalty_per_kwh}: 0 and more is allowed")
        if _DAY_S % self.interval_s:
            raise ValueError(f"interval_s is {self.interval_s}: a day must be a whole number of intervals")
        if self.days_x > self.days_y:
            raise ValueError(f"days_x is {self.days_x}: at most days_y, {self.days_y}, is allowed")
        if (self.limit_side is None) == (self.method == "limit"):
            raise ValueError(f"limit_side is {self.limit_side}: import or export, with method limit and no other")
        zone(self.time_zone)


def zone(name: str) -> ZoneInfo:
    """The time zone of this name; ValueError where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"time_zone is {name[:64]!r}: a name such as Europe/Berlin is needed") from error


def _price(name: str, value: Decimal) -> None:
    if not value.is_finite() or abs(value) > _PRICE_MOST:
        raise ValueError(f"{name} is {value}: -{_PRICE_MOST} to {_PRICE_MOST} is allowed")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _PRICE_DIGITS:
        raise ValueError(f"{name} is {value}: at most {_PRICE_DIGITS} digits behind the point are allowed")
