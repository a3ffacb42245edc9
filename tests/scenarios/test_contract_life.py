"""The life of a contract from many hands: the zone's approval, the household's acceptance, changes, calls, and its end."""

import hashlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from controller.capacity import Capacity
from firmware_py.approver import WAITING, Approver
from protocols.actions import Accept, Action, Amend, Approve, Call, Cancel, Counter, Default, Settle, Supersede
from protocols.contracts import Option, encode_contract
from protocols.signing import sign
from sim_hardware.memory_broker import MemoryUplink
from tests.scenarios.film import Film, at
from tests.scenarios.keys import private_key
from tests.scenarios.stage import EPOCH, NODE, Setup, Stage, Step, signed, signed_deed
from tests.scenarios.words import (
    battery_gets,
    hears,
    last,
    load,
    meter_shows,
    node_begins,
    node_is_killed,
    sends,
    sun,
    writes,
)

TWO = Setup(devices=("grid", "battery"))
ZONE = Setup(devices=("grid", "battery"), approver={"of": ["dispatch"], "within_s": 20.0})
ASKED = Setup(devices=("grid", "battery"), issuers={"dso": {"consent": "asked"}, "owner": {"role": "household"}})
QUIET = (load(500), sun(0))


def does(kind: type[Action], **fields: Any) -> Step:
    """An issuer's next message about a contract."""
    return lambda stage: stage.send(signed_deed(stage.deed(kind, **fields)))


def zone_answers(cap_w: float) -> Step:
    """An approving party with a power cap joins the broker."""

    def step(stage: Stage) -> None:
        uplink = MemoryUplink(stage.broker, "zone", (WAITING,))
        party = Approver("zone", private_key("zone"), Capacity(cap_w), stage.clock)
        stage.beside(uplink.run(), "zone link")
        stage.beside(party.run(uplink), "zone")

    return step


def hash_of(stage: Stage, number: int = 0) -> str:
    return hashlib.sha256(stage.sent[number]).hexdigest()


def approves(verdict: str, on: int = 0, **fields: Any) -> Step:
    return lambda stage: does(
        Approve, by="zone", sha256=hash_of(stage, on), verdict=verdict, contract="dso-1", **fields
    )(stage)


def with_terms(kind: type[Action], contract: str, by: str = "dso", **terms: Any) -> Step:
    """A message that brings terms; they have its number."""

    def step(stage: Stage) -> None:
        given = {"start_s": 10.0, "end_s": 60.0, "settle_s": 5.0, **terms}
        new = stage.contract(by=by, **given)
        stage.send(
            signed_deed(kind(seq=new.seq, iss=by, aud=NODE, contract=contract, terms=new))  # type: ignore[call-arg]
        )

    return step


def test_the_zone_leaves_less_power_and_the_meter_shows_it(film: Film) -> None:
    stage = film(
        at(0, *QUIET, zone_answers(1200)),
        at(3, sends(power_w=1500, start_s=10, end_s=60, settle_s=5)),
        at(5, hears("received", "agreed", "received", "approved(partly)", "accepted")),
        at(30, hears("written", "observed"), meter_shows(1200)),
        at(65, hears("expired(delivered)")),
        setup=ZONE,
    )
    assert "power cap of 1200 W" in last(stage, "approved").why


def test_what_the_zone_refuses_never_reaches_a_device(film: Film) -> None:
    refused = at(5, hears("received", "agreed", "received", "refused(zone)"))
    stage = film(at(0, *QUIET), at(3, sends(power_w=1500, start_s=6, end_s=60)), at(4, approves("refused", binding="line 7")), refused, at(40, hears(), meter_shows(0)), setup=ZONE)  # fmt: skip
    assert "line 7 binds" in last(stage, "refused").why
    assert writes(stage) == writes(film(at(0, *QUIET), at(40), setup=ZONE))


def test_a_zone_that_is_silent_means_no(film: Film) -> None:
    film(
        at(0, *QUIET),
        at(3, sends(power_w=1500, start_s=6, end_s=60)),
        at(22, hears("received", "agreed"), meter_shows(0)),
        at(25, hears("refused(unapproved)"), approves("full")),
        at(40, hears("received", "refused(late)"), meter_shows(0)),
        setup=ZONE,
    )


def test_an_approval_that_overtakes_its_contract_waits_for_it(film: Film) -> None:
    """Also through a kill: both the early message and the number that it used up are on disk."""

    def makes(stage: Stage) -> None:
        stage.sent.append(signed(stage.contract(start_s=10, end_s=60, power_w=1500)))

    film(
        at(0, *QUIET),
        at(2, makes, approves("full")),
        at(3, hears("received", "received(early)"), node_is_killed),
        at(4, node_begins),
        at(6, lambda stage: stage.send(stage.sent[0])),
        at(8, hears("received", "agreed", "approved(full)", "accepted"), lambda stage: stage.send(stage.sent[1])),
        at(9, hears("received", "refused(sequence)")),
        at(30, hears("written", "observed"), meter_shows(1500)),
        setup=ZONE,
    )


def test_a_contract_that_waits_for_the_zone_still_waits_after_a_kill(film: Film) -> None:
    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=10, end_s=60)),
        at(4, hears("received", "agreed"), node_is_killed),
        at(6, node_begins),
        at(8, approves("full")),
        at(9.5, hears("received", "approved(full)", "accepted")),
        at(30, hears("written", "observed"), meter_shows(1500)),
        setup=ZONE,
    )


def test_cancelled_in_force_ends_at_once(film: Film) -> None:
    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=5, end_s=100)),
        at(20, hears("received", "accepted", "written", "observed"), does(Cancel, contract="dso-1", why="sold out")),
        at(24, hears("received", "cancelled"), battery_gets(-500)),
        at(26, does(Cancel, contract="dso-1")),
        at(28, hears("received", "refused(late)")),
        setup=TWO,
    )


def test_amended_in_force_is_followed_or_left_alone(film: Film) -> None:
    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=10, end_s=60)),
        at(20, hears("received", "accepted", "written", "observed")),
        at(21, with_terms(Amend, "dso-1", id="dso-1", power_w=99_000.0)),
        at(30, hears("received", "refused(out_of_range)"), meter_shows(1500)),
        at(31, with_terms(Amend, "dso-1", id="dso-1", power_w=900.0, settle_s=10.0)),
        at(45, hears("received", "amended", "accepted(amended)", "written", "observed"), meter_shows(900)),
        at(65, hears("expired(delivered)")),
        setup=TWO,
    )


def test_superseded_by_name(film: Film) -> None:
    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=10, end_s=60)),
        at(5, hears("received", "accepted"), with_terms(Supersede, "dso-1", power_w=800.0, start_s=30.0)),
        at(25, meter_shows(1500)),
        at(45, hears("received", "accepted", "written", "observed", "expired(delivered)", "written", "observed")),
        at(46, meter_shows(800)),
        setup=TWO,
    )


def test_a_proposal_waits_for_the_household(film: Film) -> None:
    def accepts(stage: Stage) -> None:
        does(Accept, by="owner", contract="dso-1", sha256=hash_of(stage))(stage)

    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=5, end_s=60)),
        at(20, hears("received", "proposed"), meter_shows(0), accepts),
        at(35, hears("received", "accepted", "written", "observed"), meter_shows(1500)),
        setup=ASKED,
    )


def test_a_counter_offer_is_a_proposal_to_the_issuer(film: Film) -> None:
    def accepts(stage: Stage) -> None:
        does(Accept, contract="owner-1", sha256=hash_of(stage, 1))(stage)

    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=10, end_s=60)),
        at(4, hears("received", "proposed"), with_terms(Counter, "dso-1", by="owner", power_w=700.0)),
        at(6, hears("received", "proposed"), accepts),
        at(8, hears("received", "accepted", "expired")),
        at(30, hears("written", "observed"), meter_shows(700)),
        setup=ASKED,
    )


@pytest.mark.parametrize(("by", "said"), [("owner", "refused(declined)"), ("dso", "cancelled")])
def test_declined_or_withdrawn(film: Film, by: str, said: str) -> None:
    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=5, end_s=60)),
        at(4, does(Cancel, by=by, contract="dso-1")),
        at(30, hears("received", "proposed", "received", said), meter_shows(0)),
        setup=ASKED,
    )


def option(stage: Stage) -> None:
    """An option on 0 to 2 kW, ten seconds ahead, for a minute at most."""
    stage.last_seq["dso"] += 1
    start, end = (EPOCH + timedelta(seconds=each) for each in (20, 320))
    terms = Option(
        id="dso-1",
        seq=stage.last_seq["dso"],
        iss="dso",
        aud=NODE,
        start=start,
        end=end,
        least_w=0.0,
        most_w=2000.0,
        notice_s=10.0,
        longest_s=60.0,
        interval_s=60,
    )
    stage.send(sign(encode_contract(terms), private_key("dso")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "called"),
        ({"start": EPOCH + timedelta(seconds=21)}, "refused(notice)"),
        ({"duration_s": 61.0}, "refused(window)"),
        ({"start": EPOCH + timedelta(seconds=300)}, "refused(window)"),
        ({"change_w": -1.0}, "refused(out_of_range)"),
    ],
)
def test_an_option_is_called_within_its_terms(film: Film, change: dict[str, Any], said: str) -> None:
    call = {"start": EPOCH + timedelta(seconds=40), "duration_s": 60.0, "change_w": 1000.0, **change}
    film(
        at(0, *QUIET),
        at(2, option),
        at(15, does(Call, contract="dso-1", **call)),
        at(18, hears("received", "accepted", "received", said)),
        setup=TWO,
    )


def test_what_has_ended_is_settled_or_defaulted_once(film: Film) -> None:
    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=5, end_s=30)),
        at(35, hears("received", "accepted", "written", "observed", "expired(delivered)")),
        at(36, does(Default, by="aggregator", contract="dso-1", party="dso", why="not paid")),
        at(38, hears("received", "refused(party)")),
        at(39, does(Settle, contract="dso-1", amount_due=Decimal("0.02"), currency="EUR", sha256="0" * 64)),
        at(41, hears("received", "settled"), does(Default, contract="dso-1", party=NODE, why="late regret")),
        at(43, hears("received", "refused(late)")),
        setup=TWO,
    )


def test_a_party_defaults_by_name(film: Film) -> None:
    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=5, end_s=90)),
        at(20, hears("received", "accepted", "written", "observed")),
        at(21, does(Default, contract="dso-1", party=NODE, why="meter manipulated")),
        at(25, hears("received", "defaulted(home-1)"), battery_gets(-500)),
        setup=TWO,
    )


def test_the_same_message_again_is_told_what_it_was_told(film: Film) -> None:
    stage = film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=5, end_s=60)),
        at(20, hears("received", "accepted", "written", "observed"), lambda stage: stage.send(stage.sent[0])),
        at(22, hears("received", "refused(sequence)"), meter_shows(1500)),
        setup=TWO,
    )
    assert last(stage, "refused").answered == "accepted"


def test_ids_are_kept_when_a_contract_is_over(film: Film) -> None:
    film(
        at(0, *QUIET),
        at(2, sends(power_w=1500, start_s=5, end_s=30)),
        at(35, hears("received", "accepted", "written", "observed", "expired(delivered)")),
        at(36, sends(power_w=1500, start_s=40, end_s=90, id="dso-1")),
        at(50, hears("received", "refused(duplicate)"), meter_shows(0)),
        setup=TWO,
    )
