"""A world served until it is over: what `busbar sim world` prints, and what runs behind it."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from firmware_py.supervise import ended
from sim_hardware.paced_time import PacedLoop
from sim_hardware.world.config import WorldConfig
from sim_hardware.world.faces import Address, Status, Where, serve_world
from sim_hardware.world.plan import planned
from sim_hardware.world.script import fault_script
from sim_hardware.world.world import World

# A status line this often on the wall's clock: on a terminal, and in a file or a pipe.
STATUS_S: Final = 1.0
QUIET_STATUS_S: Final = 10.0
# Faults by chance are drawn for so long; a world that is served for longer has none after it.
DRAWN_S: Final = 7 * 86_400.0
# What a busy moment may cost and be made up for, on the wall's clock.
BEHIND_S: Final = 1.0
FAULTS_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Show:
    """How long on the wall's clock (None: until a signal), and whether for programs."""

    for_s: float | None
    as_json: bool


async def run_world(config: WorldConfig, homes: int | None, where: Where, show: Show) -> None:
    """Serve it; whatever ends the physics ends it."""
    world, stopping = World(config, planned(config, homes)), asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stopping.set)
    async with serve_world(world, where) as addresses:
        _tell_addresses(addresses, show)
        loop = asyncio.get_running_loop()
        script = fault_script(config, list(world.faults), DRAWN_S)
        tasks = [
            loop.create_task(_move(world), name="physics"),
            loop.create_task(script.play(world.faults), name="faults"),
            loop.create_task(_tell(world, show), name="status"),
        ]
        try:
            await _until(stopping, show, tasks)
        finally:
            await ended(*tasks)


async def _move(world: World) -> None:
    """Let the world's time follow the loop's, step by step; a world too large for its speed falls behind for good."""
    loop = asyncio.get_running_loop()
    next_s = loop.time()
    while True:
        next_s = max(next_s + world.step_s, loop.time() - BEHIND_S * _speed())
        await asyncio.sleep(next_s - loop.time())
        world.after(world.step_s)


async def _until(stopping: asyncio.Event, show: Show, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Return when the time is over or a signal came; raise what has ended a task."""
    loop = asyncio.get_running_loop()
    end = loop.create_task(_end(stopping, show))
    left: set[asyncio.Task[None]] = {end, *tasks}
    try:
        while not end.done():
            done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            for task in done:  # the last fault may be over while the world goes on
                task.result()
    finally:
        await ended(end)


async def _end(stopping: asyncio.Event, show: Show) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(None if show.for_s is None else show.for_s * _speed()):
            await stopping.wait()


def _speed() -> float:
    loop = asyncio.get_running_loop()
    return loop.speed if isinstance(loop, PacedLoop) else 1.0


def _tell_addresses(addresses: Sequence[Address], show: Show) -> None:
    if show.as_json:
        for address in addresses:
            print(msgspec.json.encode(asdict(address)).decode(), flush=True)
        return
    table = Table("device", "model", "unit", "address", box=None, pad_edge=False)
    for address in addresses:
        table.add_row(address.device, address.model, "" if address.unit is None else f"{address.unit}", address.url)
    console = Console()
    # Addresses are there to be copied: never broken, never cut.
    console.print(table, soft_wrap=True, crop=False, no_wrap=True)


async def _tell(world: World, show: Show) -> None:
    """How the world stands, for as long as it stands."""
    console = Console()
    if show.as_json:
        await _lines(world, STATUS_S, lambda status: msgspec.json.encode(asdict(status)).decode())
    elif console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                live.update(Text(told(Status.of(world))), refresh=True)
                await asyncio.sleep(STATUS_S * _speed())
    else:
        await _lines(world, QUIET_STATUS_S, told)


async def _lines(world: World, every_s: float, text: Callable[[Status], str]) -> None:
    while True:
        print(text(Status.of(world)), flush=True)
        await asyncio.sleep(every_s * _speed())


def told(status: Status) -> str:
    """One line for people."""
    faulty = ", ".join(status.faults[:FAULTS_SHOWN]) + (" …" if len(status.faults) > FAULTS_SHOWN else "")
    return (
        f"{status.time}  {status.voltage_least_v:.1f} to {status.voltage_most_v:.1f} V  {status.frequency_hz:.3f} Hz"
        f"  {status.power_w / 1e3:.2f} kW  faults {len(status.faults)}{': ' + faulty if faulty else ''}"
    )
