"""`busbar`: the one command, with everything below it."""

import logging
import sys
from typing import Annotated

import typer

from firmware_py.cli import contract, demo, hil, home, keys, read, sim

app = typer.Typer(
    name="busbar",
    help="The software of the grid edge: meters, inverters and contracts at one connection point.",
    epilog="Example: busbar demo --for 30s",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(contract.app, name="contract")
app.add_typer(hil.app, name="hil")
app.add_typer(keys.app, name="keys")
app.add_typer(sim.app, name="sim")
app.command("home", epilog="Example: busbar home /etc/busbar/home.toml")(home.run)
app.command("check", epilog="Example: busbar check /etc/busbar/home.toml")(home.check)
app.command("read", epilog="Example: busbar read 'serial:///dev/ttyUSB0?baud=9600' --model sdm630 --watch")(read.read)
app.command("demo", epilog="Example: busbar demo --for 30s --json")(demo.demo)


@app.callback()
def _main(verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")] = False) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def main() -> None:
    """The entry point of the `busbar` script."""
    app()
