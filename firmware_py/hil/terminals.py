"""A simulated home on real wires that follows a simulator: the devices are served, and a bridge keeps them together."""

import asyncio
from collections.abc import Callable, Mapping

from drivers.links import open_bus
from firmware_py.hil.bridge import Bridge, LinkConfig
from firmware_py.hil.histogram import Histogram
from sim_hardware.foreign import ForeignHome
from sim_hardware.serve import serve


async def followed(
    link: LinkConfig,
    host: str,
    seed: int,
    for_s: float | None,
    histograms: list[Histogram],
    show: Callable[[Mapping[str, str]], None],
) -> None:
    """Serve until cancelled, or for a time; `show` is told the addresses by part, `histograms` get what was measured."""
    bus, home = open_bus(link.url, link.timeout_s), ForeignHome(seed)
    bridge = Bridge(link, bus, home)
    histograms += bridge.histograms
    try:
        async with serve(home, host=host) as rig:
            show(rig.urls)
            await asyncio.wait_for(bridge.run(), for_s)
    except TimeoutError:
        pass  # the time is over
    finally:
        await bus.close()
