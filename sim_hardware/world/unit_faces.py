"""A world's homes behind few Modbus TCP ports: a port for each kind of device, on it a unit id for each home.

As a gateway does it. Ports are counted from the first one: kind 0 to 4 (KINDS) of homes 1 to 247, then kind 0 to 4 of
homes 248 to 494, and so on; a home's unit id is its number in those 247. Homes are numbered in the order of the world.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from sim_hardware.faces.tcp import TcpFace
from sim_hardware.world.world import World

KINDS: Final = ("grid", "load", "pv", "battery", "relays")
# Modbus has these unit ids (Modbus over serial line V1.02, 2.2).
UNITS_MOST: Final = 247


@asynccontextmanager
async def serve_units(world: World, host: str, port: int) -> AsyncIterator[None]:
    """The world's registers from this port on; OSError where one is taken."""
    names = list(world.homes)
    async with AsyncExitStack() as stack:
        for group, first in enumerate(range(0, len(names), UNITS_MOST)):
            homes = names[first : first + UNITS_MOST]
            for place, kind in enumerate(KINDS):
                if (face := _face(world, homes, kind, host, port + group * len(KINDS) + place)) is not None:
                    await stack.enter_async_context(face)
        yield


def _face(world: World, homes: list[str], kind: str, host: str, port: int) -> TcpFace | None:
    """The port of a kind of device; None where none of these homes has one."""
    having = {unit: home for unit, home in enumerate(homes, 1) if kind in world.homes[home].images}
    images = {unit: world.homes[home].images[kind] for unit, home in having.items()}
    faults = {unit: world.faults[f"{home}/{kind}"] for unit, home in having.items()}
    return TcpFace(images, faults, host, port) if having else None
