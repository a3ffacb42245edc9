"""What others tell a node of the hours to come: prices, forecasts, and when the car has to leave.

A message is a compact JWS of type `busbar-outlook+jws`. `seq` rises with each message of an issuer to a node; `at` is when it
was made. Unlike an order a message may wait at the broker for a node that was away: it is old when what it speaks of is over.
Lists begin at `start`, a full five minutes, and have one value for each `step_s`.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from protocols.contracts import Moment, Name, utc_text
from protocols.faults import Refused
from protocols.quantities import QUANTITIES

# Four days in five minutes; day-ahead prices are a day, weather models worth a plan reach two or three.
MOST_STEPS: Final = 1152
# What a broker hands over at most is 64 KiB with its topic (`firmware_py.mqtt`).
MAX_OUTLOOK_BYTES: Final = 60 * 1024
# Finest step of a message, and what every start lies on.
CELL_S: Final = 300
# No currency has made a kWh cost more than this; what is absurd in its own currency the owner's `price_most` says.
PRICE_MOST_PER_KWH: Final = 100_000.0
# A charger may be told of at most so much: the largest batteries of lorries hold about 600 kWh.
NEEDS_MOST_WH: Final = 1e6
QUANTILES_MOST: Final = 19
_POWER_MAX_W: Final = QUANTITIES["power_w"].most

Price = Annotated[float, Meta(ge=-PRICE_MOST_PER_KWH, le=PRICE_MOST_PER_KWH)]
PriceList = Annotated[tuple[Price, ...], Meta(min_length=1, max_length=MOST_STEPS)]
ValueList = Annotated[tuple[float | None, ...], Meta(min_length=1, max_length=MOST_STEPS)]
StepS = Literal[300, 900, 3600]


class Kind(StrEnum):
    """What is forecast: power of what is not steered (W), what the modules could make (W, a magnitude), air outside (°C)."""

    LOAD = "load"
    PV = "pv"
    OUTDOOR = "outdoor"


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="say"):
    """What every message has."""

    iss: Name
    aud: Name
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    at: Moment


class Prices(Told, frozen=True, kw_only=True, tag="prices"):
    """What a kWh costs and what is paid for one, as the tariff's own factor and additions find it (absent: not said)."""

    start: Moment
    step_s: StepS
    import_per_kwh: PriceList
    export_per_kwh: PriceList | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "EUR"

    @property
    def end(self) -> datetime:
        """Where the last step ends."""
        return self.start + timedelta(seconds=self.step_s * len(self.import_per_kwh))


class Quantile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values that are not exceeded with this probability; null is a hole."""

    level: Annotated[float, Meta(gt=0.0, lt=1.0)]
    values: ValueList


class Forecast(Told, frozen=True, kw_only=True, tag="forecast"):
    """Means over steps, W or °C by kind, null where nothing is known; perhaps with quantiles, the lowest first."""

    kind: Kind
    start: Moment
    step_s: StepS
    values: ValueList
    quantiles: Annotated[tuple[Quantile, ...], Meta(max_length=QUANTILES_MOST)] = ()

    @property
    def end(self) -> datetime:
        """Where the last step ends."""
        return self.start + timedelta(seconds=self.step_s * len(self.values))


class Trip(Told, frozen=True, kw_only=True, tag="trip"):
    """The car at this charger leaves once at `departs` with `needs_wh` charged until then; absent: what was told is off."""

    charger: Name
    departs: Moment | None = None
    needs_wh: Annotated[float, Meta(ge=0.0, le=NEEDS_MOST_WH)] = 0.0
    returns: Moment | None = None

    @property
    def end(self) -> datetime | None:
        """When there is nothing more to it; None where it calls one off."""
        return self.departs


OutlookMessage = Prices | Forecast | Trip
_DECODER: Final[msgspec.json.Decoder[OutlookMessage]] = msgspec.json.Decoder(OutlookMessage)
_BOUNDS: Final = {
    Kind.LOAD: (-_POWER_MAX_W, _POWER_MAX_W, "W"),
    Kind.PV: (0.0, _POWER_MAX_W, "W"),
    Kind.OUTDOOR: (-90.0, 60.0, "°C"),
}


def say_of(told: OutlookMessage) -> str:
    """The word of its tag."""
    return str(told.__struct_config__.tag)


def parse_outlook(payload: bytes) -> OutlookMessage:
    """A message, every field checked; Refused: `malformed` names the field, `contradictory` what does not fit together."""
    try:
        told = _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError) as error:
        raise Refused("malformed", f"outlook: {error}") from error
    _dated("at", told.at)
    match told:
        case Prices():
            _aligned(told.start)
            _paired(told)
        case Forecast():
            _aligned(told.start)
            _forecast(told)
        case Trip(departs=departs, returns=returns):
            _dated("departs", departs)
            _dated("returns", returns)
            if returns is not None and (departs is None or returns <= departs):
                raise Refused("contradictory", f"returns {returns} must lie after departs {departs}")
    return told


def encode_outlook(told: OutlookMessage) -> bytes:
    """The JSON bytes an issuer signs."""
    return msgspec.json.encode(told)


def _dated(name: str, moment: datetime | None) -> None:
    # So far from either end of the calendar no sum of times overflows.
    if moment is not None and not 2000 <= moment.year < 2200:
        raise Refused("malformed", f"outlook: {name} {moment}: a year from 2000 to 2199 is allowed")


def _aligned(start: datetime) -> None:
    _dated("start", start)
    if start.timestamp() % CELL_S != 0:
        raise Refused("malformed", f"outlook: start {start}: a full five minutes is allowed")


def _paired(told: Prices) -> None:
    if told.export_per_kwh is not None and len(told.export_per_kwh) != len(told.import_per_kwh):
        raise Refused(
            "contradictory",
            f"{len(told.export_per_kwh)} export prices beside {len(told.import_per_kwh)} of import: as many are allowed",
        )


def _forecast(told: Forecast) -> None:
    if all(value is None for value in told.values):
        raise Refused("contradictory", f"forecast of {told.kind}: holes only, one value at least is needed")
    _bounded(told, "values", told.values)
    below: Quantile | None = None
    for each in told.quantiles:
        _bounded(told, f"quantile {each.level:g}", each.values)
        if len(each.values) != len(told.values):
            raise Refused(
                "contradictory",
                f"quantile {each.level:g} has {len(each.values)} values: {len(told.values)} are allowed",
            )
        if below is not None:
            _rising(below, each)
        below = each


def _bounded(told: Forecast, name: str, values: tuple[float | None, ...]) -> None:
    least, most, unit = _BOUNDS[told.kind]
    for step, value in enumerate(values):
        if value is not None and not least <= value <= most:
            raise Refused(
                "absurd",
                f"forecast of {told.kind}, {name}, step {step}: {value:g} {unit}; {least:g} to {most:g} {unit} is allowed",
            )


def _rising(below: Quantile, above: Quantile) -> None:
    if above.level <= below.level:
        raise Refused("contradictory", f"quantile {above.level:g} after {below.level:g}: they must rise")
    for step, (low, high) in enumerate(zip(below.values, above.values, strict=True)):
        if low is not None and high is not None and high < low:
            raise Refused(
                "contradictory",
                f"step {step}: quantile {above.level:g} is {high:g}, below the {low:g} of quantile {below.level:g}",
            )


def said_text(told: OutlookMessage) -> str:
    """What a message says, in a few words."""
    match told:
        case Prices(import_per_kwh=prices, currency=currency):
            span = f"{utc_text(told.start.astimezone(UTC))} to {utc_text(told.end)}"
            return f"prices {span}, {min(prices):g} to {max(prices):g} {currency} per kWh"
        case Forecast(kind=kind):
            return f"forecast of {kind} {utc_text(told.start)} to {utc_text(told.end)}"
        case Trip(charger=charger, departs=departs, needs_wh=needs_wh):
            when = "called off" if departs is None else f"at {utc_text(departs)} with {needs_wh:g} Wh"
            return f"trip of {charger} {when}"
