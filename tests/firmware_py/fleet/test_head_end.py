"""The fleet's head-end: what it keeps, what it says, what it sends."""

import asyncio
import itertools

import msgspec
import pytest

from firmware_py.fleet.head_end import SUBSCRIPTIONS, HeadEnd
from firmware_py.fleet.nodes import ISSUER, issuer_key
from protocols.contracts import Dispatch, parse_contract
from protocols.messages import Journalled, encode
from protocols.ports import Message
from protocols.signing import key_id, open_signed, public_part
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.virtual_time import VirtualClock, run_virtual
from sim_hardware.world.parts import ContractsPart

RECORD = msgspec.Raw(b"{}")


class Ear:
    """Hears what is said to nodes."""

    client_id = "ear"
    subscriptions: tuple[str, ...] = ("busbar/1/+/durable", "busbar/1/+/contract/in")
    will: tuple[str, bytes] | None = None

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, bytes]] = []

    def deliver(self, message: Message) -> None:
        self.heard.append((asyncio.get_running_loop().time(), message.topic, message.payload))

    def dropped(self) -> None:
        """Stays."""


def interval(node: str, seq: int) -> bytes:
    return encode(Journalled(node, "interval", seq, RECORD))


def test_it_acknowledges_what_is_whole_and_counts_each_record_once() -> None:
    async def main() -> None:
        broker, ear = MemoryBroker(), Ear()
        uplink = MemoryUplink(broker, "head-end", SUBSCRIPTIONS, latency_s=0.0)
        head_end = HeadEnd(uplink, VirtualClock())
        tasks = [asyncio.create_task(uplink.run()), asyncio.create_task(head_end.run())]
        await asyncio.sleep(0.1)
        broker.connect(ear)
        for topic, seq in (("interval", 1), ("interval", 3), ("interval", 1), ("backfill", 2), ("backfill", 3)):
            broker.publish(f"busbar/1/a/{topic}", interval("a", seq))
        broker.publish("busbar/1/b/interval", interval("b", 1))
        await asyncio.sleep(0.1)
        said = [(topic, msgspec.json.decode(payload)["up_to"]) for _, topic, payload in ear.heard]
        assert said == [("busbar/1/a/durable", each) for each in (1, 1, 1, 3, 3)] + [("busbar/1/b/durable", 1)]
        assert head_end.kept == {"interval": 4}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(main(), horizon_s=10.0)


def test_contracts_are_spread_over_the_day_signed_and_in_time() -> None:
    async def main() -> None:
        broker, ear = MemoryBroker(), Ear()
        uplink = MemoryUplink(broker, "head-end", SUBSCRIPTIONS, latency_s=0.0)
        key, clock = issuer_key(7), VirtualClock()
        head_end = HeadEnd(uplink, clock)
        tasks = [asyncio.create_task(uplink.run())]
        broker.connect(ear)
        part = ContractsPart(per_day=8, power_w=500.0, duration_s=600.0)
        began = clock.utc()
        tasks.append(asyncio.create_task(head_end.send_contracts(["a", "b"], part, key, 7)))
        await asyncio.sleep(86_400.0)
        public = public_part(key)
        contracts = []
        for at_s, topic, payload in ear.heard:
            terms = parse_contract(open_signed(payload, {key_id(public): public}).payload)
            assert isinstance(terms, Dispatch)
            assert topic == f"busbar/1/{terms.aud}/contract/in"
            start_s = (terms.start - began).total_seconds()
            assert start_s - at_s == pytest.approx(120.0)
            assert terms.duration_s == 600.0
            assert abs(terms.power_w) <= 500.0
            assert terms.iss == ISSUER
            contracts.append((terms.aud, terms.seq, start_s))
        for home in ("a", "b"):
            mine = [(seq, start_s) for aud, seq, start_s in contracts if aud == home]
            assert [seq for seq, _ in mine] == list(range(1, 9))
            assert all(later - earlier >= 600.0 for (_, earlier), (_, later) in itertools.pairwise(mine))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(main(), horizon_s=90_000.0)


def test_the_operators_key_comes_from_the_seed() -> None:
    assert issuer_key(1) == issuer_key(1) != issuer_key(2)
