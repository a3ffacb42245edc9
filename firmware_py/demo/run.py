"""Runs the demo: everything is put together here, and every figure of the summary is counted here."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from controller.capacity import Capacity
from controller.life import REPORTS
from drivers.links import Buses
from firmware_py.approver import WAITING, Approver
from firmware_py.clock import SystemClock
from firmware_py.compose import World, announcements, home_node, mqtt_uplink
from firmware_py.config import Loaded, broker_address, load
from firmware_py.demo.broker import embedded_broker
from firmware_py.demo.head_end import HeadEnd
from firmware_py.evidence.bundle import export_bundle
from firmware_py.home.node import HomeNode
from firmware_py.journal import JOURNAL_FILE, SqliteJournal
from firmware_py.mqtt import Broker, MqttUplink
from firmware_py.supervise import ended
from protocols.contracts import Dispatch, encode_contract
from protocols.messages import ContractEvent
from protocols.signing import new_private_key, public_part, sign
from protocols.topics import Topics
from sim_hardware.home import SimHome
from sim_hardware.serve import Rig, serve

NODE: Final = "demo-home"
ISSUER: Final = "demo-grid-operator"
ZONE: Final = "demo-zone"
_CAP_W: Final = 5000.0
# The script: values first, then a contract, then what follows it. Shorter and the contract would not fit.
SHORTEST_S: Final = 15.0
_LEAD_S, _TAIL_S, _SETTLE_S, _EACH_S = 4.0, 5.0, 4.0, 20.0
_POWERS_W: Final = (-1500.0, 1000.0)


class Summary(msgspec.Struct, frozen=True):
    """What the demo did: readings sent and seen back, setpoints written, what became of the contract."""

    published: int
    received: int
    setpoints_written: int
    contract: str
    worst_cycle_ms: float
    cycles: int
    contracts: dict[str, str]
    intervals_durable: int
    first_values_s: float
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is on stage while the demo runs."""

    node: HomeNode
    head_end: HeadEnd
    rig: Rig


@contextlib.asynccontextmanager
async def _broker(url: str | None) -> AsyncIterator[tuple[str, str]]:
    """The broker's URL and the MQTT version it speaks."""
    if url is not None:
        yield url, "5"
        return
    async with embedded_broker() as own:
        yield own, "3.1.1"


async def run_demo(
    for_s: float | None, broker_url: str | None, show: Callable[[Stage], None], evidence: Path | None = None
) -> Summary:
    """Play the demo for a time (None: until cancelled); `show` is called twice a second.

    `evidence`: where to write the evidence bundle of the first contract, and its node's public key beside it (`.pub`).
    """
    began_s = asyncio.get_running_loop().time()
    with tempfile.TemporaryDirectory(prefix="busbar-demo-") as folder:
        async with _broker(broker_url) as (url, version), serve(SimHome(seed=1)) as rig:
            key = new_private_key()
            loaded = load(_config(Path(folder), rig, url, version, key))
            summary = await _play(loaded, rig, key, (began_s, for_s), show)
            return summary if evidence is None else _with_evidence(summary, loaded, evidence)


def _with_evidence(summary: Summary, loaded: Loaded, path: Path) -> Summary:
    """Write the bundle of the first contract; Refused where none was accepted."""
    contract = next(iter(summary.contracts), "demo-1")
    export_bundle(loaded, contract, path, datetime.now(UTC))
    path.with_suffix(".pub").write_text(public_part(loaded.node_key or ""), encoding="utf-8")
    return msgspec.structs.replace(summary, evidence=str(path))


async def _play(
    loaded: Loaded, rig: Rig, key: str, times: tuple[float, float | None], show: Callable[[Stage], None]
) -> Summary:
    began_s, for_s = times
    zone = _zone(loaded)
    journal, buses = SqliteJournal(loaded.home.node.state_dir / JOURNAL_FILE), Buses()
    node = home_node(loaded, World(SystemClock(), journal, mqtt_uplink(loaded), buses.get, stream_of=buses.stream))
    host, port, _ = broker_address(loaded.home.mqtt.url)
    stage = Stage(node, HeadEnd(host, port, Topics(NODE)), rig)
    first: list[float] = []
    head_end = asyncio.create_task(stage.head_end.run())
    running = asyncio.create_task(node.run())
    script = asyncio.create_task(_script(stage, key, for_s))
    approving = asyncio.create_task(_approving(zone, loaded))
    showing = asyncio.create_task(_shown(stage, show, began_s, first))
    try:
        done, _ = await asyncio.wait(
            [running, head_end, script, showing, approving], timeout=for_s, return_when="FIRST_EXCEPTION"
        )
        for task in done:
            task.result()
    except asyncio.CancelledError:
        pass  # Ctrl-C: the play ends early, with its summary
    finally:
        await ended(script, showing, approving)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await _drained(stage)
        await ended(head_end)
        await buses.close()
        await journal.close()
    return _summary(stage, first[0] if first else float("nan"))


def _zone(loaded: Loaded) -> Approver:
    """The zone that approves the demo's contracts, with the private key that lies beside the configuration."""
    key = (loaded.home.node.state_dir / "zone.key").read_text(encoding="utf-8")
    return Approver(ZONE, key, Capacity(_CAP_W), SystemClock(), loaded.keys)


async def _approving(zone: Approver, loaded: Loaded) -> None:
    """A party of its own, on a connection of its own."""
    host, port, tls = broker_address(loaded.home.mqtt.url)
    online, offline = announcements(Topics(ZONE))
    uplink = MqttUplink(
        Broker(host, port, ZONE, tls=tls, version=loaded.home.mqtt.version), (WAITING,), online, offline
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(uplink.run())
        group.create_task(zone.run(uplink))


async def _shown(stage: Stage, show: Callable[[Stage], None], began_s: float, first: list[float]) -> None:
    while True:
        if not first and all(poller.latest is not None for poller in stage.node.parts.pollers.values()):
            first.append(asyncio.get_running_loop().time() - began_s)
        show(stage)
        await asyncio.sleep(0.5)


async def _script(stage: Stage, key: str, for_s: float | None) -> None:
    """One contract that fits the time given, or one after the other for ever."""
    number = 0
    while True:
        start = datetime.now(UTC) + timedelta(seconds=_LEAD_S)
        lasts_s = _EACH_S if for_s is None else for_s - _LEAD_S - _TAIL_S
        number += 1
        terms = Dispatch(
            id=f"demo-{number}",
            seq=number,
            iss=ISSUER,
            aud=NODE,
            start=start,
            end=start + timedelta(seconds=lasts_s),
            power_w=_POWERS_W[(number - 1) % len(_POWERS_W)],
            tolerance_w=150.0,
            settle_s=min(_SETTLE_S, lasts_s / 2),
        )
        await stage.head_end.send_contract(sign(encode_contract(terms), key))
        await asyncio.sleep(_LEAD_S + lasts_s + _TAIL_S + _LEAD_S)
        if for_s is not None:
            return


async def _drained(stage: Stage) -> None:
    """Give the last messages their way through the broker."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3.0):
            while len(stage.head_end.telemetry) < _published(stage):  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)


def _published(stage: Stage) -> int:
    prefix = Topics(NODE).telemetry("")
    return sum(count for topic, count in stage.node.parts.outbox.published.items() if topic.startswith(prefix))


def _summary(stage: Stage, first_values_s: float) -> Summary:
    contracts = _outcomes(stage.head_end.events)
    return Summary(
        published=_published(stage),
        received=len(stage.head_end.telemetry),
        setpoints_written=sum(output.writes for output in stage.node.parts.outputs.values()),
        contract=next(iter(contracts.values()), "none"),
        worst_cycle_ms=round(stage.node.figures.worst_cycle_s * 1000, 1),
        cycles=stage.node.figures.cycles,
        contracts=contracts,
        intervals_durable=stage.head_end.durable("interval"),
        first_values_s=round(first_values_s, 2),
    )


def _outcomes(events: list[ContractEvent]) -> dict[str, str]:
    """The outcome of each contract, or the state it was last in."""
    known: dict[str, str] = {}
    for event in events:
        if event.contract is not None and event.state not in REPORTS:
            known[event.contract] = event.outcome or event.state
    return known


def _config(folder: Path, rig: Rig, broker_url: str, version: str, key: str) -> Path:
    """A configuration file like any other, so that the demo goes the way a deployment goes."""
    (folder / "issuer.pub").write_text(public_part(key), encoding="utf-8")
    (folder / "node.key").write_text(new_private_key(), encoding="utf-8")
    zone_key = new_private_key()
    (folder / "zone.key").write_text(zone_key, encoding="utf-8")
    (folder / "zone.pub").write_text(public_part(zone_key), encoding="utf-8")
    models = {"grid": "sdm630", "pv": "sunspec-inverter", "battery": "sunspec-battery", "load": "sdm630"}
    devices = "".join(
        f'[[device]]\nname = "{name}"\nmodel = "{models[name]}"\nurl = "{url}"\n' for name, url in rig.urls.items()
    )
    path = folder / "home.toml"
    path.write_text(
        f'[node]\nid = "{NODE}"\nstate_dir = "{folder}"\nkey_file = "node.key"\ninterval_s = 5\n'
        f'[mqtt]\nurl = "{broker_url}"\nversion = "{version}"\n'
        '[site]\nmeter = "grid"\nimport_limit_w = 17000\nexport_limit_w = 10000\n'
        f'[[issuer]]\nname = "{ISSUER}"\nkey_file = "issuer.pub"\nrole = "grid"\n'
        f'[approver]\nname = "{ZONE}"\nkey_file = "zone.pub"\nof = ["dispatch"]\n{devices}',
        encoding="utf-8",
    )
    return path
