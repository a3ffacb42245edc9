"""`busbar read`: one device, once or for ever, without a configuration."""

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from drivers.catalogue import MODELS, THERMOMETERS
from drivers.links import Buses, parse_url
from drivers.thermometers.registers import ProbeType
from drivers.thermometers.w1_therm import folder_of
from firmware_py.cli.options import BAD_INPUT, FAULT, Json, parse_duration, stop
from firmware_py.compose import build_device
from firmware_py.config import TIMEOUT_MAX_S, DeviceConfig, meter_keys
from firmware_py.config_thermometers import ThermometerConfig, build_thermometer, crossed_thermometers
from firmware_py.home.poller import judged
from protocols.dlms import Keys
from protocols.faults import Fault
from protocols.mistakes import did_you_mean
from protocols.ports import Nameplate
from protocols.quantities import QUANTITIES
from protocols.readings import Reading


def read(
    url: Annotated[
        str, typer.Argument(help="tcp://host:port, rtu+tcp://host:port, serial:///dev/ttyUSB0?baud=9600 or file:///…")
    ],
    model: Annotated[str, typer.Option(help="The device's model.")],
    unit: Annotated[int, typer.Option(min=1, max=255, help="Modbus unit id.")] = 1,
    channel: Annotated[int, typer.Option(min=0, max=255, help="Of a thermometer with several probes.")] = 0,
    timeout: Annotated[str, typer.Option(help="How long to wait for each answer.")] = "1s",
    key_file: Annotated[Path | None, typer.Option(help="The keys of a dlms-push meter that ciphers.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Read once a second until interrupted.")] = False,
    as_json: Json = False,
) -> None:
    """Read a meter, inverter or thermometer: every quantity, with its unit."""
    timeout_s = parse_duration(timeout)
    if timeout_s > TIMEOUT_MAX_S:
        stop(f"--timeout {timeout}: at most {TIMEOUT_MAX_S:g}s is allowed", BAD_INPUT)
    if model not in (known := [*MODELS, *THERMOMETERS]):
        stop(f"--model {model!r}: {did_you_mean(model, sorted(known))}", BAD_INPUT)
    try:
        keys = None if key_file is None else meter_keys(key_file.read_text(encoding="utf-8"))
        config = _config(url, model, unit, channel, timeout_s)
    except (OSError, ValueError) as error:
        stop(str(error), BAD_INPUT)
    try:
        asyncio.run(_read(config, keys, watch, as_json))
    except Fault as fault:
        stop(str(fault), FAULT)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _config(url: str, model: str, unit: int, channel: int, timeout_s: float) -> DeviceConfig | ThermometerConfig:
    """ValueError where the model cannot have this address."""
    if model not in THERMOMETERS:
        parse_url(url)
        return DeviceConfig(name=model, model=model, url=url, unit=unit, timeout_s=timeout_s)
    said: dict[str, Any] = {"name": model, "model": model, "url": url}
    if isinstance(THERMOMETERS[model], ProbeType):
        parse_url(url)
        said |= {"unit": unit, "channel": channel, "timeout_s": timeout_s}
    else:
        folder_of(url)
    for mistake in crossed_thermometers([("thermometer", said)]):
        raise ValueError(str(mistake))
    return ThermometerConfig(**said)


async def _read(config: DeviceConfig | ThermometerConfig, keys: Keys | None, watch: bool, as_json: bool) -> None:
    buses, model = Buses(), config.model
    try:
        if isinstance(config, ThermometerConfig):
            device = build_thermometer(config, buses.get)
        else:
            device, _ = build_device(config, buses.get, buses.stream, keys)
        plate = await device.probe()
        seq = 0
        while True:
            seq += 1
            asked_s = time.monotonic()
            values = await device.read()
            _show(judged(model, seq, (asked_s, time.monotonic()), values), plate, as_json)
            if not watch:
                return
            await asyncio.sleep(max(asked_s + 1.0 - time.monotonic(), 0.0))
    finally:
        await buses.close()


def _show(reading: Reading, plate: Nameplate, as_json: bool) -> None:
    if as_json:
        print(
            json.dumps({**reading.values, "quality": reading.quality, "serial": plate.serial, "lacks": plate.lacks}),
            flush=True,
        )
        return
    title = " ".join(part for part in (plate.maker, plate.model, plate.serial) if part)
    table = Table(title=title, title_justify="left")
    table.add_column("quantity")
    table.add_column("value", justify="right")
    table.add_column("unit")
    for name, value in reading.values.items():
        table.add_row(name, "-" if value is None else f"{value:,.3f}".replace(",", " "), QUANTITIES[name].unit)
    Console().print(table)
    if plate.lacks:
        Console().print(f"lacks: {', '.join(plate.lacks)}")
