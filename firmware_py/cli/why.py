"""`busbar why`: what the node did at a moment of its record, or does now, and who wanted it so."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import aiomqtt
import msgspec
import typer

from firmware_py.cli.listening import first_message
from firmware_py.cli.options import BAD_INPUT, FAULT, Json, stop
from firmware_py.config import broker_address
from firmware_py.home.diary import ALWAYS_EACH_S, Dated
from firmware_py.journal import JOURNAL_FILE, newest_first
from protocols.evidence import WHY
from protocols.faults import StoreFailed
from protocols.messages import Why, WhyLimit
from protocols.topics import Topics

# A decision is written down once an hour at least; what is older when another should have come tells of a gap.
_GAP: timedelta = timedelta(seconds=ALWAYS_EACH_S + 120.0)
_LIVE_S = 5.0


def why(
    state: Annotated[Path | None, typer.Option(help="The node's state_dir.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Or its journal file.")] = None,
    at: Annotated[str | None, typer.Option(help="RFC 3339 with zone; absent: the newest.")] = None,
    broker: Annotated[str | None, typer.Option(help="Or ask now: mqtt://host:port or mqtts://host:port")] = None,
    node: Annotated[str | None, typer.Option(help="The node, with --broker.")] = None,
    username: Annotated[str | None, typer.Option(help="Name for the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password for the broker.")] = None,
    as_json: Json = False,
) -> None:
    """Say who set the power of a moment, who was overruled by whom and by how much, and what each device was told."""
    if sum(given is not None for given in (state, journal, broker)) != 1:
        stop("one of --state, --journal and --broker is needed", BAD_INPUT)
    if broker is not None:
        if node is None or at is not None:
            stop("--broker needs --node, and knows of now only", BAD_INPUT)
        told, moment = _live(broker, node, (username, password_file)), datetime.now(UTC)
    else:
        moment = datetime.now(UTC) if at is None else _moment(at)
        told = _recorded(journal or (state or Path()) / JOURNAL_FILE, moment, is_newest=at is None)
    print(msgspec.json.encode(told).decode() if as_json else "\n".join(lines(told, moment if at else None)))


def lines(told: Why, asked: datetime | None) -> Iterator[str]:
    """A decision in words; `asked` is the moment that was asked for, None where the newest was."""
    yield f"{told.node} at {told.at}"
    if asked is not None and (gap := asked - datetime.fromisoformat(told.at)) > _GAP:
        yield f"  nothing was written down for {gap} before {asked.isoformat()}: the node may have been off"
    yield f"  connection point   {_watts(told.site_w)}, wanted {_watts(told.target_w)}, set by {told.set_by}: {told.why}"
    yield f"  contract           {told.contract or 'none'}{f'; {told.clamp}' if told.clamp else ''}"
    for each in told.overruled:
        by_w = each.got_w - each.asked_w
        yield f"  overruled          {each.source} asked {each.asked_w:g} W, got {each.got_w:g} W ({by_w:+g}) by {each.by}"
    for limit in told.limits:
        yield f"  limit              {_limit(limit)}"
    for ask in told.asks:
        want = "its most" if ask.want_w is None else f"{ask.want_w:g} W"
        yield f"  ask                {ask.load}: {want} by {ask.rank.replace('_', ' ')} ({ask.why})"
    for name, value_w in told.commands.items():
        told_w = "let go" if value_w is None else f"told {value_w:g} W"
        yield f"  {name:<18} {told_w}, read {_age(told.ages_s.get(name))}"
    for name in told.ages_s.keys() - told.commands.keys():
        yield f"  {name:<18} read {_age(told.ages_s[name])}"


def _limit(limit: WhyLimit) -> str:
    ends = ((limit.import_limit_w, "import"), (limit.export_limit_w, "export"))
    caps = " and ".join(f"at most {most_w:g} W {way}" for most_w, way in ends if most_w is not None)
    return f"{limit.source} {limit.state}: {caps or 'none'} ({limit.why})"


def _watts(power_w: float | None) -> str:
    return "unknown" if power_w is None else f"{power_w:g} W"


def _age(age_s: float | None) -> str:
    return "never" if age_s is None else f"{age_s:.1f} s before"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--at {text!r}: RFC 3339 such as 2026-06-21T10:00:00Z is allowed") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"--at {text!r}: a zone such as Z is needed")
    return moment


def _recorded(path: Path, moment: datetime, *, is_newest: bool) -> Why:
    if not path.is_file():
        stop(f"{path}: there is no such journal", BAD_INPUT)
    earliest = ""
    try:
        for body in newest_first(path, WHY):
            earliest = msgspec.json.decode(body, type=Dated).at
            if is_newest or datetime.fromisoformat(earliest) <= moment:
                return msgspec.json.decode(body, type=Why)
    except (StoreFailed, msgspec.DecodeError) as fault:
        stop(f"{path}: {fault}", FAULT)
    stop(f"{path}: the record begins at {earliest}" if earliest else f"{path}: nothing was written down", FAULT)


def _live(broker: str, node: str, login: tuple[str | None, Path | None]) -> Why:
    username, password_file = login
    try:
        password = password_file.read_text(encoding="utf-8").strip() if password_file else None
        address, topic = broker_address(broker), Topics(node).why
    except (ValueError, OSError) as error:
        stop(str(error), BAD_INPUT)
    try:
        return msgspec.json.decode(asyncio.run(first_message(address, topic, (username, password), _LIVE_S)), type=Why)
    except TimeoutError:
        stop(f"node {node} has said nothing to {broker} within {_LIVE_S:g} s", FAULT)
    except (aiomqtt.MqttError, msgspec.DecodeError) as error:
        print(f"busbar: {broker}: {error}", file=sys.stderr)
        raise typer.Exit(FAULT) from error
