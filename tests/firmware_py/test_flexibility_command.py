"""What `busbar flexibility` prints of a message."""

from datetime import UTC, datetime, timedelta

import msgspec

from firmware_py.cli.flexibility import lines
from protocols.flexibility import EquivalentStore, Flexibility, Level, Offer

START = datetime(2026, 6, 21, 10, 15, tzinfo=UTC)
LEVELS = (Level(6233.0, 0.1, 0.022), Level(3116.5, 0.05, 0.015), Level(-3233.0, 0.7, 0.22))
TOLD = Flexibility(
    node="home-1",
    made_at=datetime(2026, 6, 21, 10, 0, 31, tzinfo=UTC),
    good_until=START,
    store=EquivalentStore(5_200.4, 3_100.0, 0.01),
    offers=(Offer(START, START + timedelta(hours=1), 900, (100.0, 300.0, -200.0, 600.0), 6233.0, 3233.0, LEVELS),),
    notes=("battery: its state is not known, it is left out",),
)


def test_a_table_of_offers() -> None:
    assert list(lines(TOLD)) == [
        "home-1: offers of 2026-06-21 10:00:31 UTC, to be bought until 10:15",
        "  battery: its state is not known, it is left out",
        "  could take in 5200 Wh and do without 3100 Wh",
        "from              to     plan       up  per kWh     down  per kWh",
        "21 Jun 10:15   11:15      200     6233    0.022     3233    0.220",
    ]


def test_a_way_without_an_offer_has_a_dash() -> None:
    offer = msgspec.structs.replace(TOLD.offers[0], down_w=0.0, levels=LEVELS[1:2])
    (*_, row) = lines(msgspec.structs.replace(TOLD, offers=(offer,)))
    assert row.split()[5:] == ["6233", "-", "0", "-"]


def test_nothing() -> None:
    none = msgspec.structs.replace(TOLD, offers=(), notes=("no plan yet",))
    assert list(lines(none))[1:] == ["  no plan yet", "nothing is offered"]
