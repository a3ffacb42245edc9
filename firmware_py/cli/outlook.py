"""`busbar outlook`: a stand-in for a supplier, a weather service or the owner's telephone, for trials and tests."""

import asyncio
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Final

import aiomqtt
import msgspec
import typer

from firmware_py.cli.options import BAD_INPUT, FAULT, parse_duration, stop
from firmware_py.cli.speaker import BrokerUrl, Key, Node, PasswordFile, Speaker, Username, speaker
from firmware_py.outlook_file import STEPS_S, Cells, Columns, read
from protocols.faults import Refused
from protocols.messages import Happening
from protocols.outlook import Forecast, Kind, Prices, Quantile, Told, Trip, parse_outlook
from protocols.signing import OUTLOOK, sign

app = typer.Typer(
    help="Tell a node of the hours to come: prices, forecasts, trips.",
    epilog="Example: busbar outlook prices tomorrow.csv --issuer supplier.example --node home-1 "
    "--key supplier.example.key --broker mqtt://127.0.0.1:1883",
    no_args_is_help=True,
)
Issuer = Annotated[
    str, typer.Option(help="Who says it: an issuer of the node, of prices the one that its tariff names.")
]
Wait = Annotated[str, typer.Option(help="How long to wait for the node's word.")]
_QUANTILE: Final = re.compile(r"q(\d{1,2}(?:\.\d+)?)")


@app.command("prices", epilog="Example: busbar outlook prices --flat 0.31 --flat-export 0.08 --for 24h …")
def prices(
    issuer: Issuer,
    node: Node,
    key: Key,
    broker: BrokerUrl,
    file: Annotated[
        Path | None, typer.Argument(help="CSV: start, import_per_kwh and perhaps export_per_kwh.", metavar="FILE.csv")
    ] = None,
    flat: Annotated[float | None, typer.Option(help="Or one price per kWh, from this hour on.")] = None,
    flat_export: Annotated[float | None, typer.Option(help="With --flat: what export is paid.")] = None,
    for_: Annotated[str, typer.Option("--for", help="With --flat: for how long.")] = "24h",
    per_mwh: Annotated[
        bool, typer.Option("--per-mwh", help="The numbers are per MWh, as markets publish them.")
    ] = False,
    currency: Annotated[str, typer.Option(help="Three letters.")] = "EUR",
    wait: Wait = "5s",
    username: Username = None,
    password_file: PasswordFile = None,
) -> None:
    """Send prices, and print what the node says; exit code 1 where it refuses."""
    who = speaker(issuer, node, key, broker, (username, password_file))
    if (file is None) == (flat is None):
        stop("either FILE.csv or --flat is needed", BAD_INPUT)
    columns = _flat(flat, flat_export, parse_duration(for_)) if file is None else _file(file)
    scale = 1e-3 if per_mwh else 1.0
    bought, sold = (_whole(columns, name, scale) for name in ("import_per_kwh", "export_per_kwh"))
    if bought is None or columns.values.keys() - {"import_per_kwh", "export_per_kwh"}:
        stop(f"{file}: columns import_per_kwh and perhaps export_per_kwh are allowed", BAD_INPUT)
    _tell(
        who,
        wait,
        Prices,
        start=columns.start,
        step_s=columns.step_s,
        import_per_kwh=bought,
        export_per_kwh=sold,
        currency=currency,
    )


@app.command("forecast", epilog="Example: busbar outlook forecast sun.csv --kind pv …")
def forecast(
    issuer: Issuer,
    node: Node,
    key: Key,
    broker: BrokerUrl,
    file: Annotated[Path, typer.Argument(help="CSV: start, value and perhaps q10, q50, q90.", metavar="FILE.csv")],
    kind: Annotated[Kind, typer.Option(help="load and pv in W, outdoor in °C.")],
    wait: Wait = "5s",
    username: Username = None,
    password_file: PasswordFile = None,
) -> None:
    """Send a forecast, and print what the node says; exit code 1 where it refuses."""
    who = speaker(issuer, node, key, broker, (username, password_file))
    columns = _file(file)
    if "value" not in columns.values:
        stop(f"{file}: a column value is needed", BAD_INPUT)
    quantiles = []
    for name, values in columns.values.items():
        level = _QUANTILE.fullmatch(name)
        if level is not None:
            quantiles.append(Quantile(float(level[1]) / 100.0, values))
        elif name != "value":
            stop(f"{file}: column {name!r}: value, and quantiles such as q10 and q90, are allowed", BAD_INPUT)
    said = {"start": columns.start, "step_s": columns.step_s, "values": columns.values["value"]}
    _tell(who, wait, Forecast, kind=kind, quantiles=tuple(sorted(quantiles, key=lambda each: each.level)), **said)


@app.command(
    "trip",
    epilog="Example: busbar outlook trip --charger wallbox --departs 2026-06-21T07:15:00+02:00 --needs-wh 20000 …",
)
def trip(
    issuer: Issuer,
    node: Node,
    key: Key,
    broker: BrokerUrl,
    charger: Annotated[str, typer.Option(help="The charger at which the car stands.")],
    departs: Annotated[str | None, typer.Option(help="RFC 3339 with zone; absent: what was told is off.")] = None,
    needs_wh: Annotated[float, typer.Option("--needs-wh", help="What is to be charged until then.")] = 0.0,
    returns: Annotated[str | None, typer.Option(help="When it is back; absent: not known.")] = None,
    wait: Wait = "5s",
    username: Username = None,
    password_file: PasswordFile = None,
) -> None:
    """Say when a car leaves once, and print what the node says; exit code 1 where it refuses."""
    who = speaker(issuer, node, key, broker, (username, password_file))
    times = {name: text for name, text in (("departs", departs), ("returns", returns)) if text is not None}
    _tell(who, wait, Trip, charger=charger, needs_wh=needs_wh, **times)


def _file(path: Path) -> Columns:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return read(lines)
    except (OSError, ValueError) as error:
        stop(f"{path}: {error}", BAD_INPUT)


def _flat(price: float | None, export: float | None, for_s: float) -> Columns:
    for value in (price, export):
        if value is not None and not isfinite(value):
            stop(f"--flat {value}: a finite number is needed", BAD_INPUT)
    count = max(round(for_s / STEPS_S[-1]), 1)
    values = {"import_per_kwh": (price,) * count}
    if export is not None:
        values["export_per_kwh"] = (export,) * count
    return Columns(datetime.now(UTC).replace(minute=0, second=0, microsecond=0), STEPS_S[-1], values)


def _whole(columns: Columns, name: str, scale: float) -> Cells | None:
    """A column of prices; one without a value in every line ends the command."""
    values = columns.values.get(name)
    if values is None:
        return None
    if None in values:
        stop(
            f"{name}: a price is missing at {columns.start + timedelta(seconds=columns.step_s * values.index(None))}", 2
        )
    return tuple(round(value * scale, 9) for value in values if value is not None)


def _tell(who: Speaker, wait: str, what: type[Told], /, **said: Any) -> None:
    seq = time.time_ns() // 1000
    head = {"say": what.__struct_config__.tag, "iss": who.issuer, "aud": who.node, "seq": seq, "at": datetime.now(UTC)}
    payload = msgspec.json.encode({**head, **{name: value for name, value in said.items() if value is not None}})
    try:
        parse_outlook(payload)
    except Refused as refused:
        stop(str(refused), BAD_INPUT)
    raise typer.Exit(asyncio.run(_send(who, sign(payload, who.key, OUTLOOK), seq, parse_duration(wait))))


async def _send(who: Speaker, token: bytes, seq: int, wait_s: float) -> int:
    try:
        async with who.connected() as client:
            await client.subscribe(who.topics.event, qos=1)
            await client.publish(who.topics.outlook_in, token, qos=1)
            async with asyncio.timeout(wait_s):
                return await _answered(client, f"{who.issuer} {seq}: ")
    except TimeoutError:
        print(f"busbar: sent, but node {who.node} said nothing within {wait_s:g} s", file=sys.stderr)
    except aiomqtt.MqttError as error:
        print(f"busbar: broker {who.address[0]}:{who.address[1]}: {error}", file=sys.stderr)
    return FAULT


async def _answered(client: aiomqtt.Client, ours: str) -> int:
    """Print what the node says of this message; a refusal that names nobody may be of a key that it does not know."""
    async for message in client.messages:
        event = _event(bytes(message.payload))
        if event is None or event.subject != "outlook":
            continue
        if event.why.startswith(ours) or (event.state == "refused" and "trust list" in event.why):
            print(f"{event.state}: {event.why.removeprefix(ours)}", flush=True)
            return 0 if event.state == "taken" else FAULT
    return FAULT


def _event(payload: bytes) -> Happening | None:
    try:
        return msgspec.json.decode(payload, type=Happening)
    except msgspec.DecodeError:
        return None
