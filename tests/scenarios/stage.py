"""The stage: a simulated home, a broker, a head-end and the real home node, on virtual time."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from firmware_py.compose import World, announcements, home_node
from firmware_py.compose_plan import SolverOf
from firmware_py.config import Loaded, load
from firmware_py.home.node import HomeNode
from firmware_py.home.planning.work import InlineSolver
from firmware_py.journal import SqliteJournal
from protocols.actions import Action, Approve, encode_action
from protocols.contracts import Contract, Dispatch, encode_contract
from protocols.ports import RegisterBus
from protocols.signing import APPROVAL, DEED, public_part, sign
from protocols.topics import Topics
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.home import NOON_S, SimHome
from sim_hardware.household import Comfort
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.physics.ev import EvParams, Trip
from sim_hardware.serve import MEMORY_URLS, memory_buses, tick
from sim_hardware.virtual_time import VirtualClock
from tests.scenarios.doubles import FakeContacts, Process, Watched, inline
from tests.scenarios.head_end import HeadEnd
from tests.scenarios.keys import private_key

NODE: Final = "home-1"
ISSUERS: Final = ("dso", "aggregator")
ROLES: Final = {"dso": "any", "aggregator": "market"}
EPOCH: Final = datetime(2026, 6, 21, 10, 0, tzinfo=UTC)
MODELS: Final = {"grid": "sdm630", "pv": "sunspec-inverter", "battery": "sunspec-battery", "load": "sdm630"}
ALL: Final = tuple(MODELS)
# Devices lag by a second; half of that per step is plenty, and cheap.
STEP_S: Final = 0.5
Options = Mapping[str, float | str]


@dataclass(frozen=True)
class Setup:
    """What differs from the ordinary: keys of `[site]` and `[node]`, of a `[[device]]` by its name, and which there are;
    `[[grid_limit]]` tables as text, of an `[[issuer]]` by its name (one that is not ordinary is added), and of `[approver]`
    (absent: there is none).

    A node with fewer devices plays faster. `car` and `relays`: what else the home has; `loads` is how they are configured,
    arrays of tables by their name, such as `charger`; `tables` are tables by their name, such as `plan`. What stands in one
    of them may be a table again (`car` in a `charger`).

    `comfort`: real machines, a house and probes behind the relays (tests/scenarios/full_home.py has all of it configured);
    then the home's time of day is that of `clock`. `trips`: the car's, one a day. `step_s`: films of days take longer steps.
    `solver_of`: who makes plans.
    """

    site: Options = field(default_factory=dict)
    node: Options = field(default_factory=dict)
    device: Mapping[str, Options] = field(default_factory=dict)
    devices: tuple[str, ...] = ("grid", "pv", "battery")
    limits: str = ""
    clock: datetime = EPOCH
    car: EvParams | None = None
    relays: bool = False
    comfort: Comfort | None = None
    trips: Sequence[Trip] = ()
    step_s: float = STEP_S
    loads: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    issuers: Mapping[str, Options] = field(default_factory=dict)
    approver: Mapping[str, object] = field(default_factory=dict)
    solver_of: SolverOf = InlineSolver


class Stage:
    """Everything a film can look at and play with; `node` is the present life of the node, `lives` counts them."""

    def __init__(self, seed: int, folder: Path, setup: Setup) -> None:
        self.setup, self.folder = setup, folder
        self.home = _home(seed, setup)
        self.devices = {name: Watched(image) for name, image in self.home.images.items()}
        self.home.images.update(self.devices)
        self.buses: dict[str, MemoryBus] = memory_buses(self.home)
        self.topics, self.broker = Topics(NODE), MemoryBroker()
        self.clock = VirtualClock(setup.clock)
        self.head_end = HeadEnd(self.broker, self.topics)
        self.sent: list[bytes] = []
        self.contacts, self.guard_seq = FakeContacts(), 0
        self.told: list[bytes] = []
        self.lives, self.events_seen, self.last_seq = 0, 0, dict.fromkeys((*ISSUERS, *setup.issuers, "zone"), 0)
        self._extras = [
            asyncio.create_task(_physics(self.home, setup.step_s), name="physics"),
            asyncio.create_task(self.head_end.run(), name="head-end"),
        ]
        self.begin()

    # One life of the node

    def begin(self, **site: float | str) -> None:
        """Start the node on the journal that is there; `site` are keys that changed while it was off."""
        self.lives += 1
        self.process = Process()
        self.uplink = self._uplink()
        self.journal = SqliteJournal(self.folder / "journal.sqlite", inline)
        world = World(self.clock, self.process.journal(self.journal), self.uplink, self._bus)
        world = replace(world, contacts_of=lambda limit, bus_of: self.contacts, solver_of=self.setup.solver_of)
        self.node: HomeNode = home_node(self._loaded({**self.setup.site, **site}), world)
        self._running = asyncio.create_task(self.node.run(), name=f"node, life {self.lives}")

    async def stop(self) -> None:
        """Stop it in order, as SIGTERM does."""
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        await self.journal.close()

    async def kill(self) -> None:
        """End it as SIGKILL does: nothing is said, written or let go any more; the broker says its last will."""
        self.process.is_killed = True
        self.broker.cut(NODE, bar=True)
        await self.stop()
        self.broker.admit(NODE)

    async def close(self) -> None:
        """Stop whatever runs."""
        if not self._running.done():
            await self.stop()
        for task in self._extras:
            task.cancel()
        await asyncio.gather(*self._extras, return_exceptions=True)

    def beside(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run something beside the node until the film ends."""
        self._extras.append(asyncio.create_task(work, name=name))

    def insist_all_run(self) -> None:
        """Raise what has ended a task that must go on."""
        for task in (self._running, *self._extras):
            if task.done() and not task.cancelled():
                task.result()

    def _uplink(self) -> MemoryUplink:
        online, offline = announcements(self.topics)
        will, birth = (offline.topic, offline.payload), (online.topic, online.payload)
        heard = (*self.topics.inbound, self.topics.limit_in, self.topics.outlook_in)
        return MemoryUplink(self.broker, NODE, heard, will, birth)

    def _bus(self, url: str, timeout_s: float) -> RegisterBus:
        return self.process.bus(self.buses[url])

    def _loaded(self, site: Options) -> Loaded:
        for name in (*ISSUERS, *self.setup.issuers, "zone"):
            (self.folder / f"{name}.pub").write_text(public_part(private_key(name)))
        (self.folder / "node.key").write_text(private_key(NODE))
        path = self.folder / "home.toml"
        path.write_text(self._toml(site))
        return load(path)

    def _toml(self, site: Options) -> str:
        issuers = [
            _table(
                "[[issuer]]",
                {
                    "name": name,
                    "key_file": f"{name}.pub",
                    "role": ROLES.get(name, "any"),
                    **self.setup.issuers.get(name, {}),
                },
            )
            for name in dict.fromkeys((*ISSUERS, *self.setup.issuers))
        ]
        if self.setup.approver:
            issuers.append(_table("[approver]", {"name": "zone", "key_file": "zone.pub", **self.setup.approver}))
        devices = [_table("[[device]]", self._device(name)) for name in self.setup.devices]
        node = {"id": NODE, "state_dir": str(self.folder), "interval_s": 60.0, **self.setup.node}
        point = {"meter": "grid", "import_limit_w": 17_000.0, "export_limit_w": 10_000.0, **site}
        parts = [_table("[node]", node), _table("[mqtt]", {"url": "mqtt://broker"}), _table("[site]", point)]
        loads = [_table(f"[[{kind}]]", keys) for kind, tables in self.setup.loads.items() for keys in tables]
        tables = [_table(f"[{name}]", keys) for name, keys in self.setup.tables.items()]
        return "\n".join((*parts, *tables, *issuers, *devices, *loads, self.setup.limits))

    def _device(self, name: str) -> Options:
        return {"name": name, "model": MODELS[name], "url": MEMORY_URLS[name], **self.setup.device.get(name, {})}

    # Contracts

    def contract(
        self,
        *,
        by: str = "dso",
        start_s: float,
        end_s: float,
        product: Callable[..., Contract] = Dispatch,
        **terms: object,
    ) -> Contract:
        """The next contract of an issuer, a dispatch unless another product is named; times are seconds of the film."""
        self.last_seq[by] += 1
        given = {
            "id": f"{by}-{self.last_seq[by]}",
            "seq": self.last_seq[by],
            "iss": by,
            "aud": NODE,
            "start": EPOCH + timedelta(seconds=start_s),
            "end": EPOCH + timedelta(seconds=end_s),
            **terms,
        }
        return product(**given)

    def deed(self, kind: type[Action], *, by: str = "dso", **fields: object) -> Action:
        """The next message of an issuer about a contract."""
        self.last_seq[by] += 1
        given = {"seq": self.last_seq[by], "iss": by, "aud": NODE, **fields}
        return kind(**given)  # type: ignore[arg-type]

    def send(self, payload: bytes) -> None:
        """Put a message on the node's contract topic."""
        self.sent.append(payload)
        self.broker.publish(self.topics.contract_in, payload)


def _home(seed: int, setup: Setup) -> SimHome:
    midnight = setup.clock.replace(hour=0, minute=0, second=0, microsecond=0)
    return SimHome(
        seed,
        day_s=NOON_S if setup.comfort is None else (setup.clock - midnight).total_seconds(),
        step_s=setup.step_s,
        car=setup.car,
        trips=setup.trips,
        relays=setup.relays,
        comfort=setup.comfort,
    )


async def _physics(home: SimHome, step_s: float) -> None:
    """Steps fall between the polls, so that all devices of a poll are seen at one state of the home."""
    await asyncio.sleep(step_s / 2)
    await tick(home, step_s)


def signed(contract: Contract, key: str | None = None) -> bytes:
    """The contract signed by its issuer, or with the key of this name."""
    return sign(encode_contract(contract), private_key(key or contract.iss))


def signed_deed(action: Action, key: str | None = None) -> bytes:
    """A message about a contract, signed by its issuer, or with the key of this name."""
    kind = APPROVAL if isinstance(action, Approve) else DEED
    return sign(encode_action(action), private_key(key or action.iss), kind)


def _table(head: str, keys: Mapping[str, object]) -> str:
    return "\n".join([head, *(f"{key} = {_toml_value(value)}" for key, value in keys.items())])


def _toml_value(value: object) -> str:
    match value:
        case Mapping():
            return "{ " + ", ".join(f"{key} = {_toml_value(each)}" for key, each in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_toml_value, value)) + "]"
        case _:
            return json.dumps(value)


Step = Callable[[Stage], object]
