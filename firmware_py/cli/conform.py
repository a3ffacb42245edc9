"""`busbar conform`: does a device do what its driver says of it; exit code 1 where it does not."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from drivers.catalogue import MODELS, BatteryModel
from drivers.links import Buses, parse_url
from drivers.telegrams.models import TelegramModel
from firmware_py.cli.options import BAD_INPUT, FAULT, Json, parse_duration, stop
from firmware_py.compose import build_device
from firmware_py.config import DeviceConfig
from firmware_py.conform.certificate import Certificate, certify
from firmware_py.conform.checks import Check, Result, Sample, look
from firmware_py.conform.memory import RememberingBus
from firmware_py.conform.obedience import NAMES, Trial
from firmware_py.conform.wire import check_wire, not_asked
from firmware_py.home.output import Line
from protocols.contracts import utc_text
from protocols.faults import Fault
from protocols.mistakes import did_you_mean
from protocols.ports import Meter, Nameplate

Expect = Literal["import", "export"]
EACH_S: Final = 1.0


def conform(
    url: Annotated[str, typer.Argument(help="tcp://host:port, rtu+tcp://host:port or serial:///dev/ttyUSB0?baud=9600")],
    model: Annotated[str, typer.Option(help="The device's model.")],
    unit: Annotated[int, typer.Option(min=1, max=255, help="Modbus unit id.")] = 1,
    for_: Annotated[str, typer.Option("--for", help="How long to read it, once a second.")] = "30s",
    expect: Annotated[Expect | None, typer.Option(help="What flows meanwhile, as somebody there sees it.")] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Try its setpoints too, one beyond its rating among them: it is told powers."),
    ] = False,
    wire: Annotated[bool, typer.Option(help="Try the rules of the wire too, with frames that break them.")] = True,
    out: Annotated[Path | None, typer.Option(help="Write the certificate with every reading to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Check a device against its driver: sign, sums, scales, counters, the wire; with --write also what it obeys."""
    for_s = parse_duration(for_)
    if model not in MODELS:
        stop(f"--model {model!r}: {did_you_mean(model, sorted(MODELS))}", BAD_INPUT)
    try:
        parse_url(url)
        rest_w = 0.0 if isinstance(MODELS[model], BatteryModel) else None
        config = DeviceConfig(name=model, model=model, url=url, unit=unit, fallback_w=rest_w)
        certificate = asyncio.run(_run(config, for_s, expect, write=write, wire=wire))
        if out is not None:
            out.write_bytes(msgspec.json.format(msgspec.json.encode(certificate), indent=1))
    except (OSError, ValueError) as error:
        stop(str(error), BAD_INPUT)
    except Fault as fault:
        stop(str(fault), FAULT)
    if as_json:
        print(msgspec.json.encode(certificate).decode())
    else:
        _show(certificate)
    raise typer.Exit(0 if certificate.conforms else FAULT)


async def _run(config: DeviceConfig, for_s: float, expect: str | None, *, write: bool, wire: bool) -> Certificate:
    buses = Buses()
    bus = (
        None
        if isinstance(MODELS[config.model], TelegramModel)
        else RememberingBus(buses.get(config.url, config.timeout_s))
    )
    try:
        device, line = build_device(config, lambda url, timeout_s: _there(bus), buses.stream)
        plate = await device.probe()
        samples = await _samples(device, for_s)
        checks = look(samples, expect)
        checks += await _written(device, line, plate, bus) if write else _none("--write was not given")
    finally:
        await buses.close()
    checks += await _wire(config, bus, wire=wire)
    return certify((config.url, config.unit, config.model), utc_text(datetime.now(UTC)), plate, checks, samples)


def _there(bus: RememberingBus | None) -> RememberingBus:
    assert bus is not None, "only a meter that sends telegrams has no registers"
    return bus


async def _written(device: Meter, line: Line | None, plate: Nameplate, bus: RememberingBus | None) -> list[Check]:
    """What it obeys; whatever happens, its registers stand as before in the end."""
    if line is None or bus is None:
        return _none(f"{plate.maker} {plate.model} takes no setpoints")
    try:
        checks = await Trial(device, line, plate).run()
    finally:
        restored = await bus.restored()
    return [*checks, restored]


def _none(why: str) -> list[Check]:
    return [Check(name, Result.NOT_ASKED, why) for name in NAMES]


async def _wire(config: DeviceConfig, bus: RememberingBus | None, *, wire: bool) -> list[Check]:
    if bus is None:
        return not_asked("a meter that sends telegrams speaks no Modbus")
    if not wire or bus.known is None:
        return not_asked("--no-wire was given" if not wire else "nothing was read")
    return await check_wire(config.url, bus.known, config.timeout_s)


async def _samples(device: Meter, for_s: float) -> list[Sample]:
    """A reading each second, at absolute times."""
    loop = asyncio.get_running_loop()
    began_s, samples = loop.time(), list[Sample]()
    while True:
        samples.append(Sample(loop.time(), await device.read()))
        next_s = began_s + len(samples) * EACH_S
        if next_s - began_s > for_s:
            return samples
        await asyncio.sleep(next_s - loop.time())


def _show(certificate: Certificate) -> None:
    device = " ".join(part for part in (certificate.maker, certificate.product, certificate.serial) if part)
    table = Table(title=f"{device} at {certificate.url} unit {certificate.unit}", title_justify="left")
    for column in ("check", "result", "figures"):
        table.add_column(column)
    for each in certificate.checks:
        table.add_row(each["name"], each["result"], each["said"])
    console = Console()
    console.print(table)
    if certificate.lacks:
        console.print(f"lacks: {', '.join(certificate.lacks)}")
    verdict = "conforms" if certificate.conforms else "does NOT conform"
    console.print(f"{verdict} ({certificate.made_by}, {certificate.made_at}, findings sha256 {certificate.sha256})")
