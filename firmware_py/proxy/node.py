"""The proxies of a home node: its buses shared, the node their owner."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.modbus.sharing import SharedBus
from firmware_py.addresses import listen_address, registers_of
from firmware_py.compose_loads import BusOf
from firmware_py.config import DeviceConfig, HomeConfig, ProxyConfig
from firmware_py.proxy.desk import Desk, Share
from firmware_py.proxy.server import Proxy
from firmware_py.supervise import ended
from protocols.ports import RegisterBus


class SharedBuses:
    """Every bus of a node, shared; implements `firmware_py.compose.BusOf` for the node."""

    def __init__(self, bus_of: BusOf) -> None:
        self._bus_of = bus_of
        self._shared: dict[int, tuple[RegisterBus, SharedBus]] = {}

    def __call__(self, url: str, timeout_s: float) -> SharedBus:
        """The shared bus of this URL."""
        bus = self._bus_of(url, timeout_s)
        _, shared = self._shared.setdefault(id(bus), (bus, SharedBus(bus)))
        return shared


@asynccontextmanager
async def proxies(home: HomeConfig, buses: SharedBuses) -> AsyncIterator[list[Proxy]]:
    """The proxies of this configuration, for as long as the block lasts; a port that is taken stops nothing."""
    devices = {device.name: device for device in home.device}
    made = [_proxy(config, devices, buses) for config in home.proxy]
    running = [asyncio.get_running_loop().create_task(each.run(), name=f"proxy {each.url}") for each in made]
    try:
        yield made
    finally:
        await ended(*running)


def _proxy(config: ProxyConfig, devices: dict[str, DeviceConfig], buses: SharedBuses) -> Proxy:
    shares = {}
    for share in config.share:
        device = devices[share.device]
        bus = buses(device.url, device.timeout_s)
        outside = device.unit if share.unit is None else share.unit
        shares[outside] = Share(bus, device.unit, tuple(map(registers_of, share.writes)))
    desk = Desk(shares, asyncio.get_running_loop().time, cache_s=config.cache_s)
    return Proxy(desk, *listen_address(config.listen), clients_most=config.clients_most)
