"""A simulated home on real wires (`serve`), or in memory (`memory_buses`)."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from sim_hardware.faces.memory import LATENCY_S, MemoryBus
from sim_hardware.faces.rtu import RtuFace
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.faults import Faults
from sim_hardware.home import STEP_S, SimHome

UNIT: Final = 1  # every device has a wire of its own, and on it the unit id from the factory
ON_RTU: Final = ("load", "thermometers")
# The wires of a home in memory, by device; they look like those of a real one so that a configuration needs no case.
MEMORY_URLS: Final = {
    "grid": "tcp://grid.sim:502",
    "pv": "tcp://pv.sim:502",
    "battery": "tcp://battery.sim:502",
    "load": "serial:///dev/sim-load?baud=9600",
    "charger": "tcp://charger.sim:502",
    "relays": "tcp://relays.sim:502",
    "thermometers": "serial:///dev/sim-probes?baud=9600",
}


@dataclass(frozen=True)
class Rig:
    """A home that is being served: its urls and faults by device name ("grid", "pv", "battery", "load")."""

    home: SimHome
    urls: Mapping[str, str]

    @property
    def faults(self) -> Mapping[str, Faults]:
        """The fault switches by device."""
        return self.home.faults


class Timed(Protocol):
    """A simulated home or world: time is given to it."""

    def after(self, dt_s: float) -> None:
        """Let time pass."""
        ...


T = TypeVar("T", bound=Timed)


async def tick(home: Timed, step_s: float = STEP_S) -> None:
    """Let the home's time follow the loop's, in steps of equal length, until cancelled."""
    loop = asyncio.get_running_loop()
    start_s, done = loop.time(), 0
    while True:
        due = math.floor((loop.time() - start_s) / step_s + 1e-6)
        if due > done:
            home.after((due - done) * step_s)
            done = due
        await asyncio.sleep(start_s + (done + 1) * step_s - loop.time())


@asynccontextmanager
async def ticking(home: T, step_s: float = STEP_S) -> AsyncIterator[T]:
    """The home (or whatever moves with time) with its time running; on virtual time a step of 1 s is plenty."""
    ticker = asyncio.get_running_loop().create_task(tick(home, step_s), name="physics")
    try:
        yield home
    finally:
        ticker.cancel()
        with suppress(asyncio.CancelledError):  # and nothing else: broken physics must be seen
            await ticker


def memory_buses(
    home: SimHome, urls: Mapping[str, str] = MEMORY_URLS, *, latency_s: float = LATENCY_S
) -> dict[str, MemoryBus]:
    """A bus for each device of the home by url; the home's faults act on them. Run `ticking` beside them."""
    return {
        urls[name]: MemoryBus({UNIT: image}, {UNIT: home.faults[name]}, name=urls[name], latency_s=latency_s)
        for name, image in home.images.items()
    }


@asynccontextmanager
async def serve(
    home: SimHome, *, host: str = "127.0.0.1", ports: Mapping[str, int] | None = None
) -> AsyncIterator[Rig]:
    """The home on real wires, its time following the loop's: three TCP ports (0 or unnamed: a free one), one pty."""
    async with AsyncExitStack() as stack:
        urls = {}
        for name in home.images:
            face = _face(home, name, host, (ports or {}).get(name, 0))
            await stack.enter_async_context(face)
            urls[name] = face.url
        await stack.enter_async_context(ticking(home))
        yield Rig(home, urls)


def _face(home: SimHome, name: str, host: str, port: int) -> TcpFace | RtuFace:
    images, faults = {UNIT: home.images[name]}, {UNIT: home.faults[name]}
    return RtuFace(images, faults) if name in ON_RTU else TcpFace(images, faults, host, port)
