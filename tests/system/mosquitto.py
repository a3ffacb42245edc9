"""A Mosquitto of the test's own: a free loopback port, passwords, an access list, a folder that goes with the test.

The clients are Mosquitto's too, so that what is seen and sent is a third party's word.
"""

import asyncio
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.system.eventually import eventually

NODE: Final = "home-1"
USERS: Final = ("node", "issuer", "head-end")
PASSWORDS: Final = {user: f"password of {user}" for user in USERS}
# A node says what is its own and hears what is meant for it; nobody else may speak in its name.
NODE_MAY: Final = (
    f"topic write busbar/1/{NODE}/#",
    f"topic read busbar/1/{NODE}/contract/in",
    f"topic read busbar/1/{NODE}/limit/in",
    f"topic read busbar/1/{NODE}/outlook/in",
    f"topic read busbar/1/{NODE}/durable",
)
ISSUER_MAY: Final = (
    f"topic write busbar/1/{NODE}/contract/in",
    f"topic write busbar/1/{NODE}/limit/in",
    f"topic write busbar/1/{NODE}/outlook/in",
    f"topic read busbar/1/{NODE}/ack",
    f"topic read busbar/1/{NODE}/limit",
    f"topic read busbar/1/{NODE}/why",
    f"topic read busbar/1/{NODE}/event",
    f"topic read busbar/1/{NODE}/plan",
)
HEAD_END_MAY: Final = ("topic read busbar/1/#", f"topic write busbar/1/{NODE}/durable")


def tool(name: str) -> str:
    """Where a tool of Mosquitto's is; one clear line where it is not."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        pytest.fail(
            f"{name} is not installed: apt-get install mosquitto mosquitto-clients (deploy/setup/peers.sh does it)",
            pytrace=False,
        )
    return found


def free_port() -> int:
    """A loopback port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as mosquitto_sub printed it."""

    topic: str
    retained: bool
    payload: str

    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """What the payload says."""
        return json.loads(self.payload)


class Subscriber:
    """A running mosquitto_sub; `heard` grows."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.heard: list[Heard] = []
        self.process = process
        self.other: list[str] = []

    async def listen(self) -> None:
        """Take in lines until it ends."""
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            mark, _, line = raw.decode().rstrip("\n").partition(" ")
            if mark != "heard":
                self.other.append(raw.decode())
                continue
            retained, topic, payload = line.split(" ", 2)
            self.heard.append(Heard(topic, retained == "1", payload))

    def of(self, topic: str) -> list[Heard]:
        """What came on a topic."""
        return [heard for heard in self.heard if heard.topic == topic]


class Mosquitto:
    """One broker. `node_may` is the node's part of the access list; without `users` anybody may do anything."""

    def __init__(self, folder: Path, *, node_may: tuple[str, ...] = NODE_MAY, users: bool = True) -> None:
        self.folder, self.port, self._users = folder, free_port(), users
        self.process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if users:
            self._write_users(node_may)
        self._write_settings()

    @property
    def url(self) -> str:
        """As configurations name it."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the broker says of its clients."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def password_file(self, user: str) -> Path:
        """A file with the password of a user."""
        return self.folder / f"{user}.password"

    def _write_users(self, node_may: tuple[str, ...]) -> None:
        lists = {"node": node_may, "issuer": ISSUER_MAY, "head-end": HEAD_END_MAY}
        acl = "\n".join(f"user {user}\n" + "\n".join(lists[user]) for user in USERS)
        (self.folder / "acl").write_text(acl + "\n", encoding="utf-8")
        passwords = self.folder / "passwords"
        passwords.write_text("".join(f"{user}:{PASSWORDS[user]}\n" for user in USERS), encoding="utf-8")
        subprocess.run([tool("mosquitto_passwd"), "-U", str(passwords)], check=True)  # hashes them in place
        for user in USERS:
            self.password_file(user).write_text(PASSWORDS[user] + "\n", encoding="utf-8")

    def _write_settings(self) -> None:
        who = f"password_file {self.folder}/passwords\nacl_file {self.folder}/acl\n" if self._users else ""
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous {str(not self._users).lower()}\n{who}"
            f"persistence false\nlog_dest file {self.folder}/log\nlog_type all\nuser {getpass.getuser()}\n",
            encoding="utf-8",
        )

    async def start(self) -> None:
        """Start it (again, on the same port) and return once it takes connections."""
        self.process = await asyncio.create_subprocess_exec(
            tool("mosquitto"), "-c", str(self.folder / "mosquitto.conf"), stderr=asyncio.subprocess.DEVNULL
        )
        await eventually(f"mosquitto on port {self.port}", self._answers)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, f"mosquitto ended at once:\n{self.log}"
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
        except OSError:
            return False
        return True

    async def kill(self) -> None:
        """SIGKILL: it says good-bye to nobody and keeps nothing."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it in order, if it runs."""
        await self._end(signal.SIGTERM)

    async def _end(self, sign: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is not None and process.returncode is None:
            process.send_signal(sign)
            await process.wait()

    def _login(self, user: str) -> list[str]:
        where = ["-V", "5", "-h", "127.0.0.1", "-p", str(self.port)]
        return [*where, "-u", user, "-P", PASSWORDS[user]] if self._users else where

    @asynccontextmanager
    async def subscriber(self, *topics: str) -> AsyncIterator[Subscriber]:
        """A mosquitto_sub of the head-end's, subscribed."""
        wanted = [word for topic in topics for word in ("-t", topic)]
        command = [tool("mosquitto_sub"), *self._login("head-end"), "-q", "1", "-F", "heard %r %t %p", *wanted]
        subscribed = self.log.count("Sending SUBACK to head-end-sub")
        process = await asyncio.create_subprocess_exec(
            *command, "-i", "head-end-sub", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        subscriber = Subscriber(process)
        listening = asyncio.create_task(subscriber.listen())
        try:
            await eventually(
                "mosquitto_sub is subscribed", lambda: self.log.count("Sending SUBACK to head-end-sub") > subscribed
            )
            yield subscriber
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            await listening

    async def publish(self, user: str, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send something with mosquitto_pub, as a user."""
        command = [tool("mosquitto_pub"), *self._login(user), "-q", "1", "-t", topic, "-s" if payload else "-n"]
        process = await asyncio.create_subprocess_exec(
            *command, *(["-r"] if retain else []), stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await process.communicate(payload)
        assert process.returncode == 0, errors.decode()


@asynccontextmanager
async def mosquitto(
    folder: Path, *, node_may: tuple[str, ...] = NODE_MAY, users: bool = True
) -> AsyncIterator[Mosquitto]:
    """A broker for as long as the block lasts."""
    broker = Mosquitto(folder, node_may=node_may, users=users)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.stop()
