"""What `busbar meter CONFIG.toml` does: a meter until it is told to stop, or only for its self-test."""

import asyncio
import contextlib
import json
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from drivers.gpio.libgpiod import Libgpiod
from firmware_py.cli.options import BAD_INPUT, FAULT, stop
from firmware_py.clock import SystemClock
from firmware_py.config import ConfigError
from firmware_py.guardian import StateLock
from firmware_py.journal import JOURNAL_FILE, SqliteJournal
from firmware_py.meter.calibration import Calibration
from firmware_py.meter.calibration_file import in_force, load_calibration
from firmware_py.meter.compose import CALIBRATION_FILE, MeterWorld, measuring_of, meter_node, source_of, uplink_of
from firmware_py.meter.compose_device import contacts_of, relay_of
from firmware_py.meter.config import LoadedMeter, load_meter, state_dir
from firmware_py.meter.node import MeterNode
from firmware_py.meter.self_test import Check
from firmware_py.watchdog import watchdog
from protocols.faults import Fault
from protocols.ports import Clock, Relay, WatchedContacts
from protocols.samples import SampleSource

# Until the converter's rate is known, and a window or two.
_TESTED_AFTER_S: Final = 6.0


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a meter is wired to; by default what its configuration names."""

    source: Callable[[LoadedMeter, Clock], SampleSource] = source_of
    relay: Callable[[LoadedMeter], Relay | None] = lambda loaded: relay_of(loaded, Libgpiod)
    contacts: Callable[[LoadedMeter], WatchedContacts | None] = lambda loaded: contacts_of(loaded, Libgpiod)


def loaded_or_stop(path: Path) -> LoadedMeter:
    """A meter's configuration, or the end of the command with all of its mistakes."""
    try:
        return load_meter(path)
    except ConfigError as error:
        lines = "\n".join(f"  {mistake}" for mistake in error.mistakes)
        stop(f"{path}: {len(error.mistakes)} mistake(s)\n{lines}", BAD_INPUT)


def run_meter(path: Path, hardware: Hardware | None = None) -> None:
    """Run until SIGTERM or Ctrl-C; the registers are saved last."""
    _run(_daemon(loaded_or_stop(path), hardware or Hardware()))


def self_tested(path: Path, as_json: bool) -> int:
    """Measure for some seconds, say what the self-test found; the exit code is 0 where all of it is good."""
    loaded = loaded_or_stop(path)
    alone = loaded.config.model_copy(update=dict.fromkeys(("mqtt", "modbus", "modbus_rtu", "p1")))
    checks: list[Check] = []
    _run(_tested(replace(loaded, config=alone), Hardware(), checks))
    if as_json:
        print(json.dumps({check.name: {"good": check.is_good, "said": check.said} for check in checks}))
    else:
        print("\n".join(f"{'good' if check.is_good else 'BAD '} {check.name}: {check.said}" for check in checks))
    return 0 if all(check.is_good for check in checks) else FAULT


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except* Fault as faults:
        stop("; ".join(str(fault) for fault in faults.exceptions), FAULT)
    except* OSError as errors:
        stop("; ".join(str(error) for error in errors.exceptions), FAULT)
    except* ModuleNotFoundError as errors:
        stop(f"{errors.exceptions[0]}; the converter needs the extra `adc`", FAULT)


async def _daemon(loaded: LoadedMeter, hardware: Hardware) -> None:
    async with _meter(loaded, hardware) as node:
        running = asyncio.create_task(node.run())
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _tested(loaded: LoadedMeter, hardware: Hardware, checks: list[Check]) -> None:
    async with _meter(loaded, hardware) as node:
        running = asyncio.create_task(node.run())
        await asyncio.wait([running], timeout=_TESTED_AFTER_S)
        if not running.done():
            checks += await node.parts.device.test_itself()
            running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@contextlib.asynccontextmanager
async def _meter(loaded: LoadedMeter, hardware: Hardware) -> AsyncIterator[MeterNode]:
    """The meter of a configuration, the only one on its state."""
    folder, clock = state_dir(loaded), SystemClock()
    lock = StateLock(folder)
    await lock.take()
    try:
        journal = SqliteJournal(folder / JOURNAL_FILE)
        try:
            yield meter_node(loaded, _world(loaded, hardware, folder, clock, journal))
        finally:
            await journal.close()
    finally:
        lock.free()


def _world(loaded: LoadedMeter, hardware: Hardware, folder: Path, clock: Clock, journal: SqliteJournal) -> MeterWorld:
    def constants() -> Calibration:
        return in_force(load_calibration(folder / CALIBRATION_FILE))

    return MeterWorld(
        clock,
        journal,
        uplink_of(loaded),
        hardware.source(loaded, clock),
        constants(),
        measuring_of,
        watchdog(),
        relay=hardware.relay(loaded),
        contacts=hardware.contacts(loaded),
        calibration_now=constants,
        free_bytes=lambda: shutil.disk_usage(folder).free,
    )
