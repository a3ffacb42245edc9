"""`busbar proxy`: one Modbus device or line, shared with other programs over Modbus TCP."""

import asyncio
import signal
from typing import Annotated

import typer

from drivers.links import open_bus, parse_url
from drivers.modbus.sharing import SharedBus
from firmware_py.addresses import listen_address, registers_of
from firmware_py.cli.options import BAD_INPUT, parse_duration, stop
from firmware_py.config import TIMEOUT_MAX_S
from firmware_py.proxy.desk import Desk, Share
from firmware_py.proxy.server import Proxy

# Serial Line V1.02, 2.2: addresses of single devices. Above them are reserved ones; 0 is a broadcast.
UNITS = range(1, 248)


def proxy(
    url: Annotated[str, typer.Argument(help="tcp://host:port, rtu+tcp://host:port or serial:///dev/ttyUSB0?baud=9600")],
    listen: Annotated[str, typer.Option(help="tcp://host:port (port 0: any) for the others.")] = "tcp://127.0.0.1:5021",
    unit_map: Annotated[
        str | None, typer.Option(help="Units as the others see them, 1=3,2=7; absent: every unit as it is.")
    ] = None,
    write: Annotated[
        list[str] | None, typer.Option(help="Registers the others may write, 40240-40250; absent: none.")
    ] = None,
    cache: Annotated[str, typer.Option(help="Answer the same question from memory for so long, 0s to 60s.")] = "0s",
    clients: Annotated[int, typer.Option(min=1, max=64, help="How many may be connected at once.")] = 8,
    timeout: Annotated[str, typer.Option(help="How long to wait for each answer of the device.")] = "1s",
) -> None:
    """Share a Modbus device or line with other programs, until interrupted."""
    timeout_s, cache_s = parse_duration(timeout), 0.0 if cache in ("0", "0s") else parse_duration(cache)
    if timeout_s > TIMEOUT_MAX_S or cache_s > 60.0:
        stop(f"--timeout {timeout} --cache {cache}: at most {TIMEOUT_MAX_S:g}s and 60s are allowed", BAD_INPUT)
    try:
        units, writes = _units(unit_map), tuple(map(registers_of, write or ()))
        parse_url(url)
        host, port = listen_address(listen)
    except ValueError as error:
        stop(str(error), BAD_INPUT)
    try:
        asyncio.run(_serve(url, timeout_s, (host, port), (units, writes), (cache_s, clients)))
    except OSError as error:
        stop(f"--listen {listen!r}: {error}", BAD_INPUT)


def _units(text: str | None) -> dict[int, int]:
    """Unit id as the others see it to that of the device."""
    if text is None:
        return {unit: unit for unit in UNITS}
    found: dict[int, int] = {}
    for pair in text.split(","):
        outside, sign, inside = pair.partition("=")
        if not (sign and outside.isdecimal() and inside.isdecimal()) or int(outside) > 255 or int(inside) not in UNITS:
            raise ValueError(f"--unit-map {pair!r}: such as 1=3 is allowed, 0 to 255 for the others, 1 to 247 here")
        if int(outside) in found:
            raise ValueError(f"--unit-map {pair!r}: unit {outside} stands twice")
        found[int(outside)] = int(inside)
    return found


async def _serve(
    url: str,
    timeout_s: float,
    at: tuple[str, int],
    allowed: tuple[dict[int, int], tuple[range, ...]],
    bounds: tuple[float, int],
) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, over.set)
    (units, writes), (cache_s, clients) = allowed, bounds
    bus = SharedBus(open_bus(url, timeout_s))
    shares = {outside: Share(bus, inside, writes) for outside, inside in units.items()}
    desk = Desk(shares, loop.time, cache_s=cache_s)
    try:
        async with Proxy(desk, *at, clients_most=clients) as shared:
            print(shared.url, flush=True)
            await over.wait()
    finally:
        await bus.close()
