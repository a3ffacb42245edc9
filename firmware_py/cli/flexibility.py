"""`busbar flexibility`: what a node offers now, as a zone or an aggregator sees it."""

from collections.abc import Iterator
from datetime import UTC, datetime

from firmware_py.cli.options import FAULT, Json, stop
from firmware_py.cli.plan import retained
from firmware_py.cli.speaker import BrokerUrl, Node, PasswordFile, Username
from protocols.faults import Refused
from protocols.flexibility import Flexibility, Offer, parse_flexibility
from protocols.topics import Topics


def flexibility(
    node: Node, broker: BrokerUrl, username: Username = None, password_file: PasswordFile = None, as_json: Json = False
) -> None:
    """Show how far a node offers to leave its plan, when, and at what price; exit code 1 where it says nothing of that."""
    body = retained(broker, Topics(node).flexibility, (username, password_file))
    if body is None:
        stop(f"node {node} says nothing of offers at {broker}; [plan] offers = true makes it", FAULT)
    try:
        told = parse_flexibility(body)
    except Refused as refused:
        stop(f"node {node}: {refused}", FAULT)
    if as_json:
        print(body.decode())
        return
    for line in lines(told):
        print(line)


def lines(told: Flexibility) -> Iterator[str]:
    """A table of the offers; times in UTC, powers in W."""
    until = "" if not told.offers else f", to be bought until {_clock(told.good_until)}"
    yield f"{told.node}: offers of {told.made_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC{until}"
    yield from (f"  {note}" for note in told.notes)
    if not told.offers:
        yield "nothing is offered"
        return
    store = told.store
    yield f"  could take in {store.energy_up_wh:.0f} Wh and do without {store.energy_down_wh:.0f} Wh"
    yield f"{'from':<14}{'to':>6}{'plan':>9}{'up':>9}{'per kWh':>9}{'down':>9}{'per kWh':>9}"
    for offer in told.offers:
        plan_w = sum(offer.baseline_w) / max(len(offer.baseline_w), 1)
        yield (
            f"{offer.start.astimezone(UTC):%d %b %H:%M}  {_clock(offer.end):>6}{plan_w:>9.0f}"
            f"{offer.up_w:>9.0f}{_price(offer, offer.up_w):>9}{offer.down_w:>9.0f}{_price(offer, -offer.down_w):>9}"
        )


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M}"


def _price(offer: Offer, change_w: float) -> str:
    """Of the whole change; a dash where there is none."""
    asked = (level.price_per_kwh for level in offer.levels if level.change_w == change_w)
    return next((f"{price:.3f}" for price in asked), "-")
