"""`busbar record`: the wire traffic of one device, into a file that `busbar replay` and tests can play."""

import asyncio
import contextlib
import signal
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from drivers.catalogue import MODELS
from drivers.links import Buses
from drivers.recording.file import RecordFile
from drivers.recording.lines import Plan, recorded
from firmware_py.cli.options import BAD_INPUT, FAULT, parse_duration, stop
from firmware_py.compose import build_device
from firmware_py.config import TIMEOUT_MAX_S, DeviceConfig
from protocols.faults import Fault
from protocols.mistakes import did_you_mean
from protocols.ports import Meter


def record(
    url: Annotated[str, typer.Argument(help="tcp://host:port, rtu+tcp://host:port or serial:///dev/ttyUSB0?baud=9600")],
    model: Annotated[str, typer.Option(help="The device's model.")],
    out: Annotated[Path, typer.Option(help="The record to write; a file that is there is not touched.")],
    unit: Annotated[int, typer.Option(min=1, max=255, help="Modbus unit id.")] = 1,
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this time; absent: at Ctrl-C.")] = None,
    every: Annotated[str, typer.Option(help="How often the device is read.")] = "1s",
    timeout: Annotated[str, typer.Option(help="How long to wait for each answer.")] = "1s",
    keep_serials: Annotated[
        bool, typer.Option("--keep-serials", help="Leave serial numbers in the record instead of masking them.")
    ] = False,
) -> None:
    """Record the wire traffic of a device with its times and faults; serial numbers are masked."""
    every_s, timeout_s = parse_duration(every), parse_duration(timeout)
    for_s = None if for_ is None else parse_duration(for_)
    if model not in MODELS:
        stop(f"--model {model!r}: {did_you_mean(model, sorted(MODELS))}", BAD_INPUT)
    if timeout_s > TIMEOUT_MAX_S:
        stop(f"--timeout {timeout}: at most {TIMEOUT_MAX_S:g}s is allowed", BAD_INPUT)
    try:
        plan = Plan(url, (recorded(model, unit),), timeout_s, masks=not keep_serials)
        file = RecordFile(out, plan.head(version=version("busbar"), utc=now_utc()))
    except (OSError, ValueError) as error:
        stop(str(error), BAD_INPUT)
    device = DeviceConfig(name=model, model=model, url=url, unit=unit, timeout_s=timeout_s)
    with file:
        asyncio.run(_record(plan, file, device, every_s, for_s))
    if file.failure:
        stop(file.failure, FAULT)
    kept = "are in it" if keep_serials else "are masked"
    print(f"{out}: {file.lines} lines; serial numbers {kept}")


def now_utc() -> str:
    """The label of a record: when it began, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


async def _record(plan: Plan, file: RecordFile, device: DeviceConfig, every_s: float, for_s: float | None) -> None:
    loop = asyncio.get_running_loop()
    buses = Buses(lambda url: plan.through(file.put, loop.time))
    meter, _ = build_device(device, buses.get, buses.stream)
    reading = asyncio.create_task(_read(meter, file, every_s))
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, reading.cancel)
    if for_s is not None:
        loop.call_later(for_s, reading.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await reading
    finally:
        await buses.close()


async def _read(meter: Meter, file: RecordFile, every_s: float) -> None:
    """Read at each absolute deadline until the disk is full; faults belong to the record, and each new one is said once."""
    loop, is_probed, said = asyncio.get_running_loop(), False, ""
    next_s = loop.time()
    while not file.failure:
        try:
            if not is_probed:
                await meter.probe()
            is_probed = True
            await meter.read()
            now = "" if not said else "answers again"
        except Fault as fault:
            is_probed, now = False, str(fault)
        if now and now != said:
            print(f"busbar: {now}", file=sys.stderr, flush=True)
        said = now if now != "answers again" else ""
        next_s = max(next_s + every_s, loop.time())
        await asyncio.sleep(next_s - loop.time())
