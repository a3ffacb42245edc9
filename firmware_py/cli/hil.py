"""`busbar hil`: hardware in the loop, in step lock or measured while it runs free; its reports and its tapes."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from firmware_py.cli.home import ConfigPath, daemon, loaded_or_stop
from firmware_py.cli.options import BAD_INPUT, FAULT, Json, parse_duration, stop
from firmware_py.hil.histogram import Histogram
from firmware_py.hil.report import BadReport, figures, merged, save, show
from protocols.faults import Unsupported

if TYPE_CHECKING:
    from firmware_py.hil.drive import Exchange
    from firmware_py.hil.pace import Pace
    from firmware_py.hil.session import Plan

app = typer.Typer(
    help="Hardware in the loop: step lock, latency and jitter, record and replay.",
    epilog="Example: busbar hil run home.toml --for 60s --report run.jsonl",
    no_args_is_help=True,
)
Report = Annotated[Path | None, typer.Option(help="Write the histograms here, a line of JSON for each source.")]
Step = Annotated[str, typer.Option("--step", help="Length of a step of simulated time, such as 100ms.")]
Due = Annotated[str | None, typer.Option(help="When an answer is due; absent: after a step, or a step / speed.")]
Speed = Annotated[
    float | None, typer.Option(help="Pace the steps: 1 is real time. Absent: as fast as the simulator asks.")
]
Seed = Annotated[int, typer.Option(help="Of everything that the simulator does not give.")]
Start = Annotated[str | None, typer.Option(help="Wall time of the node at step 0, RFC 3339 with zone.")]
Tape = Annotated[Path | None, typer.Option("--record", help="Record the session here, to be replayed.")]
Kept = Annotated[Path | None, typer.Option("--journal", help="Keep the node's journal in this new file.")]


@app.command("run", epilog="Example: busbar hil run home.toml --for 60s --report run.jsonl")
def run(
    config: ConfigPath,
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this time; absent: Ctrl-C.")] = None,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Run the real daemon, as `busbar home` does, and measure it: wake-ups, requests, commands, closed loop."""
    from firmware_py.hil.probe import Probe, TimedLoop

    loaded, for_s = loaded_or_stop(config), parse_duration(for_) if for_ is not None else None
    with asyncio.Runner(loop_factory=TimedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, TimedLoop)
        probe = Probe(loaded.home, loop)
        runner.run(daemon(config, loaded, probe, for_s))
    _told(probe.histograms, report, as_json)


@app.command(
    "lock", epilog="Example: busbar hil lock home.toml --listen tcp://127.0.0.1:5599 --step 100ms --record s.tape"
)
def lock(
    config: ConfigPath,
    listen: Annotated[str, typer.Option(help="tcp://host:port (port 0: any) or unix:///path")] = "tcp://127.0.0.1:5599",
    step: Step = "1s",
    deadline: Due = None,
    speed: Speed = None,
    seed: Seed = 1,
    start: Start = None,
    record: Tape = None,
    journal: Kept = None,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Let a simulator grant the time, step by step, over a socket; the address is the first line on stdout."""
    from firmware_py.hil.wire import SocketExchange, accepted, hello, listening

    plan, pace = _session(config, step, deadline, speed, seed, start, journal)
    with contextlib.ExitStack() as stack:
        try:
            listener, url = stack.enter_context(listening(listen))
        except (ValueError, OSError) as error:
            stop(f"--listen {listen!r}: {error}", BAD_INPUT)
        print(url, flush=True)
        # Ctrl-C is the end of a session like any other: what was measured is said.
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        line = stack.enter_context(accepted(listener))
        exchange = stack.enter_context(contextlib.closing(SocketExchange(line, hello(plan, pace))))
        _driven(plan, exchange, pace, record)
    _told(pace.histograms, report, as_json)


@app.command(
    "helics", epilog="Example: busbar hil helics home.toml --until 1h --step 1s --link grid.voltage_v=grid/bus7"
)
def helics(
    config: ConfigPath,
    until: Annotated[str, typer.Option(help="Simulated time to leave the federation at, such as 1h.")],
    step: Step = "1s",
    link: Annotated[list[str] | None, typer.Option(help="QUANTITY=PUBLICATION for an input to follow.")] = None,
    core: Annotated[str, typer.Option(help="HELICS core type: zmq or tcp.")] = "zmq",
    broker: Annotated[str | None, typer.Option(help="The broker's address; absent: on this machine.")] = None,
    deadline: Due = None,
    speed: Speed = None,
    seed: Seed = 1,
    start: Start = None,
    record: Tape = None,
    journal: Kept = None,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Join a HELICS federation as a value federate; the time that is granted is the step."""
    from firmware_py.hil.helics_federate import Federation, FederationEnded, HelicsExchange

    plan, pace = _session(config, step, deadline, speed, seed, start, journal)
    try:
        federation = Federation(parse_duration(until), core, broker, _links(link or []))
    except ValueError as error:
        stop(f"--core or --link: {error}", BAD_INPUT)
    try:
        with HelicsExchange(plan, federation) as exchange:
            _driven(plan, exchange, pace, record)
    except (FederationEnded, Unsupported) as error:
        stop(str(error), FAULT)
    _told(pace.histograms, report, as_json)


@app.command("terminals", epilog="Example: busbar hil terminals simulator.toml --for 60s")
def terminals(
    table: Annotated[Path, typer.Argument(help="Which register is which quantity.", metavar="LINK.toml")],
    host: Annotated[str, typer.Option(help="Address at which the devices listen.")] = "127.0.0.1",
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this time; absent: Ctrl-C.")] = None,
    seed: Seed = 1,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Simulated devices on real wires, their terminals following a simulator's Modbus server; prints their addresses."""
    from firmware_py.hil.bridge import BadLink, load_link
    from firmware_py.hil.terminals import followed

    for_s = parse_duration(for_) if for_ is not None else None
    try:
        link = load_link(table)
    except BadLink as bad:
        stop(str(bad), BAD_INPUT)
    histograms: list[Histogram] = []
    try:
        asyncio.run(followed(link, host, seed, for_s, histograms, lambda urls: print(_json(urls), flush=True)))
    except OSError as error:
        stop(f"--host {host!r}: {error}", BAD_INPUT)
    except KeyboardInterrupt:
        pass
    _told(histograms, report, as_json)


@app.command("report", epilog="Example: busbar hil report monday.jsonl tuesday.jsonl --json")
def report(
    files: Annotated[
        list[Path], typer.Argument(help="Reports; several are merged, source by source.", metavar="FILE…")
    ],
    as_json: Json = False,
) -> None:
    """Show latency and jitter: percentiles, overruns, a histogram of each source; --json prints an object for each."""
    try:
        histograms = merged(files)
    except BadReport as bad:
        stop(str(bad), BAD_INPUT)
    _told(histograms, None, as_json)


@app.command("replay", epilog="Example: busbar hil replay s.tape")
def replay(
    tape: Annotated[Path, typer.Argument(help="A recorded session.", metavar="FILE")], as_json: Json = False
) -> None:
    """Play a recorded session again; exit code 1 and the first difference where it is not the same bit for bit."""
    from firmware_py.hil.tape import BadTape
    from firmware_py.hil.tape import replay as played_again

    try:
        played = played_again(tape)
    except BadTape as bad:
        stop(str(bad), BAD_INPUT)
    if as_json:
        print(_json(played))
    else:
        end = "to its end" if played.is_whole else "as far as it goes"
        print(str(played.difference) if played.difference else f"{played.steps} steps, {end}: the same bit for bit")
    raise typer.Exit(FAULT if played.difference else 0)


def _session(
    config: Path,
    step: str,
    deadline: str | None,
    speed: float | None,
    seed: int,
    start: str | None,
    journal: Path | None,
) -> "tuple[Plan, Pace]":
    from firmware_py.hil.pace import Pace
    from firmware_py.hil.session import START, Plan

    loaded, step_s = loaded_or_stop(config), parse_duration(step)
    if journal is not None and journal.exists():
        stop(f"--journal {str(journal)!r}: exists; a session begins with an empty journal", BAD_INPUT)
    try:
        plan = Plan(loaded, step_s, seed, START if start is None else _moment(start), journal)
        due_s = parse_duration(deadline) if deadline is not None else step_s / (speed or 1.0)
        return plan, Pace(step_s, due_s, speed)
    except ValueError as error:
        stop(str(error), BAD_INPUT)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"--start {text!r}: RFC 3339 such as 2026-06-21T10:00:00Z is allowed") from error
    if moment.tzinfo is None:
        raise ValueError(f"--start {text!r}: a zone such as Z is needed")
    return moment.astimezone(UTC)


def _links(given: Sequence[str]) -> dict[str, str]:
    links: dict[str, str] = {}
    for each in given:
        quantity, sign, publication = each.partition("=")
        if not sign or not publication or quantity in links:
            raise ValueError(f"{each!r}: QUANTITY=PUBLICATION is allowed, once for each quantity")
        links[quantity] = publication
    return links


def _driven(plan: "Plan", exchange: "Exchange", pace: "Pace", record: Path | None) -> None:
    from firmware_py.hil.drive import drive
    from firmware_py.hil.session import LockStep
    from firmware_py.hil.tape import Recorder

    with contextlib.ExitStack() as stack:
        try:
            recorder = None if record is None else stack.enter_context(Recorder(record, plan))
        except OSError as error:
            stop(f"--record {str(record)!r}: {error.strerror}", BAD_INPUT)
        drive(LockStep(plan), exchange, pace, recorder)


def _told(histograms: Sequence[Histogram], report: Path | None, as_json: bool) -> None:
    if report is not None:
        try:
            save(report, histograms)
        except OSError as error:
            stop(f"--report {str(report)!r}: {error.strerror}", BAD_INPUT)
    if as_json:
        for histogram in histograms:
            print(_json(figures(histogram)))
    else:
        show(Console(), histograms)


def _json(what: object) -> str:
    return msgspec.json.encode(what).decode()
