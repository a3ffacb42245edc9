"""`busbar contract new`: the terms of every product, from options."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec
import typer

from firmware_py.cli.options import BAD_INPUT, parse_duration, stop
from protocols.contracts import FallbackName, parse_contract, utc_text
from protocols.faults import Refused


class Product(StrEnum):
    """What can be traded."""

    DISPATCH = "dispatch"
    ENERGY = "energy"
    REPROFILE = "reprofile"
    OPTION = "option"
    LIMIT = "limit"


# The options of each product, by their field; all others go with every product.
_OWN: Final[Mapping[Product, tuple[str, ...]]] = {
    Product.DISPATCH: ("power_w", "settle_s", "ramp_w_per_s"),
    Product.ENERGY: ("energy_wh", "peer", "interval_s"),
    Product.REPROFILE: ("change_w", "interval_s", "baseline_w"),
    Product.OPTION: ("least_w", "most_w", "notice_s", "longest_s", "interval_s", "baseline_w"),
    Product.LIMIT: ("schedule", "default_import_w", "default_export_w"),
}
_LIMIT: Final = "For limit: "
Watts = float | None
BaselineW = Annotated[
    str | None, typer.Option("--baseline-w", help="For reprofile and option: 500,500,… one an interval.")
]
Step = Annotated[
    list[str] | None, typer.Option(help=_LIMIT + "START,IMPORT_W,EXPORT_W, such as +1h,4200,-; - is no limit.")
]
ToleranceW = Annotated[float, typer.Option("--tolerance-w", help="Deviation that still counts as delivered.")]
Hold = Annotated[str | None, typer.Option(help="How long it outlives the link to the broker; absent: to its end.")]
Fallback = Annotated[FallbackName, typer.Option(help="The state the site falls into.")]


def new(
    issuer: Annotated[str, typer.Option(help="Who signs it; on the node's trust list.")],
    node: Annotated[str, typer.Option(help="The node it is for.")],
    product: Annotated[Product, typer.Option(help="What is traded.")] = Product.DISPATCH,
    power_w: Annotated[Watts, typer.Option("--power-w", help="For dispatch: power, import positive.")] = None,
    settle: Annotated[str, typer.Option(help="For dispatch: time to get there before it counts.")] = "10s",
    ramp: Annotated[Watts, typer.Option("--ramp-w-per-s", help="For dispatch: how fast; absent: at once.")] = None,
    energy_wh: Annotated[Watts, typer.Option("--energy-wh", help="For energy: in each interval.")] = None,
    peer: Annotated[str | None, typer.Option(help="For energy: the other side.")] = None,
    change_w: Annotated[Watts, typer.Option("--change-w", help="For reprofile: against the baseline.")] = None,
    baseline_w: BaselineW = None,
    least_w: Annotated[Watts, typer.Option("--least-w", help="For option: the lowest change.")] = None,
    most_w: Annotated[Watts, typer.Option("--most-w", help="For option: the highest change.")] = None,
    notice: Annotated[str | None, typer.Option(help="For option: how long ahead a call comes.")] = None,
    longest: Annotated[str | None, typer.Option(help="For option: how long a call lasts at most.")] = None,
    interval: Annotated[str | None, typer.Option(help="For energy, reprofile and option; absent: 15m.")] = None,
    step: Step = None,
    default_import_w: Annotated[Watts, typer.Option("--default-import-w", help=_LIMIT + "after a lost link.")] = None,
    default_export_w: Annotated[Watts, typer.Option("--default-export-w", help=_LIMIT + "after a lost link.")] = None,
    duration: Annotated[str, typer.Option(help="How long, such as 15m.")] = "15m",
    start: Annotated[str, typer.Option(help="RFC 3339 with zone, or now, or a wait such as +30s.")] = "now",
    tolerance_w: ToleranceW = 100.0,
    hold: Hold = None,
    fallback: Fallback = FallbackName.SELF_CONSUMPTION,
    seq: Annotated[int | None, typer.Option(help="Sequence number; absent: the time in milliseconds.")] = None,
    name: Annotated[str | None, typer.Option("--id", help="The contract's id; absent: issuer and number.")] = None,
) -> None:
    """Print the terms of a contract as JSON, ready to be signed."""
    begin, end = window(start, duration)
    number = seq if seq is not None else number_now()
    given: dict[str, object] = {
        "power_w": power_w,
        "settle_s": parse_duration(settle) if product is Product.DISPATCH else None,
        "ramp_w_per_s": ramp,
        "energy_wh": energy_wh,
        "peer": peer,
        "change_w": change_w,
        "baseline_w": _powers(baseline_w),
        "least_w": least_w,
        "most_w": most_w,
        "notice_s": _span(notice),
        "longest_s": _span(longest),
        "interval_s": None if interval is None else round(parse_duration(interval)),
        "schedule": [_step(text) for text in step] if step else None,
        "default_import_w": default_import_w,
        "default_export_w": default_export_w,
    }
    own = _own(product, given)
    terms = {
        **_who(product, issuer, node, number, name),
        "start": utc_text(begin),
        "end": utc_text(end),
        "tolerance_w": tolerance_w,
        "hold_s": _span(hold),
        "fallback": fallback,
    }
    payload = msgspec.json.encode({**terms, **own})
    checked(payload, {**terms, **own})
    print(payload.decode())


def _who(product: Product, issuer: str, node: str, number: int, name: str | None) -> dict[str, object]:
    named = (name or f"{issuer}:{number}")[:64]
    return {"product": product, "id": named, "seq": number, "iss": issuer, "aud": node}


def _own(product: Product, given: Mapping[str, object]) -> dict[str, object]:
    """The options that were given, which must be those of the product."""
    own = {field: value for field, value in given.items() if value is not None}
    for field in own:
        if field not in _OWN[product]:
            allowed = ", ".join(_OWN[product])
            stop(f"--product {product}: {field} is of another product; its own are {allowed}", BAD_INPUT)
    return own


def _span(text: str | None) -> float | None:
    return None if text is None else parse_duration(text)


def _powers(text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(word) for word in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"--baseline-w {text!r}: powers with commas between are allowed") from None


def _step(text: str) -> dict[str, object]:
    """`START,IMPORT_W,EXPORT_W` as a step of a limit."""
    at, *limits = text.split(",")
    try:
        import_w, export_w = (None if word == "-" else float(word) for word in limits)
    except ValueError:
        raise typer.BadParameter(f"--step {text!r}: START,IMPORT_W,EXPORT_W is allowed, - for no limit") from None
    return {"at": utc_text(moment(at)), "import_limit_w": import_w, "export_limit_w": export_w}


def number_now() -> int:
    """A sequence number that rises by itself: the time in milliseconds."""
    return int(datetime.now(UTC).timestamp() * 1000)


def window(start: str, duration: str) -> tuple[datetime, datetime]:
    """From when to when."""
    try:
        begin = moment(start)
        return begin, begin + timedelta(seconds=parse_duration(duration))
    except OverflowError:
        stop(f"--start {start} --duration {duration}: must end before the year 10000", BAD_INPUT)


def moment(text: str) -> datetime:
    """`now`, `+30s` or RFC 3339 with a zone."""
    now = datetime.now(UTC)
    if text == "now":
        return now
    if text.startswith("+"):
        return now + timedelta(seconds=parse_duration(text[1:]))
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: RFC 3339, now or +30s is allowed") from error
    if found.tzinfo is None:
        raise typer.BadParameter(f"{text!r}: a zone such as Z is needed")
    return found


def checked(payload: bytes, terms: Mapping[str, object] | None = None) -> None:
    """End the command where the terms cannot be taken, naming the field and what it was."""
    try:
        parse_contract(payload)
    except Refused as refused:
        named = re.search(r"\$\.(\w+)", str(refused))
        was = f" ({named[1]} is {terms[named[1]]})" if named and terms is not None and named[1] in terms else ""
        stop(f"{refused}{was}", BAD_INPUT)
