"""`busbar sim`: simulated devices on real wires, one or a whole world of them."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from firmware_py.cli.options import BAD_INPUT, Json, parse_duration, stop
from firmware_py.config import broker_address

app = typer.Typer(
    help="Simulated devices on real wires.",
    epilog="Example: busbar sim device sdm630 --listen pty",
    no_args_is_help=True,
)
Broker = Annotated[str | None, typer.Option(help="The broker of smart plugs, mqtt://host:port.")]


@app.callback()
def _sim() -> None:
    """Simulated devices on real wires."""


@app.command("device", epilog="Example: busbar sim device sdm630 --listen tcp://127.0.0.1:5020")
def device(
    model: Annotated[str, typer.Argument(help="The model to simulate.")],
    listen: Annotated[str, typer.Option(help="tcp://host:port (port 0: any) or pty")] = "tcp://127.0.0.1:5020",
    unit: Annotated[int, typer.Option(min=1, max=247, help="Modbus unit id.")] = 1,
    broker: Broker = None,
) -> None:
    """Serve one simulated device until interrupted; its address is the first line on stdout."""
    from sim_hardware.serve_device import PLUG, SIM_MODELS

    if model not in SIM_MODELS:
        stop(f"model {model!r}: allowed are {', '.join(sorted(SIM_MODELS))}", BAD_INPUT)
    at = _broker(broker)
    if model == PLUG and at is None:
        stop(f"model {model!r}: needs --broker mqtt://host:port", BAD_INPUT)
    try:
        asyncio.run(_serve(model, listen, unit, at))
    except (ValueError, OSError) as error:
        stop(f"--listen {listen!r}: {error}", BAD_INPUT)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _serve(model: str, listen: str, unit: int, broker: tuple[str, int] | None) -> None:
    from sim_hardware.serve_device import serve_device

    async with serve_device(model, listen, unit, broker=broker) as url:
        print(url, flush=True)
        await asyncio.Event().wait()


def _broker(url: str | None) -> tuple[str, int] | None:
    if url is None:
        return None
    try:
        host, port, tls = broker_address(url)
    except ValueError as error:
        stop(f"--broker {url!r}: {error}", BAD_INPUT)
    if tls:
        stop(f"--broker {url!r}: simulated plugs speak plain MQTT; mqtt://host:port is allowed", BAD_INPUT)
    return host, port


@app.command("twin", epilog="Example: busbar sim twin examples/home-full.toml --port 6000 > twin.toml")
def twin(
    config: Annotated[Path, typer.Argument(help="The configuration of a home node.")],
    host: Annotated[str, typer.Option(help="Where the world listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The first port of the world.")] = 6000,
    broker: Annotated[str, typer.Option(help="mqtt://host:port")] = "mqtt://127.0.0.1:1883",
    state_dir: Annotated[str, typer.Option(help="Where the node keeps its state.")] = "twin-state",
) -> None:
    """Print a configuration with the addresses of the first home of `busbar sim world --port`."""
    from firmware_py.cli.sim_twin import Wires
    from firmware_py.cli.sim_twin import twin as text_of

    _broker(broker)
    try:
        print(text_of(config.read_text(encoding="utf-8"), Wires(f"tcp://{host}:{port}", broker, state_dir)), end="")
    except (OSError, ValueError) as error:
        stop(f"{config}: {error}", BAD_INPUT)


@app.command("world", epilog="Example: busbar sim world examples/worlds/street-30.toml --port 6000 --speed 10")
def world(
    file: Annotated[Path, typer.Argument(help="The world file.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="First of the ports, in order; 0: free ones.")] = 0,
    broker: Broker = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.1, max=1000, help="So many times as fast as the clock; absent: as the file says."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Replaces the seed of the file.")] = None,
    homes: Annotated[int | None, typer.Option(help="How many homes; more than the file has: copies of it.")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this time; absent: at Ctrl-C.")] = None,
    as_json: Json = False,
) -> None:
    """Serve a whole world: the addresses of all its devices first, then how it stands, until interrupted."""
    from firmware_py.cli.sim_world import Show, run_world
    from firmware_py.cli.worlds import told, world_config
    from sim_hardware.paced_time import run_paced
    from sim_hardware.world.faces import Where

    at, show = _broker(broker), Show(None if for_ is None else parse_duration(for_), as_json)
    config = world_config(file, seed)
    pace = config.world.speed if speed is None else speed
    try:
        with told(file):
            run_paced(run_world(config, homes, Where(host, port, at), show), pace)
    except (ValueError, OSError) as error:
        stop(f"{file}: {error}", BAD_INPUT)


@app.command("meter", epilog="Example: busbar sim meter examples/meter.toml --add 'noise snr_db=60'")
def meter(
    config: Annotated[
        Path, typer.Argument(help="The meter's TOML file; its [input] is not used.", metavar="CONFIG.toml")
    ],
    spec: Annotated[Path | None, typer.Option(help="A TOML file of a test signal, as for busbar wave.")] = None,
    add: Annotated[
        list[str] | None, typer.Option(help="A part of the signal, as for busbar wave; may stand often.")
    ] = None,
    toggle: Annotated[
        list[str] | None,
        typer.Option(help="Turn a contact over, such as cover@5s, magnet@8s, supply@9s, button@10s; may stand often."),
    ] = None,
) -> None:
    """Run a real meter on a simulated converter, relay and contacts: a test signal in real time, for ever."""
    from firmware_py.cli.meter_daemon import run_meter
    from firmware_py.cli.sim_meter import simulated
    from firmware_py.cli.wave import wave_or_stop

    run_meter(config, simulated(wave_or_stop(spec, add or [], {}), toggle or []))
