"""What must not pass of messages about contracts: refused with its reason, and no device is written otherwise than without it."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from protocols.actions import Action, Amend, Approve, Call, Cancel, Default, Settle, encode_action
from protocols.contracts import Limit, Step, encode_contract
from protocols.signing import CONTRACT, DEED, sign
from tests.scenarios.film import Film, Row, at
from tests.scenarios.keys import private_key
from tests.scenarios.stage import EPOCH, NODE, Setup, Stage, signed, signed_deed
from tests.scenarios.words import Writes, clock_steps, hears, load, meter_shows, sends, sun, writes

Make = Callable[[Stage], bytes]
HOUR_S = 3600.0
ROLES = Setup(
    devices=("grid", "battery"),
    issuers={"dso": {"role": "grid"}, "aggregator": {"role": "market"}, "owner": {"role": "household"}},
    approver={"of": ["energy"]},
)


def deed(kind: type[Action] = Cancel, key: str | None = None, **fields: Any) -> Make:
    """A message that would end or change the contract in force, but for these fields (or signed with another key)."""
    return lambda stage: signed_deed(stage.deed(kind, **{"contract": "dso-1", **fields}), key)


def amended(**terms: Any) -> Make:
    def make(stage: Stage) -> bytes:
        given = {"id": "dso-1", "start_s": 3.0, "end_s": 20.0, "power_w": -3000.0, "settle_s": 5.0, **terms}
        new = stage.contract(**given)
        return signed_deed(Amend(seq=new.seq, iss=new.iss, aud=new.aud, contract="dso-1", terms=new))

    return make


def limit(by: str) -> Make:
    """Terms of a limit to 0 W."""

    def make(stage: Stage) -> bytes:
        like = stage.contract(by=by, start_s=12, end_s=40, power_w=0.0)
        steps = (Step(at=like.start, import_limit_w=0.0),)
        terms = Limit(id="stop", seq=like.seq, iss=by, aud=NODE, start=like.start, end=like.end, schedule=steps)
        return sign(encode_contract(terms), private_key(by))

    return make


def by_the_approver(stage: Stage) -> bytes:
    return signed(stage.contract(by="zone", start_s=12, end_s=40, power_w=-3000.0))


def in_the_clothes_of(kind: str) -> Make:
    """A cancellation under the header of another kind."""
    return lambda stage: sign(encode_action(stage.deed(Cancel, contract="dso-1")), private_key("dso"), kind)


def of_another_number(stage: Stage) -> bytes:
    new = stage.contract(id="dso-1", start_s=3, end_s=20, power_w=1.0)
    payload = encode_action(Amend(seq=new.seq, iss="dso", aud=NODE, contract="dso-1", terms=new))
    told = b'"seq":%d' % new.seq
    assert told in payload
    return sign(payload.replace(told, b'"seq":99', 1), private_key("dso"), DEED)


NOBODY: dict[str, Any] = {"sha256": "0" * 64, "verdict": "full"}
PAID: dict[str, Any] = {"amount_due": Decimal(1), "currency": "EUR", "sha256": "0" * 64}
NOT_EVEN_RECEIVED: dict[str, tuple[Make, str]] = {
    "a key nobody knows": (deed(key="stranger"), "unknown_key"),
    "in the clothes of a contract": (in_the_clothes_of(CONTRACT), "malformed"),
    "an approval in other clothes": (
        lambda stage: sign(
            encode_action(stage.deed(Approve, by="zone", contract="dso-1", **NOBODY)), private_key("zone"), DEED
        ),
        "malformed",
    ),
    "terms of another number": (of_another_number, "malformed"),
}
NOT_DONE: dict[str, tuple[Make, str]] = {
    "cancelled by another": (deed(by="aggregator"), "party"),
    "cancelled by the household": (deed(by="owner"), "party"),
    "with the key of another": (deed(key="aggregator"), "issuer"),
    "for another node": (deed(aud="home-2"), "audience"),
    "a number that is used up": (deed(seq=1), "sequence"),
    "too late": (deed(until=EPOCH + timedelta(seconds=10)), "expired"),
    "a limit of a market": (limit("aggregator"), "role"),
    "a contract of the approver": (by_the_approver, "role"),
    "a cancellation by the approver": (deed(by="zone"), "role"),
    "an approval of an issuer": (deed(Approve, **NOBODY), "role"),
    "settled by the household": (deed(Settle, by="owner", **PAID), "role"),
    "settled before its end": (deed(Settle, **PAID), "state"),
    "a call of a dispatch": (deed(Call, start=EPOCH, duration_s=5.0, change_w=100.0), "product"),
    "amended beyond the connection": (amended(power_w=-10_001.0), "out_of_range"),
    "amended into the past": (amended(start_s=-90.0, end_s=-30.0), "window"),
    "amended by another": (amended(by="aggregator"), "party"),
    "a default of a stranger": (deed(Default, by="aggregator", party="dso", why="no"), "party"),
}


def in_force(*bad: Row) -> tuple[Row, ...]:
    """A contract from 3 to 20 s, and what is tried between 10 and 19."""
    return (
        at(0, load(500), sun(0)),
        at(1, sends(power_w=1500, start_s=3, end_s=20, settle_s=5)),
        at(10, hears("received", "accepted", "written", "observed")),
        *bad,
        at(19.5, meter_shows(1500)),
        at(23, hears("expired(delivered)")),
    )


@pytest.fixture(scope="module")
def undisturbed(films: Film) -> Writes:
    """What is written to the devices when nobody tries anything."""
    return writes(films(*in_force(), setup=ROLES))


@pytest.mark.parametrize("case", NOT_EVEN_RECEIVED)
def test_what_is_not_authentic_is_refused_unread(film: Film, undisturbed: Writes, case: str) -> None:
    make, reason = NOT_EVEN_RECEIVED[case]
    bad = at(11, lambda stage: stage.send(make(stage))), at(13, hears(f"refused({reason})"))
    assert writes(film(*in_force(*bad), setup=ROLES)) == undisturbed


@pytest.mark.parametrize("case", NOT_DONE)
def test_what_its_sender_may_not_do_is_refused(film: Film, undisturbed: Writes, case: str) -> None:
    make, reason = NOT_DONE[case]
    bad = at(11, lambda stage: stage.send(make(stage))), at(13, hears("received", f"refused({reason})"))
    assert writes(film(*in_force(*bad), setup=ROLES)) == undisturbed


def test_a_gap_in_the_numbers_is_allowed_and_said(film: Film) -> None:
    """What is missing may still be on its way, and is taken when it comes; the film's own numbers begin at 1."""

    def leaves_two_out(stage: Stage) -> None:
        stage.last_seq["dso"] += 2
        sends(power_w=1500, start_s=20, end_s=40)(stage)
        assert stage.last_seq["dso"] == 4

    stage = film(
        at(0, load(500), sun(0)),
        at(1, sends(power_w=900, start_s=50, end_s=90)),
        at(3, hears("received", "accepted"), leaves_two_out),
        at(5, hears("received", "accepted")),
        at(6, lambda stage: stage.send(signed(stage.contract(start_s=100, end_s=130, power_w=1.0, seq=2, id="late")))),
        at(8, hears("received", "accepted")),
        setup=ROLES,
    )
    said = [event.why for event in stage.head_end.contract_events if event.state == "received"]
    assert said == ["from dso, sequence 1", "from dso, sequence 4 after 1", "from dso, sequence 2"]


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_clock_that_steps_makes_no_old_message_new(film: Film, undisturbed: Writes, step_s: float) -> None:
    """What was refused or is in force is known by its number, whatever the time is said to be."""
    stage = film(
        *in_force(
            at(11, lambda stage: stage.send(deed(until=EPOCH)(stage))),
            at(12, hears("received", "refused(expired)"), clock_steps(step_s)),
            at(13, lambda stage: stage.send(stage.sent[0]), lambda stage: stage.send(stage.sent[1])),
            at(15, hears("received", "refused(sequence)", "received", "refused(sequence)")),
        ),
        setup=ROLES,
    )
    assert writes(stage) == undisturbed


def test_a_message_about_nothing_is_given_up(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(1, lambda stage: stage.send(deed(contract="never")(stage))),
        at(3, hears("received", "received(early)")),
        at(600, hears()),
        at(604, hears("refused(unknown)")),
        setup=Setup(devices=("grid",)),
    )
