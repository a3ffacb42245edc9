"""`busbar replay`: a record served as the device it was taken from."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from firmware_py.cli.options import BAD_INPUT, parse_duration, stop
from protocols.modbus import Request
from protocols.recording import BadRecording, Recording, parse
from sim_hardware.replay.faces import served
from sim_hardware.replay.player import Player


def replay(
    file: Annotated[Path, typer.Argument(help="What `busbar record` wrote.")],
    listen: Annotated[
        str, typer.Option(help="tcp://host:port (port 0: any), rtu+tcp://host:port or pty")
    ] = "tcp://127.0.0.1:5020",
    speed: Annotated[float, typer.Option(min=0.001, max=1000, help="So many times as fast as it was recorded.")] = 1.0,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at its end.")] = False,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="Each request gets the next reply to it, whatever the time.")
    ] = False,
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this time; absent: at Ctrl-C.")] = None,
) -> None:
    """Serve a record as a device until interrupted; its address is the first line on stdout."""
    for_s = None if for_ is None else parse_duration(for_)
    recording = _read(file)
    player = Player(recording, speed=speed, loop=loop, in_order=in_order, on_unknown=_Said())
    try:
        asyncio.run(_serve(player, listen, for_s))
    except (ValueError, OSError) as error:
        stop(f"--listen {listen!r}: {error}", BAD_INPUT)
    if player.unknown:
        _say(f"{player.unknown.total()} requests were never recorded; the device refused them")


def _read(file: Path) -> Recording:
    try:
        recording = parse(file.read_bytes(), str(file))
    except OSError as error:
        stop(f"{file}: {error.strerror}", BAD_INPUT)
    except BadRecording as error:
        stop(str(error), BAD_INPUT)
    if not recording.lines:
        stop(f"{file}: nothing was recorded", BAD_INPUT)
    if recording.is_cut:
        _say(f"{file}: line {len(recording.lines) + 2} was cut short and is left out")
    return recording


class _Said:
    """Says each unknown request once."""

    def __init__(self) -> None:
        self._known: set[Request] = set()

    def __call__(self, request: Request) -> None:
        if request not in self._known:
            self._known.add(request)
            _say(f"{request}: was never recorded")


async def _serve(player: Player, listen: str, for_s: float | None) -> None:
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, over.set)
    async with served(player, listen, _say) as url:
        print(url, flush=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                await over.wait()


def _say(text: str) -> None:
    print(f"busbar: {text}", file=sys.stderr, flush=True)
