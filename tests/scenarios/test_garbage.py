"""Garbage on everything a node listens to: each piece is refused and answered, and the contract in force goes on."""

import base64
import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from protocols.contracts import Dispatch, encode_contract
from protocols.signing import key_id, sign
from tests.scenarios.film import Film, Row, at
from tests.scenarios.keys import private_key
from tests.scenarios.stage import EPOCH, Setup, Stage, Step
from tests.scenarios.words import Writes, hears, load, meter_shows, sends, sun, writes

# A film takes a tenth of a second, so an example carries many pieces.
PIECES = 25
FEW = settings(
    max_examples=5,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def coded(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def of_another_node(**terms: object) -> dict[str, object]:
    """A contract that can never be accepted, as a JSON object, with some terms replaced."""
    good = Dispatch(id="x", seq=1, iss="dso", aud="elsewhere", start=EPOCH, end=EPOCH, power_w=0.0)
    return {**json.loads(encode_contract(good)), **terms}


headers = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("alg", "typ", "kid", "crit", "b64", "jwk", "x5c"), json_values)
).map(lambda header: {"alg": "Ed25519", "typ": "busbar-contract+jws", "kid": key_id(private_key("dso")), **header})
tokens = st.builds(lambda *parts: b".".join(parts), headers.map(coded), json_values.map(coded), st.binary())
truly_signed = st.one_of(
    st.binary(),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda name, value: json.dumps(of_another_node(**{name: value})).encode(),
        st.sampled_from([name for name in Dispatch.__struct_fields__ if name != "aud"]) | st.text(),
        json_values,
    ),
).map(lambda payload: sign(payload, private_key("dso")))
contracts_in = st.one_of(st.binary(), tokens, truly_signed)
words_in = st.one_of(
    st.binary(),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda stream, up_to: json.dumps({"stream": stream, "up_to": up_to}).encode(),
        st.text() | st.just("interval") | st.just("unknown"),
        st.integers(min_value=10**6) | st.integers(max_value=-1) | json_values,
    ),
)


def play(film: Film, *tried: Row) -> Stage:
    return film(
        at(0, load(500), sun(0)),
        at(1, sends(power_w=1500, start_s=5, end_s=30)),
        at(15, hears("received", "accepted", "written", "observed")),
        *tried,
        at(29.5, meter_shows(1500)),
        at(33),
        setup=Setup(devices=("grid", "battery")),
    )


@pytest.fixture(scope="module")
def undisturbed(films: Film) -> Writes:
    """What is written to the devices when nobody sends garbage."""
    return writes(play(films))


def on(topic: str, payload: bytes) -> Step:
    return lambda stage: stage.broker.publish(topic, payload)


def rows(topic: str, pieces: list[bytes]) -> list[Row]:
    return [at(20 + number / 4, on(topic, piece)) for number, piece in enumerate(pieces)]


@given(pieces=st.lists(contracts_in, min_size=PIECES, max_size=PIECES))
@FEW
def test_garbage_for_contracts_is_answered_and_changes_nothing(
    films: Film, undisturbed: Writes, pieces: list[bytes]
) -> None:
    stage = play(films, *rows("busbar/1/home-1/contract/in", pieces))
    events = stage.head_end.contract_events
    assert sum(event.state == "refused" for event in events) == len(pieces)
    assert all(event.reason for event in events if event.state == "refused")
    assert (events[-1].contract, events[-1].outcome) == ("dso-1", "delivered")
    assert writes(stage) == undisturbed


@given(pieces=st.lists(words_in, min_size=PIECES, max_size=PIECES))
@FEW
def test_garbage_for_acknowledgements_is_answered_and_deletes_nothing(films: Film, pieces: list[bytes]) -> None:
    def nobody_acknowledges(stage: Stage) -> None:
        stage.head_end.acknowledges = False

    tried = rows("busbar/1/home-1/durable", pieces)
    stage = play(films, at(16, nobody_acknowledges), *tried)
    refused = [event for event in stage.head_end.happenings if event.subject == "inbox"]
    assert len(refused) == len(pieces)
    assert stage.head_end.contract_events[-1].outcome == "delivered"
