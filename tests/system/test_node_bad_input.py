"""Bad input over a real broker: refused with a reason, nothing lost, no register moved."""

import base64
import json
import random
from datetime import timedelta

import pytest

from protocols.contracts import encode_contract
from protocols.messages import ContractEvent
from protocols.signing import new_private_key, sign
from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd
from tests.system.mosquitto import NODE, Mosquitto
from tests.system.site import MODELS, Node, Setup, Site

pytestmark = pytest.mark.system

CONTRACT_IN, DURABLE = f"busbar/1/{NODE}/contract/in", f"busbar/1/{NODE}/durable"
TEN_MB = 10 * 1024 * 1024


def token(header: bytes, payload: bytes = b"{}") -> bytes:
    """Something that has the form of a signed message."""
    parts = (base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload, b"x" * 64))
    return b".".join(parts)


def garbage(seed: int) -> list[bytes]:
    """Random bytes, deep JSON, huge numbers, headers that are no headers."""
    noise = random.Random(seed)
    deep = b"[" * 20_000 + b"]" * 20_000
    heads = (
        b"[]",
        b"null",
        b"5",
        b'"kid"',
        b"\xff\xfe",
        b'{"alg":"none"}',
        b'{"alg":5,"kid":{},"typ":[]}',
        deep[:9000],
    )
    huge = b"9" * 5_000
    return [
        *(noise.randbytes(2 ** noise.randrange(12)) for _ in range(20)),
        b"",
        b"\x00" * 1000,
        b"..",
        deep,
        b'{"stream":' + deep + b"}",
        b'{"stream":"interval","up_to":' + huge + b"}",
        b'{"stream":"interval","up_to":1e999}',
        b'{"stream":"interval","up_to":-1}',
        b'{"stream":"interval","up_to":9007199254740993}',
        b'{"stream":"' + b"x" * 20_000 + b'","up_to":1}',
        *(token(head) for head in heads),
    ]


def refusals(listener: HeadEnd) -> list[ContractEvent]:
    return [event for event in listener.contract_events if event.state == "refused"]


async def is_unmoved(site: Site, node: Node, listener: HeadEnd) -> None:
    """The node goes on with every device, in self-consumption: nothing that came in has told it anything else."""
    await listener.readings(2, *MODELS)
    assert node.is_alive
    assert "Traceback" not in node.log, node.log
    # Self-consumption swings a little on a busy machine; the contracts sent here would mean 5 kW.
    assert site.battery_w == pytest.approx(3000.0, abs=1000.0)
    assert site.pv_limit_w is None or site.pv_limit_w >= 5000.0
    assert {event.state for event in listener.contract_events} <= {"received", "refused"}


async def at_rest(site: Site, listener: HeadEnd) -> None:
    await listener.readings(2, *MODELS)
    await eventually("self-consumption", lambda: abs((site.battery_w or 0.0) - 3000.0) < 200.0)


async def test_garbage_on_every_subscribed_topic(site: Site, broker: Mosquitto, listener: HeadEnd, seed: int) -> None:
    async with site.node() as node:
        await at_rest(site, listener)
        before = listener.whole("interval")
        messages = garbage(seed)
        for message in messages:
            await broker.publish("issuer", CONTRACT_IN, message)
            await broker.publish("head-end", DURABLE, message)
        await eventually(
            "each was refused, with its reason",
            lambda: len(refusals(listener)) >= len(messages),
            seen=lambda: f"{len(refusals(listener))} of {len(messages)}\n{node.log}",
        )
        assert {event.reason for event in refusals(listener)} <= {"malformed", "too_large", "unknown_key"}
        assert all(event.why for event in refusals(listener))
        await eventually(
            "the other topic's too",
            lambda: len([h for h in listener.happenings if h.subject == "inbox"]) >= len(messages),
        )
        await is_unmoved(site, node, listener)
        await eventually("records as before", lambda: listener.whole("interval") >= before + 8)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_ten_megabytes(site: Site, broker: Mosquitto, listener: HeadEnd, version: str) -> None:
    """With MQTT 5 the broker is told not even to deliver it; 3.1.1 has no word for that, so the node refuses it."""
    async with site.node(Setup(mqtt={"version": version})) as node:
        await at_rest(site, listener)
        await broker.publish("issuer", CONTRACT_IN, b"x" * TEN_MB)
        await broker.publish("issuer", CONTRACT_IN, b"small")
        await eventually("the small one came in", lambda: "malformed" in [event.reason for event in refusals(listener)])
        reasons = [event.reason for event in refusals(listener)]
        assert reasons == (["malformed"] if version == "5" else ["too_large", "malformed"])
        await is_unmoved(site, node, listener)
        assert listener.status == ["online"]


async def test_a_contract_to_be_retained_is_refused_though_the_node_is_there(site: Site, listener: HeadEnd) -> None:
    """It is authentic and fits; but the broker would hand it to the node again after each connection, for ever."""
    async with site.node() as node:
        await at_rest(site, listener)
        await site.send(site.signed(site.contract(3000.0)), retain=True)
        await eventually("it was refused", lambda: [event.reason for event in refusals(listener)] == ["retained"])
        await is_unmoved(site, node, listener)


async def test_messages_that_are_refused_by_name(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    """A stranger's key, a broken signature, another node's, another issuer's, absurd times and powers."""
    other, good = new_private_key(), site.contract(3000.0)
    whole = site.signed(good)
    head, payload, _ = whole.split(b".")
    nan = encode_contract(good).replace(b"3000.0", b"NaN")
    far, past = timedelta(days=400), timedelta(days=-1)
    messages = {
        "unknown_key": site.signed(good, other),
        "signature": b".".join((head, payload, b"A" * 86)),
        "audience": site.signed(site.contract(3000.0, aud="home-2")),
        "issuer": site.signed(site.contract(3000.0, iss="somebody.else")),
        "malformed": sign(nan, site.key),
        "out_of_range": site.signed(site.contract(999_999.0)),
        "window": site.signed(site.contract(3000.0, start_s=past.total_seconds())),
        "window ": site.signed(site.contract(3000.0, start_s=far.total_seconds())),
        "window  ": site.signed(site.contract(3000.0, lasts_s=far.total_seconds())),
    }
    async with site.node() as node:
        await at_rest(site, listener)
        for message in messages.values():
            await site.send(message)
        await eventually("each was refused", lambda: len(refusals(listener)) == len(messages), seen=lambda: node.log)
        assert [event.reason for event in refusals(listener)] == [reason.strip() for reason in messages]
        await is_unmoved(site, node, listener)


async def test_a_replayed_contract(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    """Even to a node that was started again since."""
    async with site.node():
        await at_rest(site, listener)
        played = site.signed(site.contract(3000.0, lasts_s=300.0, settle_s=1.0))
        await site.send(played)
        await listener.event("accepted")
        await site.send(played)
        assert (await listener.event("refused")).reason == "sequence"
    seen = len(listener.contract_events)
    async with site.node() as node:
        await listener.readings(1, "grid")
        await site.send(played)
        await eventually("refused again", lambda: "refused" in [e.state for e in listener.contract_events[seen:]])
        assert refusals(listener)[-1].reason == "sequence"
        assert node.is_alive


async def test_a_retained_contract(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    """It lies in wait for a node that starts: an immortal command, refused whatever it says."""
    await site.send(site.signed(site.contract(3000.0, lasts_s=300.0)), retain=True)
    async with site.node() as node:
        assert (await listener.event("refused")).reason == "retained"
        await at_rest(site, listener)
        await is_unmoved(site, node, listener)


async def test_a_false_acknowledgement_deletes_nothing(site: Site, broker: Mosquitto) -> None:
    """Beyond what was ever sent, or of a stream that is none; and a true one deletes just that."""
    async with site.node() as node:
        await eventually("records", lambda: node.log and site.recorded("interval") >= 6)
        for word in ({"stream": "interval", "up_to": 10**6}, {"stream": "book", "up_to": 1}, {"stream": "interval"}):
            await broker.publish("head-end", DURABLE, json.dumps(word).encode())
        await broker.publish("head-end", DURABLE, b'{"stream":"interval","up_to":4}')
        await eventually("four are acknowledged", lambda: site.recorded("interval") - site.pending("interval") == 4)
        assert node.is_alive
