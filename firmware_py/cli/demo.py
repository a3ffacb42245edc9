"""`busbar demo`: one simulated home with everything, in one command."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from firmware_py.cli.options import BAD_INPUT, FAULT, Json, parse_duration, stop
from firmware_py.config import broker_address
from firmware_py.demo.run import SHORTEST_S, Stage, Summary, run_demo
from firmware_py.demo.screen import screen
from protocols.faults import Refused, StoreFailed, Unsupported


def demo(
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this time, such as 30s.")] = None,
    broker: Annotated[str | None, typer.Option(help="A real broker, mqtt://host:port; absent: one inside.")] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(help="Write the first contract's evidence bundle here (.zip), the node's key beside it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a simulated home on real wires, its real home node, and a scripted contract."""
    for_s = parse_duration(for_) if for_ is not None else None
    if for_s is not None and for_s < SHORTEST_S:
        stop(f"--for {for_}: at least {SHORTEST_S:g}s, so that the scripted contract fits", BAD_INPUT)
    if broker is not None:
        try:
            broker_address(broker)
        except ValueError as error:
            stop(f"--broker {broker!r}: {error}", BAD_INPUT)
    if evidence is not None and (evidence.exists() or evidence.suffix == ".pub" or not evidence.parent.is_dir()):
        stop(f"--evidence {str(evidence)!r}: a new file in a folder that is there is needed", BAD_INPUT)
    try:
        summary = asyncio.run(_demo(for_s, broker, evidence, as_json))
    except asyncio.CancelledError:
        stop("ended before the play began", FAULT)
    except (Unsupported, Refused, StoreFailed) as fault:
        stop(str(fault), FAULT)
    print(msgspec.json.encode(summary).decode() if as_json else _told(summary))
    raise typer.Exit(0 if summary.published else FAULT)


async def _demo(for_s: float | None, broker: str | None, evidence: Path | None, as_json: bool) -> Summary:
    console = Console(stderr=as_json)
    playing = asyncio.current_task()
    for sign in (signal.SIGINT, signal.SIGTERM):
        if playing is not None:
            asyncio.get_running_loop().add_signal_handler(sign, playing.cancel)
    if as_json or not console.is_terminal:
        return await _to_the_end(for_s, broker, console, evidence, as_json)
    with Live(console=console, refresh_per_second=4) as live:
        return await run_demo(
            for_s, broker, lambda stage: live.update(screen(stage.node, stage.head_end.events)), evidence
        )


async def _to_the_end(
    for_s: float | None, broker: str | None, console: Console, evidence: Path | None, as_json: bool
) -> Summary:
    """Without a terminal: the last table only."""
    last: list[Stage] = []
    summary = await run_demo(for_s, broker, lambda stage: last.append(stage) if not last else None, evidence)
    if last and not as_json:
        console.print(screen(last[0].node, last[0].head_end.events))
    return summary


def _told(summary: Summary) -> str:
    contracts = ", ".join(f"{name} {outcome}" for name, outcome in summary.contracts.items()) or "none"
    return (
        f"{summary.published} readings published, {summary.received} seen back by an independent subscriber; "
        f"{summary.intervals_durable} intervals durable at the head-end\n"
        f"{summary.setpoints_written} setpoints written in {summary.cycles} cycles, the worst took {summary.worst_cycle_ms} ms\n"
        f"contracts: {contracts}" + (f"\nevidence: {summary.evidence}" if summary.evidence else "")
    )
