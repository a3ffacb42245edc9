"""`busbar limit`: a stand-in for an energy guard, for trials and tests."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import aiomqtt
import msgspec
import typer

from firmware_py.cli.options import BAD_INPUT, FAULT, parse_duration, stop
from firmware_py.config import broker_address
from protocols.contracts import utc_text
from protocols.faults import Refused
from protocols.limits import Failsafe, Heartbeat, LimitRecord, LimitRefusal, Told, Use, Write, parse_guard
from protocols.messages import Journalled
from protocols.signing import LIMIT, sign
from protocols.topics import Topics

app = typer.Typer(
    help="Stand in for an energy guard: heartbeats and limits.",
    epilog="Example: busbar limit send --issuer dso.example --node home-1 --use consumption --limit-w 4200 "
    "--key dso.example.key --broker mqtt://127.0.0.1:1883",
    no_args_is_help=True,
)
Issuer = Annotated[str, typer.Option(help="The guard: an issuer of the node with the role of an operator.")]
Node = Annotated[str, typer.Option(help="The node it is for.")]
Key = Annotated[Path, typer.Option(help="The issuer's private key file.")]
BrokerUrl = Annotated[str, typer.Option("--broker", help="mqtt://host:port or mqtts://host:port")]
Username = Annotated[str | None, typer.Option(help="Name for the broker.")]
PasswordFile = Annotated[Path | None, typer.Option(help="File with the password for the broker.")]


@dataclass(frozen=True, slots=True)
class Guard:
    """Who speaks, to whom, with which key, by which broker."""

    issuer: str
    node: str
    key: str
    address: tuple[str, int, bool]
    login: tuple[str | None, str | None]

    def message(self, kind: type[Told], **said: Any) -> bytes:
        """A signed message, numbered by the time; Refused where a field is not allowed."""
        told = kind(iss=self.issuer, aud=self.node, seq=time.time_ns() // 1000, at=datetime.now(UTC), **said)
        payload = msgspec.json.encode(told)
        parse_guard(payload)
        return sign(payload, self.key, LIMIT)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[aiomqtt.Client]:
        """A client of the broker."""
        host, port, tls = self.address
        parameters = aiomqtt.TLSParameters() if tls else None
        username, password = self.login
        async with aiomqtt.Client(host, port, username=username, password=password, tls_params=parameters) as client:
            yield client

    @property
    def topic(self) -> str:
        """Where the node listens."""
        return Topics(self.node).limit_in


@app.command("send", epilog="Example: busbar limit send … --use production --limit-w 0 --duration 15m")
def send(
    issuer: Issuer,
    node: Node,
    key: Key,
    broker: BrokerUrl,
    use: Annotated[Use, typer.Option(help="What is limited: LPC or LPP.")],
    limit_w: Annotated[float | None, typer.Option("--limit-w", help="At most this; absent: no limit.")] = None,
    duration: Annotated[str | None, typer.Option(help="For how long; absent: until it is said otherwise.")] = None,
    failsafe_w: Annotated[
        float | None, typer.Option("--failsafe-w", help="Also set what holds without a guard, for two hours at least.")
    ] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for the node's word.")] = "5s",
    username: Username = None,
    password_file: PasswordFile = None,
) -> None:
    """Send a heartbeat and a limit, and print what the node says; exit code 1 where it refuses."""
    guard = _guard(issuer, node, key, broker, (username, password_file))
    kept_s = None if duration is None else parse_duration(duration)
    said: list[tuple[type[Told], dict[str, Any]]] = [(Heartbeat, {})]
    if failsafe_w is not None:
        said.append((Failsafe, {"use": use, "limit_w": failsafe_w}))
    said.append((Write, {"use": use, "limit_w": limit_w, "duration_s": kept_s}))
    try:
        messages = [guard.message(kind, **named) for kind, named in said]
    except Refused as refused:
        stop(str(refused), BAD_INPUT)
    raise typer.Exit(asyncio.run(_send(guard, messages, parse_duration(wait))))


@app.command("heartbeat", epilog="Example: busbar limit heartbeat … --every 60s --for 1h")
def heartbeat(
    issuer: Issuer,
    node: Node,
    key: Key,
    broker: BrokerUrl,
    every: Annotated[str, typer.Option(help="How often; the node waits for 120 s.")] = "60s",
    for_: Annotated[str | None, typer.Option("--for", help="For how long; absent: until interrupted.")] = None,
    username: Username = None,
    password_file: PasswordFile = None,
) -> None:
    """Send heartbeats, the first at once."""
    guard = _guard(issuer, node, key, broker, (username, password_file))
    for_s = None if for_ is None else parse_duration(for_)
    raise typer.Exit(asyncio.run(_beat(guard, parse_duration(every), for_s)))


def _guard(issuer: str, node: str, key: Path, broker: str, login: tuple[str | None, Path | None]) -> Guard:
    username, password_file = login
    try:
        password = password_file.read_text(encoding="utf-8").strip() if password_file else None
        guard = Guard(issuer, node, key.read_text(encoding="utf-8"), broker_address(broker), (username, password))
        sign(b"", guard.key, LIMIT)
        Topics(node)
    except (OSError, ValueError) as error:
        stop(str(error), BAD_INPUT)
    return guard


async def _send(guard: Guard, messages: list[bytes], wait_s: float) -> int:
    try:
        async with guard.connected() as client:
            await client.subscribe(Topics(guard.node).limit, qos=1)
            for message in messages:
                await client.publish(guard.topic, message, qos=1)
            async with asyncio.timeout(wait_s):
                return await _answered(client)
    except TimeoutError:
        print("sent; the node says nothing new: what it holds already is not said again", flush=True)
        return 0
    except aiomqtt.MqttError as error:
        print(f"busbar: broker {guard.address[0]}:{guard.address[1]}: {error}", file=sys.stderr)
    return FAULT


async def _answered(client: aiomqtt.Client) -> int:
    """Print what the node says up to the first limit that begins, or the first refusal."""
    async for message in client.messages:
        record = _record(bytes(message.payload))
        if isinstance(record, LimitRefusal):
            print(f"refused {record.refused}: {record.why}", flush=True)
            return FAULT
        if record is not None and record.until is None:
            print(f"{record.source} {record.state} since {record.since}: {record.why}", flush=True)
            return 0
    return FAULT


def _record(payload: bytes) -> LimitRecord | LimitRefusal | None:
    try:
        record = msgspec.json.decode(payload, type=Journalled).record
        if b'"refused"' in bytes(record):
            return msgspec.json.decode(record, type=LimitRefusal)
        return msgspec.json.decode(record, type=LimitRecord)
    except msgspec.DecodeError:
        return None


async def _beat(guard: Guard, every_s: float, for_s: float | None) -> int:
    try:
        async with asyncio.timeout(for_s), guard.connected() as client:
            while True:
                await client.publish(guard.topic, guard.message(Heartbeat), qos=1)
                print(f"heartbeat {utc_text(datetime.now(UTC))}", flush=True)
                await asyncio.sleep(every_s)
    except TimeoutError:
        return 0
    except aiomqtt.MqttError as error:
        print(f"busbar: broker {guard.address[0]}:{guard.address[1]}: {error}", file=sys.stderr)
    return FAULT
