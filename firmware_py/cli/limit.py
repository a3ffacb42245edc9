"""`busbar limit`: a stand-in for an energy guard, for trials and tests."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import aiomqtt
import msgspec
import typer

from firmware_py.cli.options import BAD_INPUT, FAULT, parse_duration, stop
from firmware_py.cli.speaker import BrokerUrl, Key, Node, PasswordFile, Speaker, Username, speaker
from protocols.contracts import utc_text
from protocols.faults import Refused
from protocols.limits import Failsafe, Heartbeat, LimitRecord, LimitRefusal, Told, Use, Write, parse_guard
from protocols.messages import Journalled
from protocols.signing import LIMIT, sign

app = typer.Typer(
    help="Stand in for an energy guard: heartbeats and limits.",
    epilog="Example: busbar limit send --issuer dso.example --node home-1 --use consumption --limit-w 4200 "
    "--key dso.example.key --broker mqtt://127.0.0.1:1883",
    no_args_is_help=True,
)
Issuer = Annotated[str, typer.Option(help="The guard: an issuer of the node with the role of an operator.")]


def _message(guard: Speaker, kind: type[Told], **said: Any) -> bytes:
    """A signed message, numbered by the time; Refused where a field is not allowed."""
    told = kind(iss=guard.issuer, aud=guard.node, seq=time.time_ns() // 1000, at=datetime.now(UTC), **said)
    payload = msgspec.json.encode(told)
    parse_guard(payload)
    return sign(payload, guard.key, LIMIT)


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
    guard = speaker(issuer, node, key, broker, (username, password_file))
    kept_s = None if duration is None else parse_duration(duration)
    said: list[tuple[type[Told], dict[str, Any]]] = [(Heartbeat, {})]
    if failsafe_w is not None:
        said.append((Failsafe, {"use": use, "limit_w": failsafe_w}))
    said.append((Write, {"use": use, "limit_w": limit_w, "duration_s": kept_s}))
    try:
        messages = [_message(guard, kind, **named) for kind, named in said]
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
    guard = speaker(issuer, node, key, broker, (username, password_file))
    for_s = None if for_ is None else parse_duration(for_)
    raise typer.Exit(asyncio.run(_beat(guard, parse_duration(every), for_s)))


async def _send(guard: Speaker, messages: list[bytes], wait_s: float) -> int:
    try:
        async with guard.connected() as client:
            await client.subscribe(guard.topics.limit, qos=1)
            for message in messages:
                await client.publish(guard.topics.limit_in, message, qos=1)
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


async def _beat(guard: Speaker, every_s: float, for_s: float | None) -> int:
    try:
        async with asyncio.timeout(for_s), guard.connected() as client:
            while True:
                await client.publish(guard.topics.limit_in, _message(guard, Heartbeat), qos=1)
                print(f"heartbeat {utc_text(datetime.now(UTC))}", flush=True)
                await asyncio.sleep(every_s)
    except TimeoutError:
        return 0
    except aiomqtt.MqttError as error:
        print(f"busbar: broker {guard.address[0]}:{guard.address[1]}: {error}", file=sys.stderr)
    return FAULT
