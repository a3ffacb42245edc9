"""A house on real wires with the real home node: its configuration, its process, its guardian."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from protocols.contracts import Dispatch, encode_contract
from protocols.signing import new_private_key, public_part, sign
from sim_hardware.home import SimHome
from sim_hardware.physics.terminal import balanced
from sim_hardware.serve import Rig, serve
from tests.system.busbar import BUSBAR
from tests.system.eventually import eventually
from tests.system.mosquitto import NODE, Mosquitto

ISSUER: Final = "dso.example"
MODELS: Final = {"grid": "sdm630", "pv": "sunspec-inverter", "battery": "sunspec-battery", "load": "sdm630"}
Options = Mapping[str, float | str]
# A wall of 4 kW from the roof and 1 kW of load: whatever is told to battery or inverter shows in the meter.
SUN_W_M2, LOAD_W = 800.0, 1000.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What differs from the ordinary: keys of `[node]`, `[mqtt]`, of every `[[device]]`, urls and models of devices; text
    at the end of the file, and words of the command.
    """

    node: Options = field(default_factory=dict)
    mqtt: Options = field(default_factory=dict)
    device: Options = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    words: tuple[str, ...] = ()


class Node:
    """A `busbar home` process; `log` is what it and its guardian have said on stderr."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process, self._log = process, log
        self.guardians: set[int] = set()

    @property
    def log(self) -> str:
        """Everything said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def is_alive(self) -> bool:
        """Whether the daemon runs."""
        return self.process.returncode is None

    async def guarded(self) -> int:
        """The guardian's process id, once there is one."""
        (guardian,) = await eventually("the node has a guardian", self.children, seen=lambda: self.log)
        self.guardians.add(guardian)
        return guardian

    def children(self) -> list[int]:
        """The guardians it has now."""
        with suppress(OSError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
            return [pid for pid in map(int, children.split()) if is_guardian(pid)]
        return []

    async def kill(self) -> None:
        """SIGKILL, as a kernel short of memory does it."""
        await self.guarded()
        self.process.kill()
        await self.process.wait()

    async def terminate(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; its exit code."""
        self.process.send_signal(sign)
        async with asyncio.timeout(60.0):
            return await self.process.wait()

    async def end(self) -> None:
        """Leave nothing of it behind."""
        if self.is_alive:
            self.guardians.update(self.children())
            try:
                await self.terminate()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        try:
            await eventually("no guardian is left", lambda: not any(map(is_guardian, self.guardians)), within_s=30.0)
        finally:
            for guardian in filter(is_guardian, self.guardians):
                os.kill(guardian, signal.SIGKILL)


def is_guardian(pid: int) -> bool:
    """Whether a guardian (still) has this process id."""
    try:
        return b"firmware_py.guardian" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class Site:
    """A folder with a configuration and its keys, the house it names, the broker it talks to."""

    def __init__(self, folder: Path, broker: Mosquitto, rig: Rig) -> None:
        self.folder, self.broker, self.rig = folder, broker, rig
        self.key, self._seq, self._lives = new_private_key(), 0, 0
        (folder / "issuer.pub").write_text(public_part(self.key), encoding="utf-8")

    def config(self, setup: Setup) -> Path:
        """A configuration file of the whole house, with short cycles."""
        node: Options = {"id": NODE, "state_dir": str(self.folder / "state"), "cycle_s": 0.25, "interval_s": 1}
        mqtt: Options = {
            "url": self.broker.url,
            "username": "node",
            "password_file": str(self.broker.password_file("node")),
        }
        site: Options = {"meter": "grid", "import_limit_w": 17000, "export_limit_w": 10000}
        text = section("[node]", {**node, **setup.node}) + section("[mqtt]", {**mqtt, **setup.mqtt})
        text += section("[site]", site) + section(
            "[[issuer]]", {"name": ISSUER, "key_file": "issuer.pub", "role": "grid"}
        )
        for name, url in {**self.rig.urls, **setup.urls}.items():
            keys: Options = {"name": name, "model": {**MODELS, **setup.models}[name], "url": url, "timeout_s": 0.5}
            text += section("[[device]]", {**keys, **setup.device})
        path = self.folder / "home.toml"
        path.write_text(text + setup.text, encoding="utf-8")
        return path

    @asynccontextmanager
    async def node(self, setup: Setup | None = None) -> AsyncIterator[Node]:
        """The node's process; nothing of it is left afterwards."""
        self._lives += 1
        log = self.folder / f"node-{self._lives}.log"
        chosen = setup or Setup()
        config = self.config(chosen)
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                BUSBAR, "-v", "home", str(config), *chosen.words, stdin=asyncio.subprocess.DEVNULL, stderr=errors
            )
        node = Node(process, log)
        try:
            yield node
        finally:
            await node.end()

    def contract(self, power_w: float, *, start_s: float = 0.0, lasts_s: float = 60.0, **terms: object) -> Dispatch:
        """The issuer's next contract; times from now."""
        self._seq += 1
        start = datetime.now(UTC) + timedelta(seconds=start_s)
        end = start + timedelta(seconds=lasts_s)
        ordinary: dict[str, object] = {"settle_s": 5.0, "tolerance_w": 200.0, "seq": self._seq, "aud": NODE}
        keys = {"id": f"c-{self._seq}", "iss": ISSUER, "start": start, "end": end}
        return Dispatch(**{**ordinary, **keys, "power_w": power_w, **terms})  # type: ignore[arg-type]

    def signed(self, contract: Dispatch, key: str | None = None) -> bytes:
        """The contract as it travels."""
        return sign(encode_contract(contract), key or self.key)

    async def send(self, payload: bytes, *, retain: bool = False) -> None:
        """Send something to the node in the issuer's name."""
        await self.broker.publish("issuer", f"busbar/1/{NODE}/contract/in", payload, retain=retain)

    def recorded(self, stream: str) -> int:
        """The number of the last record of a stream in the node's journal."""
        return self._journal("SELECT last FROM mark WHERE stream = ?", stream)

    def pending(self, stream: str) -> int:
        """How many records of a stream wait for the head-end's word."""
        return self._journal("SELECT count(*) FROM record WHERE stream = ?", stream)

    def _journal(self, query: str, stream: str) -> int:
        path = f"file:{self.folder}/state/journal.sqlite?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as journal:
            row = journal.execute(query, (stream,)).fetchone()
        return row[0] if row else 0

    @property
    def battery_w(self) -> float | None:
        """What the battery's registers tell it to do (None: nothing)."""
        return self.rig.home.store.request_w

    @property
    def pv_limit_w(self) -> float | None:
        """What the inverter's registers allow it to make."""
        return self.rig.home.plant.limit_w


def section(head: str, keys: Options) -> str:
    """A part of a TOML file."""
    return head + "\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())


@asynccontextmanager
async def house() -> AsyncIterator[Rig]:
    """A house that stands still: the same sun and the same load until a test changes them."""
    home = SimHome(seed=7)
    home.sun.hold_w_m2 = SUN_W_M2
    home.load.hold_w = balanced(LOAD_W)
    home.after(30.0)
    async with serve(home) as rig:
        yield rig
