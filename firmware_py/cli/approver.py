"""`busbar approver`: the zone's word on trades, from one power cap; the zone node will take its place."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Annotated

import typer

from controller.capacity import Capacity
from firmware_py.approver import WAITING, Answered, Approver
from firmware_py.cli.options import BAD_INPUT, stop
from firmware_py.clock import SystemClock
from firmware_py.compose import announcements
from firmware_py.config import broker_address
from firmware_py.mqtt import Broker, MqttUplink
from protocols.signing import key_id, sign
from protocols.topics import Topics


def approver(
    cap_w: Annotated[float, typer.Option("--cap-w", min=1.0, help="Sum of approved powers, each direction by itself.")],
    name: Annotated[str, typer.Option(help="As the nodes know it, [approver] name.")],
    key: Annotated[Path, typer.Option(help="Its private key file.")],
    broker: Annotated[str, typer.Option(help="mqtt://host:port or mqtts://host:port")],
    issuer_key: Annotated[
        list[Path] | None, typer.Option(help="A public key whose contracts it looks at; absent: any, unverified.")
    ] = None,
    username: Annotated[str | None, typer.Option(help="Name for the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password for the broker.")] = None,
) -> None:
    """Approve trades for a zone under one power cap, until there is a zone node.

    Prints a line for each: approved, approved at less power, or refused. What it approved it knows only as long as it runs.
    """
    try:
        text = key.read_text(encoding="utf-8")
        sign(b"", text)
        issuers = {key_id(public): public for path in issuer_key or () if (public := path.read_text(encoding="utf-8"))}
        address, topics = broker_address(broker), Topics(name)
        password = password_file.read_text(encoding="utf-8").strip() if password_file else None
    except (OSError, ValueError) as error:
        stop(str(error), BAD_INPUT)
    host, port, tls = address
    online, offline = announcements(topics)
    where = Broker(host, port, f"busbar-{name}", tls=tls, username=username, password=password)
    uplink = MqttUplink(where, (WAITING,), online, offline)
    asyncio.run(_run(Approver(name, text, Capacity(cap_w), SystemClock(), issuers), uplink))


async def _run(party: Approver, uplink: MqttUplink) -> None:
    """Until SIGTERM or Ctrl-C."""
    playing = asyncio.current_task()
    for sign_ in (signal.SIGTERM, signal.SIGINT):
        if playing is not None:
            asyncio.get_running_loop().add_signal_handler(sign_, playing.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as group:
            group.create_task(uplink.run())
            group.create_task(party.run(uplink, _tell))


def _tell(answered: Answered) -> None:
    verdict = answered.verdict
    left = "" if verdict.power_w is None else f" at {verdict.power_w:g} W"
    print(f"{answered.contract.id} {verdict.verdict}{left} {verdict.binding}".rstrip(), flush=True)
