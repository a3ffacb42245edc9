"""`busbar sim`: simulated devices on real wires."""

import asyncio
from typing import Annotated

import typer

from firmware_py.cli.options import BAD_INPUT, stop
from sim_hardware.serve import SIM_MODELS, serve_device
from sim_hardware.serve_telegrams import TELEGRAM_MODELS

app = typer.Typer(
    help="Simulated devices on real wires.",
    epilog="Example: busbar sim device sdm630 --listen pty",
    no_args_is_help=True,
)


@app.callback()
def _sim() -> None:
    """Simulated devices on real wires."""


@app.command("device", epilog="Example: busbar sim device sdm630 --listen tcp://127.0.0.1:5020")
def device(
    model: Annotated[str, typer.Argument(help="The model to simulate.")],
    listen: Annotated[str, typer.Option(help="tcp://host:port (port 0: any) or pty")] = "tcp://127.0.0.1:5020",
    unit: Annotated[int, typer.Option(min=1, max=247, help="Modbus unit id.")] = 1,
) -> None:
    """Serve one simulated device until interrupted; its address is the first line on stdout."""
    known = sorted((*SIM_MODELS, *TELEGRAM_MODELS))
    if model not in known:
        stop(f"model {model!r}: allowed are {', '.join(known)}", BAD_INPUT)
    try:
        asyncio.run(_serve(model, listen, unit))
    except (ValueError, OSError) as error:
        stop(f"--listen {listen!r}: {error}", BAD_INPUT)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _serve(model: str, listen: str, unit: int) -> None:
    async with serve_device(model, listen, unit) as url:
        print(url, flush=True)
        await asyncio.Event().wait()
