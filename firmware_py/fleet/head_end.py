"""The head-end of a fleet: keeps records, says so, and sends each home its contracts.

It speaks through the same port as a node, so that it can stand in memory or at a real broker.
"""

import asyncio
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Final

import msgspec

from firmware_py.fleet.nodes import ISSUER
from protocols.contracts import Dispatch, encode_contract
from protocols.faults import Fault
from protocols.messages import ContractEvent, Durable, Journalled, encode
from protocols.ports import Clock, Uplink
from protocols.signing import sign
from protocols.topics import ROOT, Topics
from sim_hardware.world.parts import ContractsPart

RECORDS: Final = ("interval", "backfill", "ack")
SUBSCRIPTIONS: Final = tuple(f"{ROOT}/+/{leaf}" for leaf in RECORDS)
# A contract goes out so long before it starts: enough for a node that decides once a minute.
LEAD_S: Final = 120.0
_FIRST_S: Final = LEAD_S + 60.0  # by then every node has found its broker
# With clouds and kettles about; and the time that a node deciding every 10 s needs to get there.
TOLERANCE_W: Final = 200.0
SETTLE_S: Final = 30.0
DAY_S: Final = 86_400.0


class HeadEnd:
    """`kept` counts records by stream, `outcomes` the ends of contracts."""

    def __init__(self, uplink: Uplink, clock: Clock) -> None:
        self.kept: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self._uplink, self._clock = uplink, clock
        self._whole: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._beyond: defaultdict[tuple[str, str], set[int]] = defaultdict(set)

    async def run(self) -> None:
        """Listen until cancelled."""
        async for message in self._uplink.messages():
            if message.topic.rpartition("/")[2] in RECORDS:
                await self._keep(msgspec.json.decode(message.payload, type=Journalled))

    async def _keep(self, item: Journalled) -> None:
        key = (item.node, item.stream)
        if item.seq > self._whole[key] and item.seq not in self._beyond[key]:
            self._beyond[key].add(item.seq)
            self.kept[item.stream] += 1
            if item.stream == "contract":
                self._ended(msgspec.json.decode(item.record, type=ContractEvent))
        while self._whole[key] + 1 in self._beyond[key]:
            self._whole[key] += 1
            self._beyond[key].discard(self._whole[key])
        with suppress(Fault):  # the node will say it again
            word = Durable(item.stream, self._whole[key])
            await self._uplink.publish(Topics(item.node).durable, encode(word))

    def _ended(self, event: ContractEvent) -> None:
        if event.outcome:
            self.outcomes[event.outcome] += 1
        elif event.state == "refused":
            self.outcomes["refused"] += 1

    async def send_contracts(self, homes: Sequence[str], part: ContractsPart, key: str, seed: int) -> None:
        """Send each home its contracts, day by day, until cancelled."""
        plans = [_plan(home, part, Random(f"{seed} {home} contracts")) for home in homes]
        loop = asyncio.get_running_loop()
        began_s, began = loop.time(), self._clock.utc()
        for start_s, home, number, power_w in heapq.merge(*plans):
            await asyncio.sleep(began_s + start_s - LEAD_S - loop.time())
            start = began + timedelta(seconds=start_s)
            contract = _contract(home, number, power_w, start, part.duration_s)
            with suppress(Fault):  # an outage: this one is lost, as it would be
                await self._uplink.publish(Topics(home).contract_in, sign(encode_contract(contract), key))


def _plan(home: str, part: ContractsPart, random: Random) -> Iterator[tuple[float, str, int, float]]:
    """Start, home, number and power: one contract in each slot of the day, at a drawn moment of it, never over its end."""
    if part.per_day <= 0.0:
        return
    slot_s = DAY_S / part.per_day
    free_s = max(slot_s - part.duration_s - _FIRST_S, 0.0)
    for number in count():
        start_s = number * slot_s + _FIRST_S + random.uniform(0.0, free_s)
        yield start_s, home, number + 1, float(round(random.uniform(-part.power_w, part.power_w)))


def _contract(home: str, number: int, power_w: float, start: datetime, duration_s: float) -> Dispatch:
    return Dispatch(
        id=f"{home}-{number}",
        seq=number,
        iss=ISSUER,
        aud=home,
        start=start,
        end=start + timedelta(seconds=duration_s),
        power_w=power_w,
        tolerance_w=TOLERANCE_W,
        settle_s=SETTLE_S,
    )
