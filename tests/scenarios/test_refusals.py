"""What must not pass: each message is refused with its reason, and the contract in force does not notice."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from firmware_py.home.contracts import STRANGERS
from protocols.contracts import encode_contract
from protocols.signing import sign
from tests.scenarios.film import Film, Row, at
from tests.scenarios.keys import private_key
from tests.scenarios.stage import Setup, Stage, Step, signed
from tests.scenarios.words import (
    Writes,
    battery_gets,
    hears,
    link_is_back,
    link_is_cut,
    load,
    meter_shows,
    node_begins,
    node_stops,
    sends,
    sun,
    writes,
)

Make = Callable[[Stage], bytes]
DAY_S = 86_400.0


def like(key: str | None = None, **other: Any) -> Make:
    """A contract that would turn the one in force round, but for these terms (and signed with the key of this name)."""
    given = {"power_w": -3000.0, "start_s": 12.0, "end_s": 40.0, **other}
    return lambda stage: signed(stage.contract(**given), key)


def text(old: str, new: str) -> Make:
    """Truly signed, with a part of its JSON replaced."""

    def make(stage: Stage) -> bytes:
        payload = encode_contract(stage.contract(power_w=-3000.0, start_s=12, end_s=40))
        assert old.encode() in payload, f"no {old} in {payload!r}"
        return sign(payload.replace(old.encode(), new.encode()), private_key("dso"))

    return make


def raw(payload: bytes) -> Make:
    """These bytes."""
    return lambda stage: payload


def forged(stage: Stage) -> bytes:
    """The header and signature of the message in force round another payload."""
    header, _, signature = stage.sent[0].split(b".")
    return b".".join((header, like()(stage).split(b".")[1], signature))


def headed(**header: object) -> Make:
    """The message in force under another header."""

    def make(stage: Stage) -> bytes:
        old, payload, signature = stage.sent[0].split(b".")
        new = {**json.loads(base64.urlsafe_b64decode(old + b"==")), **header}
        return b".".join((base64.urlsafe_b64encode(json.dumps(new).encode()).rstrip(b"="), payload, signature))

    return make


# Refused before anything of it is believed.
NOT_EVEN_RECEIVED: dict[str, tuple[Make, str]] = {
    "another payload under the same signature": (forged, "signature"),
    "cut off": (lambda stage: like()(stage)[:-4], "signature"),
    "a key nobody knows": (like("stranger"), "unknown_key"),
    "algorithm none": (headed(alg="none"), "signature"),
    "algorithm HS256": (headed(alg="HS256"), "signature"),
    "algorithm is a list": (headed(alg=["Ed25519"]), "signature"),
    "critical header": (headed(crit=["exp"], exp=1), "signature"),
    "critical header of nothing": (headed(crit=[None]), "signature"),
    "unencoded payload": (headed(b64=False, crit=["b64"]), "signature"),
    "key is a number": (headed(kid=7), "malformed"),
    "another type": (headed(typ="JWT"), "malformed"),
    "empty": (raw(b""), "malformed"),
    "noise": (raw(bytes(range(256))), "malformed"),
    "plain JSON": (raw(b'{"power_w": -3000}'), "malformed"),
    "header is a list": (raw(b"W10.e30.AAAA"), "malformed"),
    "header is nested deeply": (raw(base64.urlsafe_b64encode(b"[" * 9000) + b".e30.AAAA"), "malformed"),
    "16 KiB and a byte": (lambda stage: like()(stage).ljust(16 * 1024 + 1, b"A"), "too_large"),
    "10 MB": (raw(b"A" * 10_000_000), "too_large"),
    "NaN": (text('"power_w":-3000.0', '"power_w":NaN'), "malformed"),
    "Infinity": (text('"power_w":-3000.0', '"power_w":-Infinity'), "malformed"),
    "1e999": (text('"power_w":-3000.0', '"power_w":1e999'), "malformed"),
    "a power in quotation marks": (text('"power_w":-3000.0', '"power_w":"-3000"'), "malformed"),
    "a power that is true": (text('"power_w":-3000.0', '"power_w":true'), "malformed"),
    "no power": (text('"power_w":-3000.0,', ""), "malformed"),
    "10 MW": (text('"power_w":-3000.0', '"power_w":-1e7'), "malformed"),
    "an unknown term": (text('"power_w":', '"urgent":1,"power_w":'), "malformed"),
    "a time without zone": (text('12Z","end"', '12","end"'), "malformed"),
    "a sequence of 0": (text('"seq":2', '"seq":0'), "malformed"),
    "a sequence beyond all": (text('"seq":2', '"seq":' + "9" * 400), "malformed"),
    "a name with a slash": (text('"dso-2"', '"../dso"'), "malformed"),
    "a name of half a character": (text('"dso-2"', '"\\ud800"'), "malformed"),
}
# Authentic, and still not to be done.
NOT_ACCEPTED: dict[str, tuple[Make, str]] = {
    "an issuer with the key of another": (like("aggregator"), "issuer"),
    "for another node": (like(aud="home-2"), "audience"),
    "replayed": (lambda stage: stage.sent[0], "sequence"),
    "a sequence that fell": (like(seq=1, id="older"), "sequence"),
    "over before it came": (like(start_s=-100.0, end_s=-50.0), "window"),
    "ends before it starts": (like(start_s=40.0, end_s=30.0), "window"),
    "no time to settle": (like(start_s=15.0, end_s=25.0), "window"),
    "in 32 days": (like(start_s=32 * DAY_S, end_s=32 * DAY_S + 60), "window"),
    "in the year 9999": (
        like(start=datetime(9999, 12, 31, 22, tzinfo=UTC), end=datetime.max.replace(tzinfo=UTC)),
        "window",
    ),
    "in the year 1": (like(start=datetime.min.replace(tzinfo=UTC), end=datetime(1, 1, 2, tzinfo=UTC)), "window"),
    "for eight days": (like(start_s=15.0, end_s=8 * DAY_S), "window"),
    "more export than the connection allows": (like(power_w=-10_001.0), "out_of_range"),
    "more import than the connection allows": (like(power_w=17_001.0), "out_of_range"),
    "over that of another issuer": (like(by="aggregator"), "overlap"),
    "an id that is taken": (like(id="dso-1"), "duplicate"),
}


TWO = Setup(devices=("grid", "battery"))


def in_force(*bad: Row) -> tuple[Row, ...]:
    """A contract from 3 to 20 s, and what is tried between 10 and 19."""
    return (
        at(0, load(500), sun(0)),
        at(1, sends(power_w=1500, start_s=3, end_s=20, settle_s=5)),
        at(10, hears("received", "accepted", "written", "observed")),
        *bad,
        at(19.5, meter_shows(1500)),
        at(23, hears("expired(delivered)"), battery_gets(-500)),
    )


@pytest.fixture(scope="module")
def undisturbed(films: Film) -> Writes:
    """What is written to the devices when nobody tries anything."""
    return writes(films(*in_force(), setup=TWO))


def sent(make: Make) -> Step:
    return lambda stage: stage.send(make(stage))


@pytest.mark.parametrize("case", NOT_EVEN_RECEIVED)
def test_what_is_not_authentic_is_refused_unread(film: Film, undisturbed: Writes, case: str) -> None:
    make, reason = NOT_EVEN_RECEIVED[case]
    stage = film(*in_force(at(11, sent(make)), at(13, hears(f"refused({reason})"))), setup=TWO)
    assert writes(stage) == undisturbed


@pytest.mark.parametrize("case", NOT_ACCEPTED)
def test_what_is_authentic_and_wrong_is_refused(film: Film, undisturbed: Writes, case: str) -> None:
    make, reason = NOT_ACCEPTED[case]
    stage = film(*in_force(at(11, sent(make)), at(13, hears("received", f"refused({reason})"))), setup=TWO)
    assert writes(stage) == undisturbed


def test_a_command_that_the_broker_retained_is_refused(film: Film) -> None:
    """It comes with the reconnection, authentic and with a fresh sequence number."""

    def is_left(stage: Stage) -> None:
        stage.broker.publish(stage.topics.contract_in, like()(stage), retain=True)

    stage = film(
        *in_force(
            at(11, link_is_cut, is_left),
            at(12, link_is_back),
            at(16, hears("refused(retained)")),
        )
    )
    assert writes(stage) == writes(film(*in_force(at(11, link_is_cut), at(12, link_is_back))))


def test_a_flood_of_messages_without_a_signature_does_not_fill_the_journal(film: Film, undisturbed: Writes) -> None:
    """A thousand in an instant: 60 are recorded, the rest is told with the next one."""

    def flood(stage: Stage) -> None:
        for number in range(1000):
            stage.broker.publish(stage.topics.contract_in, b"junk %d" % number)

    def the_rest_is_told(stage: Stage) -> None:
        assert "(and 940 before it, not recorded)" in stage.head_end.contract_events[-1].why

    stage = film(
        *in_force(at(11, flood), at(12, hears(*["refused(malformed)"] * STRANGERS))),
        at(24, sent(raw(b"one more"))),
        at(26, hears("refused(malformed)"), the_rest_is_told),
        setup=TWO,
    )
    assert writes(stage) == undisturbed


def test_a_node_that_does_not_know_the_year_accepts_nothing(film: Film) -> None:
    def is_1970(stage: Stage) -> None:
        stage.clock.step((datetime(1970, 1, 1, 0, 1, tzinfo=UTC) - stage.clock.utc()).total_seconds())

    film(
        at(0, load(500), sun(0), is_1970),
        at(1, sends(power_w=1500, start_s=5, end_s=60)),
        at(5, hears("received", "refused(clock)"), lambda stage: stage.clock.step(56 * 365.25 * DAY_S)),
        at(30, hears(), meter_shows(0)),
        setup=Setup(clock=datetime(1970, 1, 1, tzinfo=UTC)),
    )


def test_a_refused_sequence_number_is_used_up(film: Film) -> None:
    """The same message must not work later, when it would fit."""
    film(
        at(0, load(500), sun(0)),
        at(1, sends(power_w=20_000, start_s=5, end_s=60)),
        at(2, hears("received", "refused(out_of_range)"), sent(lambda stage: stage.sent[0])),
        at(4, hears("received", "refused(sequence)")),
    )


def test_a_refused_contract_does_not_come_back_with_a_restart(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(1, sends(power_w=1500, start_s=5, end_s=100)),
        at(20, sent(like(by="aggregator"))),
        at(21, hears("received", "accepted", "written", "observed", "received", "refused(overlap)"), node_stops),
        at(22, node_begins),
        at(24, hears("written"), sent(lambda stage: stage.sent[1])),
        at(35, hears("received", "refused(sequence)", "observed"), meter_shows(1500)),
    )
