"""A whole meter with relay, contacts and keys on virtual time; its head-end and its issuer."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from firmware_py.journal import SqliteJournal
from firmware_py.meter.compose import MeterWorld, meter_node
from firmware_py.meter.compose_device import contacts_of, relay_of
from firmware_py.meter.config import load_meter
from firmware_py.meter.node import MeterNode
from protocols.contracts import utc_text
from protocols.device_log import Logged
from protocols.messages import Interval, Journalled
from protocols.meter_commands import CommandEvent
from protocols.ocmf_writing import new_key
from protocols.ports import Message
from protocols.signing import METER_COMMAND, new_private_key, public_part, sign
from protocols.topics import Topics
from sim_hardware.devices.meter_terminals import SimContacts, SimRelay, SwitchedSource
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.virtual_time import VirtualClock, run_virtual
from sim_hardware.waves.signal import Wave
from sim_hardware.waves.source import WaveSource
from sim_hardware.waves.spec import wave_spec
from tests.drivers.gpio.fake_chip import FakeChip
from tests.firmware_py.meter.plain_measuring import PlainMeasuring

TOPICS = Topics("m")
POWER_W = 3 * 230.0 * 5.0
ISSUER_KEY, OTHER_KEY, LOG_KEY = new_private_key(), new_private_key(), new_private_key()
OCMF_SECRET, OCMF_PUBLIC = new_key()
COVER, MAGNET, SUPPLY, BUTTON = range(4)

CONFIG = """
[meter]
id = "m"
serial = "BB-7"
state_dir = "state"
[input]
kind = "recording"
path = "unused.npz"
[registers]
profile_min = 1
demand_min = 1
[log]
entries_most = 40
key_file = "log.key"
[ocmf]
key_file = "ocmf.pem"
[contacts]
cover = "gpiochip0:1"
magnet = "gpiochip0:2"
supply = "gpiochip0:3"
button = "gpiochip0:4"
[disconnect]
mode = {mode}
[[issuer]]
name = "dso"
key_file = "dso.pub"
{more}
"""


async def inline(work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
    return work(*arguments)


class DeviceStage:
    """A meter, what is heard of it, and the hands that move its contacts."""

    client_id = "head-end"
    subscriptions: tuple[str, ...] = ("#",)
    will: tuple[str, bytes] | None = None

    def __init__(
        self,
        folder: Path,
        *,
        mode: int | str = 1,
        more: str = "",
        relay: SimRelay | None = None,
        cover: bool = True,
        chip: FakeChip | None = None,
    ) -> None:
        (folder / "m.toml").write_text(CONFIG.format(mode=mode, more=more))
        (folder / "log.key").write_text(LOG_KEY)
        (folder / "ocmf.pem").write_bytes(OCMF_SECRET)
        (folder / "dso.pub").write_text(public_part(ISSUER_KEY))
        self.heard: list[Message] = []
        self.broker, self.clock = MemoryBroker(), VirtualClock()
        self.broker.connect(self)
        self.relay, self.contacts = relay or SimRelay(), SimContacts((cover, False, True, False))
        self.journal = SqliteJournal(folder / "journal", inline)
        self.journal._db.execute("PRAGMA synchronous=OFF")  # no power goes here, and a real disk takes its time
        self.uplink = MemoryUplink(self.broker, "m", subscriptions=TOPICS.meter_inbound)
        self.free_bytes = 2**40
        self.source = SwitchedSource(WaveSource(Wave(wave_spec({"fs_hz": 1000.0})), self.clock), self.relay)
        loaded = load_meter(folder / "m.toml")
        world = MeterWorld(
            self.clock,
            self.journal,
            self.uplink,
            self.source,
            {},
            lambda fs_hz, *_: PlainMeasuring(fs_hz),
            offload=inline,
            relay=self.relay if chip is None else relay_of(loaded, lambda: chip),
            contacts=self.contacts if chip is None else contacts_of(loaded, lambda: chip),
            free_bytes=lambda: self.free_bytes,
        )
        self.node: MeterNode = meter_node(loaded, world)
        self._seq = 0

    def deliver(self, message: Message) -> None:
        self.heard.append(message)

    def dropped(self) -> None:
        pass

    @property
    def log(self) -> list[Logged]:
        told = [json.loads(m.payload) for m in self.heard if m.topic == TOPICS.event]
        return [msgspec.convert(each, Logged) for each in told if each["subject"] == "log"]

    def events(self, *ignored: str) -> list[str]:
        return [entry.state for entry in self.log if entry.state not in ("start", "self_test", "stop", *ignored)]

    def records(self, topic: str) -> list[bytes]:
        """Each record once, however often it was said."""
        told = [msgspec.json.decode(m.payload, type=Journalled) for m in self.heard if m.topic == topic]
        return list({item.seq: bytes(item.record) for item in told}.values())

    @property
    def acks(self) -> list[CommandEvent]:
        return [msgspec.json.decode(record, type=CommandEvent) for record in self.records(TOPICS.ack)]

    @property
    def states(self) -> list[tuple[str, str, str]]:
        return [(ack.do, ack.state, ack.reason) for ack in self.acks]

    @property
    def ocmf(self) -> list[bytes]:
        return [msgspec.json.decode(record, type=str).encode() for record in self.records(TOPICS.ocmf)]

    @property
    def intervals(self) -> list[Interval]:
        return [msgspec.json.decode(record, type=Interval) for record in self.records(TOPICS.interval)]

    def command(self, do: str, *, key: str = ISSUER_KEY, kind: str = METER_COMMAND, **fields: Any) -> bytes:
        """A signed command of `dso` to this meter, good for a minute; fields replace or add."""
        self._seq += 1
        good_until = utc_text(self.clock.utc() + timedelta(minutes=1))
        told = {"do": do, "id": f"c{self._seq}", "seq": self._seq, "iss": "dso", "aud": "m", "good_until": good_until}
        return sign(json.dumps({**told, **fields}).encode(), key, kind)

    async def tell(self, token: bytes, *, retain: bool = False, wait_s: float = 1.0) -> None:
        self.broker.publish(TOPICS.command_in, token, retain=retain)
        await asyncio.sleep(wait_s)

    async def running(self, film: Callable[["DeviceStage"], Awaitable[None]]) -> None:
        task = asyncio.create_task(self.node.run())
        await asyncio.sleep(0.5)
        await film(self)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await self.journal.close()


def on_stage(folder: Path, film: Callable[[DeviceStage], Awaitable[None]], **options: Any) -> DeviceStage:
    """Play a film with a meter; another one in the same folder is its next life."""
    stages: list[DeviceStage] = []

    async def main() -> None:
        stages.append(DeviceStage(folder, **options))
        await stages[0].running(film)

    run_virtual(main(), horizon_s=100_000.0)
    return stages[0]


def later(seconds: float) -> Callable[[DeviceStage], Awaitable[None]]:
    """A film in which nothing happens."""

    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(seconds)

    return film
