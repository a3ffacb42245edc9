"""`busbar`: the one command, with everything below it."""

import logging
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class _Below:
    """A command, or a group of them where there is no example: its module, what in it, and its line in the help."""

    module: str
    name: str
    help: str
    example: str = ""


_BELOW: Final = {
    "home": _Below(
        "firmware_py.cli.home",
        "run",
        "Run a home node until it is told to stop (SIGTERM or Ctrl-C); it lets go of every device first.",
        "busbar home /etc/busbar/home.toml",
    ),
    "check": _Below(
        "firmware_py.cli.home",
        "check",
        "Check a configuration: every mistake at once, each with key, value and what is allowed; exit code 2.",
        "busbar check /etc/busbar/home.toml",
    ),
    "read": _Below(
        "firmware_py.cli.read",
        "read",
        "Read a meter, inverter or thermometer: every quantity, with its unit.",
        "busbar read 'serial:///dev/ttyUSB0?baud=9600' --model sdm630 --watch",
    ),
    "scan": _Below(
        "firmware_py.cli.scan",
        "scan",
        "Find the devices on a line: who talks by itself, then every unit is asked who it is; nothing is written.",
        "busbar scan 'serial:///dev/ttyUSB0' --units 1-10",
    ),
    "device": _Below(
        "firmware_py.cli.device",
        "app",
        "A meter that is not in the catalogue yet: begin its file, and try it. A drive: move it by hand.",
    ),
    "conform": _Below(
        "firmware_py.cli.conform",
        "conform",
        "Check a device against its driver: sign, sums, scales, counters, the wire; with --write also what it obeys.",
        "busbar conform tcp://192.0.2.10 --model sunspec-inverter --write --out certificate.json",
    ),
    "record": _Below(
        "firmware_py.cli.record",
        "record",
        "Record the wire traffic of a device with its times and faults; serial numbers are masked.",
        "busbar record tcp://192.0.2.7 --model sdm630 --for 1h --out grid.jsonl",
    ),
    "replay": _Below(
        "firmware_py.cli.replay",
        "replay",
        "Serve a record as a device until interrupted; its address is the first line on stdout.",
        "busbar replay grid.jsonl --listen tcp://127.0.0.1:5020 --speed 10 --loop",
    ),
    "proxy": _Below(
        "firmware_py.cli.proxy",
        "proxy",
        "Share a Modbus device or line with other programs, until interrupted.",
        "busbar proxy tcp://192.0.2.7 --listen tcp://127.0.0.1:5021 --cache 0.5s",
    ),
    "fleet": _Below(
        "firmware_py.cli.fleet",
        "fleet",
        "Run a fleet: on virtual time, in real time, or so many times faster; without a word as the world file says.",
        "busbar fleet examples/one-home.toml --virtual 24h --json",
    ),
    "demo": _Below(
        "firmware_py.cli.demo",
        "demo",
        "Run a simulated home on real wires, its real home node, and a scripted contract.",
        "busbar demo --for 30s --json",
    ),
    "settle": _Below(
        "firmware_py.cli.settle",
        "settle",
        "Settle a contract: delivered energy, deviation and payment, for each interval and in sum.",
        "busbar settle --contract contract.json --readings readings.csv --baseline nomination.csv",
    ),
    "verify": _Below(
        "firmware_py.cli.verify",
        "verify_file",
        "Verify an evidence bundle offline; the exit code is 0 only if all of it is right.",
        "busbar verify evidence.zip --key node.pub",
    ),
    "contract": _Below(
        "firmware_py.cli.contract",
        "app",
        "Write, sign and send contracts and messages about them; export the evidence.",
    ),
    "approver": _Below(
        "firmware_py.cli.approver",
        "approver",
        "Approve trades for a zone under one power cap, until there is a zone node.",
        "busbar approver --cap-w 5000 --name zone-1 --key zone-1.key --broker mqtt://127.0.0.1:1883",
    ),
    "limit": _Below("firmware_py.cli.limit", "app", "Stand in for an energy guard: heartbeats and limits."),
    "outlook": _Below(
        "firmware_py.cli.outlook",
        "app",
        "Tell a node of the hours to come: prices, forecasts, trips.",
    ),
    "plan": _Below(
        "firmware_py.cli.plan",
        "plan",
        "Show what the node means to do and what it costs; what is not known is assumed, and said.",
        "busbar plan /etc/busbar/home.toml",
    ),
    "flexibility": _Below(
        "firmware_py.cli.flexibility",
        "flexibility",
        "Show how far a node offers to leave its plan, when, and at what price; exit code 1 where it says nothing of that.",
        "busbar flexibility --node home-1 --broker mqtt://127.0.0.1:1883",
    ),
    "why": _Below(
        "firmware_py.cli.why",
        "why",
        "Say who set the power of a moment, who was overruled by whom and by how much, and what each device was told.",
        "busbar why --state /var/lib/busbar --at 2026-06-21T10:00:00Z",
    ),
    "wave": _Below(
        "firmware_py.cli.wave",
        "wave",
        "Make a test signal: sampled voltages and currents of which every quantity is known.",
        "busbar wave dip.npz --add 'dip start_s=1 duration_s=0.1 ratio=0.4 phase=l1' --add 'noise snr_db=60'",
    ),
    "meter": _Below(
        "firmware_py.cli.meter",
        "app",
        "Run a meter (CONFIG.toml), play a recording to it (--play FILE), or calibrate it.",
    ),
    "hil": _Below(
        "firmware_py.cli.hil", "app", "Hardware in the loop: step lock, latency and jitter, record and replay."
    ),
    "keys": _Below("firmware_py.cli.keys", "app", "Make the keys that contracts are signed with."),
    "ledger": _Below(
        "firmware_py.cli.ledger",
        "app",
        "An append-only log (RFC 9162) of a zone's contracts and settlements, with witnesses.",
    ),
    "sim": _Below("firmware_py.cli.sim", "app", "Simulated devices on real wires."),
}


class _Group(TyperGroup):
    """Imports what a command needs when it is called: all of it takes a second, on a Pi several."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer brings its own click
        """As the base class, with the real command in the place of its line."""
        if args[0] in _BELOW:
            self.commands[args[0]] = _real(args[0])
        return super().resolve_command(ctx, args)


def _real(name: str) -> Any:  # noqa: ANN401 - typer brings its own click
    below, alone = _BELOW[name], typer.Typer()
    found = getattr(import_module(below.module), below.name)
    if below.example:
        alone.command(name, epilog=f"Example: {below.example}")(found)
    else:
        alone.add_typer(found, name=name)
    return get_group(alone).commands[name]


app = typer.Typer(
    name="busbar",
    cls=_Group,
    help="The software of the grid edge: meters, inverters and contracts at one connection point.",
    epilog="Example: busbar demo --for 30s",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _line() -> None:
    """Stands for a command in the help."""


for _name, _below in _BELOW.items():
    app.command(_name, help=_below.help)(_line)


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
