"""`busbar meter command`: write, sign and send a command to a meter, and say what became of it."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import msgspec

from firmware_py.cli.options import BAD_INPUT, FAULT, stop
from protocols.contracts import utc_text
from protocols.faults import Refused
from protocols.messages import Journalled
from protocols.meter_commands import CommandEvent, CommandState, parse_command
from protocols.signing import METER_COMMAND, sign
from protocols.topics import Topics

Address = tuple[str, int, bool]
_ENDS = (CommandState.DONE, CommandState.REFUSED, CommandState.FAILED)


def signed_command(
    do: str, issuer: str, meter: str, good_for_s: float, fields: list[str], key: str
) -> tuple[str, bytes]:
    """Id and token of a command; `fields` are name=value, the value JSON or text. Ends the command where they are wrong."""
    number = time.time_ns() // 1_000_000
    good_until = utc_text(datetime.now(UTC) + timedelta(seconds=good_for_s))
    who = {"do": do, "id": f"{issuer}:{number}"[:64], "seq": number, "iss": issuer, "aud": meter}
    body = json.dumps({**who, "good_until": good_until, **dict(map(_field, fields))}).encode()
    try:
        return parse_command(body).id, sign(body, key, METER_COMMAND)
    except (Refused, ValueError) as error:
        stop(str(error), BAD_INPUT)


def _field(text: str) -> tuple[str, Any]:
    name, sign_, value = text.partition("=")
    if not sign_:
        stop(f"--set {text!r}: name=value is allowed", BAD_INPUT)
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


async def sent(
    token: bytes, command: str, topics: Topics, address: Address, login: tuple[str | None, str | None], wait_s: float
) -> int:
    """Send it and print each state up to its end; exit code 1 if it is refused, fails, or nobody answers."""
    host, port, tls = address
    parameters = aiomqtt.TLSParameters() if tls else None
    try:
        async with (
            aiomqtt.Client(host, port, username=login[0], password=login[1], tls_params=parameters) as client,
            asyncio.timeout(wait_s),
        ):
            await client.subscribe(topics.ack, qos=1)
            await client.publish(topics.command_in, token, qos=1)
            return await _until_ended(client, command)
    except TimeoutError:
        print(f"busbar: meter {topics.node} did not answer within {wait_s:g} s", file=sys.stderr)
    except aiomqtt.MqttError as error:
        print(f"busbar: broker {host}:{port}: {error}", file=sys.stderr)
    return FAULT


async def _until_ended(client: aiomqtt.Client, command: str) -> int:
    async for message in client.messages:
        event = _event(bytes(message.payload))
        if event is None or event.command not in (command, None):
            continue
        relay = "" if event.connected is None else f"relay {'closed' if event.connected else 'open'}"
        words = (event.command or "-", event.do, event.state, event.reason, event.why, event.control, relay)
        print(" ".join(word for word in words if word), flush=True)
        if event.state in _ENDS:
            return 0 if event.state is CommandState.DONE else FAULT
    return FAULT


def _event(payload: bytes) -> CommandEvent | None:
    try:
        record = msgspec.json.decode(payload, type=Journalled).record
        return msgspec.json.decode(record, type=CommandEvent)
    except msgspec.DecodeError:
        return None
