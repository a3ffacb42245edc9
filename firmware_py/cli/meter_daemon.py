"""What `busbar meter CONFIG.toml` does: a meter until it is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

from firmware_py.cli.options import BAD_INPUT, FAULT, stop
from firmware_py.clock import SystemClock
from firmware_py.config import ConfigError
from firmware_py.guardian import StateLock
from firmware_py.journal import SqliteJournal
from firmware_py.meter.calibration_file import in_force, load_calibration
from firmware_py.meter.compose import CALIBRATION_FILE, MeterWorld, measuring_of, meter_node, source_of, uplink_of
from firmware_py.meter.config import LoadedMeter, load_meter, state_dir
from firmware_py.watchdog import watchdog
from protocols.faults import Fault
from protocols.ports import Clock
from protocols.samples import SampleSource

SourceOf = Callable[[LoadedMeter, Clock], SampleSource]


def run_meter(path: Path, source: SourceOf = source_of) -> None:
    """Run until SIGTERM or Ctrl-C; the registers are saved last. `source` stands for the configured input."""
    try:
        loaded = load_meter(path)
    except ConfigError as error:
        lines = "\n".join(f"  {mistake}" for mistake in error.mistakes)
        stop(f"{path}: {len(error.mistakes)} mistake(s)\n{lines}", BAD_INPUT)
    try:
        asyncio.run(_daemon(loaded, source))
    except* Fault as faults:
        stop("; ".join(str(fault) for fault in faults.exceptions), FAULT)
    except* OSError as errors:
        stop("; ".join(str(error) for error in errors.exceptions), FAULT)
    except* ModuleNotFoundError as errors:
        stop(f"{errors.exceptions[0]}; the converter needs the extra `adc`", FAULT)


async def _daemon(loaded: LoadedMeter, source: SourceOf) -> None:
    folder, clock = state_dir(loaded), SystemClock()
    lock = StateLock(folder)
    await lock.take()
    try:
        calibration = in_force(load_calibration(folder / CALIBRATION_FILE))
        journal = SqliteJournal(folder / "journal.sqlite")
        try:
            uplink, samples = uplink_of(loaded), source(loaded, clock)
            world = MeterWorld(clock, journal, uplink, samples, calibration, measuring_of, watchdog())
            running = asyncio.create_task(meter_node(loaded, world).run())
            for sign in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(sign, running.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await running
        finally:
            await journal.close()
    finally:
        lock.free()
