"""The message of what a site offers, and the contracts that buy from it."""

from datetime import UTC, datetime

import pytest

from protocols.contracts import encode_contract, parse_contract
from protocols.faults import Refused
from protocols.flexibility import (
    EquivalentStore,
    Flexibility,
    Level,
    Offer,
    encode_flexibility,
    option_of,
    parse_flexibility,
    reprofile_of,
)

OFFER = Offer(
    datetime(2026, 3, 10, 12, 0, tzinfo=UTC), datetime(2026, 3, 10, 12, 30, tzinfo=UTC), 900, (500.0, -200.0), 3_000.0,
    1_200.0, (Level(3_000.0, 0.21, 0.16), Level(-1_200.0, 0.09, 0.17)),
)  # fmt: skip
TOLD = Flexibility(
    node="home-1", made_at=datetime(2026, 3, 10, 11, 46, tzinfo=UTC), good_until=datetime(2026, 3, 10, 12, 0, tzinfo=UTC),
    store=EquivalentStore(8_000.0, 2_500.0, 0.01), offers=(OFFER,),
)  # fmt: skip


def test_it_comes_back_as_it_was_sent() -> None:
    assert parse_flexibility(encode_flexibility(TOLD)) == TOLD
    assert (OFFER.up_wh, OFFER.down_wh) == (1_500.0, 600.0)


@pytest.mark.parametrize(
    ("good", "bad", "field"),
    [
        (b'"up_w":3000.0', b'"up_w":-1', "up_w"),
        (b'"leaks_per_h":0.01', b'"leaks_per_h":-0.1', "leaks_per_h"),
        (b'"interval_s":900', b'"interval_s":1', "interval_s"),
        (b'"node":"home-1"', b'"node":"a b"', "node"),
        (b'"good_until":"2026-03-10T12:00:00Z"', b'"good_until":"2026-03-10T12:00:00"', "good_until"),
    ],
)
def test_what_cannot_be_is_refused_by_name(good: bytes, bad: bytes, field: str) -> None:
    payload = encode_flexibility(TOLD)
    assert good in payload
    with pytest.raises(Refused, match=rf"flexibility: .*{field}"):
        parse_flexibility(payload.replace(good, bad))


def test_an_offer_becomes_a_contract_that_counts_from_the_same_plan() -> None:
    bought = reprofile_of(OFFER, -800.0, contract="r1", seq=1, issuer="agg", node="home-1")
    assert (bought.start, bought.end, bought.change_w) == (OFFER.start, OFFER.end, -800.0)
    assert (bought.baseline_w, bought.interval_s) == ((500.0, -200.0), 900)
    assert parse_contract(encode_contract(bought)) == bought
    right = option_of(OFFER, -1_200.0, 3_000.0, contract="o1", seq=2, issuer="agg", node="home-1", notice_s=300.0)
    assert (right.least_w, right.most_w, right.notice_s, right.baseline_w) == (
        -1_200.0,
        3_000.0,
        300.0,
        (500.0, -200.0),
    )
    assert parse_contract(encode_contract(right)) == right


@pytest.mark.parametrize("change_w", [3_010.0, -1_210.0])
def test_more_than_is_offered_cannot_be_bought(change_w: float) -> None:
    with pytest.raises(Refused, match=r"offered are -1200 to \+3000 W"):
        reprofile_of(OFFER, change_w, contract="r1", seq=1, issuer="agg", node="home-1")
    with pytest.raises(Refused, match="from 2026-03-10T12:00"):
        option_of(OFFER, min(change_w, 0.0), max(change_w, 0.0), contract="o", seq=1, issuer="agg", node="home-1")
