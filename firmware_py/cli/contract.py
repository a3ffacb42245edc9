"""`busbar contract`: write the terms, sign them, send them and follow what becomes of them."""

import asyncio
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import aiomqtt
import msgspec
import typer

from firmware_py.cli.options import BAD_INPUT, FAULT, parse_duration, stop
from firmware_py.config import broker_address
from protocols.contracts import Dispatch, FallbackName, Outcome, State, encode_contract, parse_contract
from protocols.faults import Refused, StoreFailed
from protocols.messages import ContractEvent, Journalled
from protocols.signing import peek
from protocols.signing import sign as sign_payload
from protocols.topics import Topics

app = typer.Typer(
    help="Write, sign and send contract setpoints; export the evidence.",
    epilog="Example: busbar contract new --issuer dso.example --node home-1 --power-w -2000",
    no_args_is_help=True,
)
Input = Annotated[str, typer.Argument(help="A file, or - for stdin.")]


@app.command(
    "new", epilog="Example: busbar contract new --issuer dso.example --node home-1 --power-w -2000 --duration 15m"
)
def new(
    issuer: Annotated[str, typer.Option(help="Who signs it; on the node's trust list.")],
    node: Annotated[str, typer.Option(help="The node it is for.")],
    power_w: Annotated[float, typer.Option("--power-w", help="Power at the connection point, import positive.")],
    duration: Annotated[str, typer.Option(help="How long, such as 15m.")] = "15m",
    start: Annotated[str, typer.Option(help="RFC 3339 with zone, or now, or a wait such as +30s.")] = "now",
    tolerance_w: Annotated[
        float, typer.Option("--tolerance-w", help="Deviation that still counts as delivered.")
    ] = 100.0,
    settle: Annotated[str, typer.Option(help="Time to get there before it counts.")] = "10s",
    hold: Annotated[
        str | None, typer.Option(help="How long it outlives the link to the broker; absent: to its end.")
    ] = None,
    fallback: Annotated[
        FallbackName, typer.Option(help="The state the site falls into.")
    ] = FallbackName.SELF_CONSUMPTION,
    seq: Annotated[int | None, typer.Option(help="Sequence number; absent: the time in milliseconds.")] = None,
) -> None:
    """Print the terms of a dispatch as JSON, ready to be signed."""
    begin, end = _window(start, duration)
    number = seq if seq is not None else time.time_ns() // 1_000_000
    terms = Dispatch(
        id=f"{issuer}:{number}"[:64],
        seq=number,
        iss=issuer,
        aud=node,
        start=begin,
        end=end,
        power_w=power_w,
        tolerance_w=tolerance_w,
        settle_s=parse_duration(settle),
        hold_s=parse_duration(hold) if hold is not None else None,
        fallback=fallback,
    )
    payload = encode_contract(terms)
    _checked(payload, terms)
    print(payload.decode())


@app.command("sign", epilog="Example: busbar contract sign terms.json --key dso.example.key")
def sign(
    terms: Input,
    key: Annotated[Path, typer.Option(help="The issuer's private key file.")],
) -> None:
    """Print the signed contract (a compact JWS); the bytes are signed as they are."""
    payload = _input(terms).strip()
    _checked(payload)
    try:
        print(sign_payload(payload, key.read_text(encoding="utf-8")).decode())
    except (OSError, ValueError) as error:
        stop(f"--key {str(key)!r}: {error}", BAD_INPUT)


@app.command("send", epilog="Example: busbar contract send signed.jws --node home-1 --broker mqtt://127.0.0.1:1883")
def send(
    signed: Input,
    node: Annotated[str, typer.Option(help="The node it is for.")],
    broker: Annotated[str, typer.Option(help="mqtt://host:port or mqtts://host:port")],
    username: Annotated[str | None, typer.Option(help="Name for the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password for the broker.")] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for the node's first answer.")] = "10s",
    follow: Annotated[bool, typer.Option("--follow", help="Go on to the contract's end.")] = False,
) -> None:
    """Send a signed contract and print each state the node reports.

    Exit code 1 if it is refused or nobody answers, and with --follow if the meter does not show it delivered.
    """
    token, wait_s = _input(signed).strip(), parse_duration(wait)
    try:
        contract_id = parse_contract(peek(token)).id
        address, topics = broker_address(broker), Topics(node)
        password = password_file.read_text(encoding="utf-8").strip() if password_file else None
    except (Refused, ValueError, OSError) as error:
        stop(str(error), BAD_INPUT)
    code = asyncio.run(_send(token, contract_id, topics, address, (username, password), (wait_s, follow)))
    raise typer.Exit(code)


@app.command("export", epilog="Example: busbar contract export /etc/busbar/home.toml dso.example:1 --out evidence.zip")
def export(
    config: Annotated[Path, typer.Argument(help="The node's TOML file.", metavar="CONFIG.toml")],
    contract: Annotated[str, typer.Argument(help="The contract's id.", metavar="CONTRACT_ID")],
    out: Annotated[Path, typer.Option(help="The bundle to write; never overwrites one.")],
) -> None:
    """Write the evidence bundle of a contract, on the node, while it runs or not; see busbar verify."""
    from firmware_py.cli.home import loaded_or_stop
    from firmware_py.evidence.bundle import export_bundle

    loaded = loaded_or_stop(config)
    try:
        export_bundle(loaded, contract, out, datetime.now(UTC))
    except (Refused, StoreFailed) as fault:
        stop(str(fault), FAULT)
    except (OSError, ValueError) as error:
        stop(f"--out {str(out)!r}: {error}" if isinstance(error, OSError) else str(error), BAD_INPUT)
    print(f"{out}: verify it with busbar verify {out}")


async def _send(
    token: bytes,
    contract_id: str,
    topics: Topics,
    address: tuple[str, int, bool],
    login: tuple[str | None, str | None],
    patience: tuple[float, bool],
) -> int:
    host, port, tls = address
    wait_s, follow = patience
    parameters = aiomqtt.TLSParameters() if tls else None
    try:
        async with (
            aiomqtt.Client(host, port, username=login[0], password=login[1], tls_params=parameters) as client,
            asyncio.timeout(wait_s) as waiting,
        ):
            await client.subscribe(topics.ack, qos=1)
            await client.publish(topics.contract_in, token, qos=1)
            return await _until_said(client, contract_id, waiting if follow else None)
    except TimeoutError:
        print(f"busbar: node {topics.node} did not answer within {wait_s:g} s", file=sys.stderr)
    except aiomqtt.MqttError as error:
        print(f"busbar: broker {host}:{port}: {error}", file=sys.stderr)
    return FAULT


async def _until_said(client: aiomqtt.Client, contract_id: str, waiting: asyncio.Timeout | None) -> int:
    """Print each state up to the answer; with a time-out, which the first answer lifts, up to the contract's end."""
    async for message in client.messages:
        event = _event(bytes(message.payload))
        if event is None or event.contract not in (contract_id, None):
            continue
        if waiting is not None:
            waiting.reschedule(None)
        words = (event.contract or "-", event.state, event.reason, event.why, event.outcome)
        print(" ".join(word for word in words if word), flush=True)
        if (code := _exit_code(event, follows=waiting is not None)) is not None:
            return code
    return FAULT


def _exit_code(event: ContractEvent, *, follows: bool) -> int | None:
    """What to end with at this state; None: there is more to come."""
    if event.state is State.EXPIRED:
        return 0 if event.outcome is Outcome.DELIVERED else FAULT
    if event.state is State.REFUSED:
        return FAULT
    return 0 if event.state is State.ACCEPTED and not follows else None


def _event(payload: bytes) -> ContractEvent | None:
    try:
        record = msgspec.json.decode(payload, type=Journalled).record
        return msgspec.json.decode(record, type=ContractEvent)
    except msgspec.DecodeError:
        return None


def _window(start: str, duration: str) -> tuple[datetime, datetime]:
    try:
        begin = _start(start)
        return begin, begin + timedelta(seconds=parse_duration(duration))
    except OverflowError:
        stop(f"--start {start} --duration {duration}: must end before the year 10000", BAD_INPUT)


def _start(text: str) -> datetime:
    now = datetime.now(UTC)
    if text == "now":
        return now
    if text.startswith("+"):
        return now + timedelta(seconds=parse_duration(text[1:]))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: RFC 3339, now or +30s is allowed") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r}: a zone such as Z is needed")
    return moment


def _checked(payload: bytes, terms: Dispatch | None = None) -> None:
    try:
        parse_contract(payload)
    except Refused as refused:
        named = re.search(r"\$\.(\w+)", str(refused))
        was = f" ({named[1]} is {getattr(terms, named[1])})" if named and terms is not None else ""
        stop(f"{refused}{was}", BAD_INPUT)


def _input(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        stop(f"{source}: {error.strerror}", BAD_INPUT)
