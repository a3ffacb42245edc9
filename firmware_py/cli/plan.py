"""`busbar plan`: the plan in force, or one made on the spot."""

import asyncio
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import aiomqtt
import msgspec
import typer
from rich.console import Console
from rich.text import Text

from firmware_py.cli.home import ConfigPath, loaded_or_stop
from firmware_py.cli.listening import first_message
from firmware_py.cli.options import BAD_INPUT, FAULT, Json, parse_duration, stop
from firmware_py.config import Loaded, broker_address
from firmware_py.home.planning.service import VALID_REPLANS, VALID_S
from firmware_py.journal import JOURNAL_FILE
from firmware_py.journal_reading import ReadOnlyJournal
from firmware_py.plan_page import headlines, panels, tables
from firmware_py.plot import BRAILLE, PLAIN
from protocols.faults import Fault, Refused
from protocols.plan import KEPT, PublishedPlan, parse_plan
from protocols.topics import Topics

_LIVE_S: Final = 5.0
_NARROWEST: Final = 40


def plan(
    config: ConfigPath,
    now: Annotated[bool, typer.Option("--now", help="Make one on the spot, whatever is in force.")] = False,
    in_force: Annotated[bool, typer.Option("--in-force", help="Only the one in force.")] = False,
    broker: Annotated[str | None, typer.Option(help="Ask there for the one in force: mqtt://host:port")] = None,
    username: Annotated[str | None, typer.Option(help="Name for the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password for the broker.")] = None,
    budget: Annotated[str, typer.Option(help="How long making one may take.")] = "10s",
    width: Annotated[
        int | None, typer.Option(min=_NARROWEST, help="Characters of a line; absent: the terminal's.")
    ] = None,
    plot: Annotated[bool, typer.Option("--plot/--no-plot", help="Draw the series below the table.")] = True,
    as_json: Json = False,
) -> None:
    """Show what the node means to do and what it costs; what is not known is assumed, and said."""
    if now and (in_force or broker is not None):
        stop("--now makes a plan: it goes with neither --in-force nor --broker", BAD_INPUT)
    budget_s, loaded = parse_duration(budget), loaded_or_stop(config)
    found = None if now else _in_force(loaded, broker, (username, password_file))
    if found is None and (in_force or broker is not None):
        stop(f"node {loaded.home.node.id} has no plan in force", FAULT)
    shown = found or _made(loaded, budget_s)
    if as_json:
        print(msgspec.json.encode(shown).decode())
        return
    _print(shown, width or max(shutil.get_terminal_size().columns, _NARROWEST), plot=plot)


def _print(shown: PublishedPlan, width: int, *, plot: bool) -> None:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    console = Console(width=width, highlight=False, soft_wrap=False)
    for line in headlines(shown):
        console.print(Text(line))
    for table in tables(shown, width):
        console.print()
        console.print(table)
    if not plot:
        return
    for lines in panels(shown, width, BRAILLE if encoding.startswith("utf") else PLAIN):
        console.print()
        console.print(Text(lines[0], style="bold"))
        for line in lines[1:]:
            console.print(Text(line, no_wrap=True))


def _in_force(loaded: Loaded, broker: str | None, login: tuple[str | None, Path | None]) -> PublishedPlan | None:
    """The newest plan of the node, if it still counts."""
    try:
        body = _kept(loaded) if broker is None else retained(broker, Topics(loaded.home.node.id).plan, login)
        found = None if body is None else parse_plan(body)
    except Fault as fault:
        stop(str(fault), FAULT)
    return found if found is not None and _counts(found, loaded, datetime.now(UTC)) else None


def _counts(found: PublishedPlan, loaded: Loaded, utc: datetime) -> bool:
    """Whether a node that runs still goes by it; one that stands has none in force before long."""
    replan_s = 0.0 if loaded.home.plan is None else loaded.home.plan.replan_s
    valid = timedelta(seconds=max(VALID_REPLANS * replan_s, VALID_S))
    return utc - datetime.fromisoformat(found.made_at) < valid and utc < found.moment(found.steps)


def _kept(loaded: Loaded) -> bytes | None:
    return asyncio.run(ReadOnlyJournal(loaded.home.node.state_dir / JOURNAL_FILE).kept(KEPT))


def retained(broker: str, topic: str, login: tuple[str | None, Path | None]) -> bytes | None:
    """What a broker keeps on a topic; None where it has nothing. Stops with an exit code where it cannot be asked."""
    username, password_file = login
    try:
        password = password_file.read_text(encoding="utf-8").strip() if password_file else None
        address = broker_address(broker)
    except (ValueError, OSError) as error:
        stop(str(error), BAD_INPUT)
    try:
        return asyncio.run(first_message(address, topic, (username, password), _LIVE_S))
    except TimeoutError:
        return None
    except aiomqtt.MqttError as error:
        stop(f"{broker}: {error}", FAULT)


def _made(loaded: Loaded, budget_s: float) -> PublishedPlan:
    # HiGHS and the forecasts take a second to import; a plan in force needs neither.
    from firmware_py.plan_now import made_now

    try:
        return asyncio.run(made_now(loaded, budget_s))
    except Refused as refused:
        stop(f"no plan can be made: {refused}", FAULT)
    except Fault as fault:
        stop(str(fault), FAULT)
