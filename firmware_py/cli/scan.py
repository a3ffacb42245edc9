"""`busbar scan`: find the devices on a line, and the lines that a configuration needs; exit code 1 where nobody answers."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from drivers.links import BAUDS, NetLink, open_bus, parse_url
from drivers.listening import BAUDS as TELEGRAM_BAUDS
from drivers.listening import Listener, listen
from drivers.modbus.serial_channel import SerialSettings, open_port
from drivers.scan import Found
from drivers.scan import scan as scan_line
from firmware_py.cli.options import BAD_INPUT, FAULT, Json, parse_duration, stop
from protocols.faults import LinkDown

Hit = tuple[str, Found]


@dataclass(slots=True)
class Try:
    """One setting of a line, and the units still to be asked there; None: it is listened to."""

    url: str
    units: list[int] | None = None

    def __str__(self) -> str:
        return f"{self.url} listening" if self.units is None else f"{self.url} units {_ranges(self.units)}"


@dataclass(slots=True)
class Search:
    """What is still to be tried, and who was found."""

    left: list[Try]
    hits: list[Hit] = field(default_factory=list)


def scan(
    url: Annotated[str, typer.Argument(help="tcp://host[:port], rtu+tcp://host:port or serial:///dev/ttyUSB0")],
    units: Annotated[str, typer.Option(help="Units to ask, such as 1-10,100 (1 to 255).")] = "1-10",
    bauds: Annotated[str, typer.Option(help="Baud rates of a serial line, in order.")] = "9600,19200,115200",
    parities: Annotated[str, typer.Option(help="Parities of a serial line, of N, E and O.")] = "NE",
    timeout: Annotated[str, typer.Option(help="How long to wait for each answer.")] = "300ms",
    listening: Annotated[
        str, typer.Option("--listen", help="How long to listen at each rate for a meter that talks by itself; 0s: not.")
    ] = "11s",
    within: Annotated[
        str | None, typer.Option(help="End after this time at the latest, and say what was not tried.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the devices on a line: who talks by itself, then every unit is asked who it is; nothing is written."""
    timeout_s = parse_duration(timeout)
    listen_s = 0.0 if listening in ("0", "0s") else parse_duration(listening)
    within_s = None if within is None else parse_duration(within)
    try:
        asked = _units(units)
        heard = [Try(line) for line in _streams(url)] if listen_s > 0 else []
        search = Search([*heard, *(Try(line, list(asked)) for line in _lines(url, bauds, parities))])
    except ValueError as error:
        stop(str(error), BAD_INPUT)
    most_s = listen_s * len(heard) + 2 * timeout_s * len(asked) * (len(search.left) - len(heard))
    print(
        f"busbar: {len(heard)} settings to listen to, {len(asked)} units on {len(search.left) - len(heard)} settings to ask;"
        f" {most_s:.0f} s if all are silent",
        file=sys.stderr,
    )
    try:
        asyncio.run(_within(search, timeout_s, listen_s, within_s))
    except LinkDown as fault:
        stop(str(fault), FAULT)
    except KeyboardInterrupt:
        print("busbar: interrupted; this is what was found", file=sys.stderr)
    (_print_json if as_json else _print_table)(search)
    raise typer.Exit(0 if search.hits else FAULT)


async def _within(search: Search, timeout_s: float, listen_s: float, within_s: float | None) -> None:
    limit = asyncio.timeout(within_s)
    try:
        async with limit:
            await _search(search, timeout_s, listen_s)
    except TimeoutError:
        if not limit.expired():
            raise
    if search.hits:
        del search.left[1:]  # a line has one setting: the others need not be tried any more


async def _search(search: Search, timeout_s: float, listen_s: float) -> None:
    """Every setting of the line until one is answered: a line has one setting."""
    while search.left:
        this = search.left[0]
        if this.units is None:
            await _listen(search, this.url, listen_s)
        else:
            await _ask(search, this.url, this.units, timeout_s)
        search.left.remove(this)
        if search.hits:
            search.left.clear()


async def _ask(search: Search, url: str, units: list[int], timeout_s: float) -> None:
    """Ask each unit and strike it out."""
    bus = open_bus(url, timeout_s, retries=0)
    try:
        async for found in scan_line(bus, tuple(units)):
            if isinstance(found, Found):
                _note(search, url, found)
            units.pop(0)
    finally:
        await bus.close()


async def _listen(search: Search, url: str, for_s: float) -> None:
    settings, listener = parse_url(url), Listener()
    assert isinstance(settings, SerialSettings), f"{url}: only serial lines are listened to"
    try:
        channel = await open_port(settings)
    except LinkDown as fault:
        raise LinkDown(f"{url}: {fault}") from fault
    try:
        found = await listen(channel, listener, for_s)
    finally:
        channel.close()
    if found is not None:
        _note(search, url, found)
    elif listener.remark:
        print(f"busbar: {url}: {listener.remark}", file=sys.stderr)


def _note(search: Search, url: str, found: Found) -> None:
    search.hits.append((url, found))
    print(f"busbar: {url} {_who(found)}: {_what(found)}", file=sys.stderr)


def _streams(url: str) -> Iterator[str]:
    """The settings at which a serial line is listened to; one that names its settings is taken at its word."""
    link = parse_url(url)
    if isinstance(link, SerialSettings):
        yield from [url] if "?" in url else [f"{url}?baud={baud}" for baud in TELEGRAM_BAUDS]


def _lines(url: str, bauds: str, parities: str) -> Iterator[str]:
    """The URL with each setting to try; one that names its settings is taken at its word."""
    if isinstance(parse_url(url), NetLink) or "?" in url:
        yield url
        return
    rates = [_baud(text) for text in bauds.split(",")]
    if not parities or set(parities) - set("NEO"):
        raise ValueError(f"--parities {parities!r}: letters of N, E and O are allowed")
    for baud in rates:
        for parity in dict.fromkeys(parities):
            yield f"{url}?baud={baud}&parity={parity}"


def _baud(text: str) -> int:
    if text.strip() not in map(str, BAUDS):
        raise ValueError(f"--bauds {text!r}: allowed are {', '.join(map(str, BAUDS))}")
    return int(text)


def _units(text: str) -> list[int]:
    """Units from 1-3,7, each once, in that order."""
    units: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = (first, last if dash else first)
        if not all(end.isdecimal() and 1 <= int(end) <= 255 for end in ends) or int(ends[0]) > int(ends[1]):
            raise ValueError(f"--units {text!r}: numbers and ranges from 1 to 255 are allowed, such as 1-10,100")
        units |= dict.fromkeys(range(int(ends[0]), int(ends[1]) + 1))
    return list(units)


def _ranges(units: list[int]) -> str:
    """1-3,7 of units."""
    parts: list[list[int]] = []
    for unit in units:
        if parts and unit == parts[-1][-1] + 1:
            parts[-1][1:] = [unit]
        else:
            parts.append([unit])
    return ",".join("-".join(map(str, part)) for part in parts)


def _name(found: Found) -> str:
    plate = found.plate
    return " ".join(part for part in (plate.maker, plate.model, plate.serial) if part) if plate is not None else ""


def _who(found: Found) -> str:
    return "talks by itself" if found.unit is None else f"unit {found.unit}"


def _what(found: Found) -> str:
    return "; ".join(part for part in (_name(found), " or ".join(found.models), found.note) if part)


def _print_table(search: Search) -> None:
    if search.left:
        print("time is up; not tried: " + "; ".join(map(str, search.left)))
    if not search.hits:
        print("nobody answered")
        return
    table = Table()
    for column in ("unit", "device", "model", "remark"):
        table.add_column(column)
    for _, found in search.hits:
        unit = "-" if found.unit is None else str(found.unit)
        table.add_row(unit, _name(found) or "?", " or ".join(found.models) or "-", found.note)
    Console().print(table)
    if toml := [_toml(line, found) for line, found in search.hits if found.models]:
        print("\n" + "\n".join(toml))


def _toml(line: str, found: Found) -> str:
    """The device as a configuration names it; of several guesses the first, and the others beside it."""
    model, *others = found.models
    remark = f"  # or {', '.join(others)}: {found.note}" if others else f"  # {found.note}" if found.note else ""
    name = "meter" if found.unit is None else f"unit-{found.unit}"
    lines = [f'[[device]]\nname = "{name}"\nmodel = "{model}"{remark}\nurl = "{line}"']
    lines += [] if found.unit is None else [f"unit = {found.unit}"]
    if found.plate is not None and (serial := found.plate.serial.strip()).isprintable() and serial:
        lines.append(f"serial = {json.dumps(serial)}  # another device in its place will be a fault")
    return "\n".join(lines) + "\n"


def _print_json(search: Search) -> None:
    for line, found in search.hits:
        plate: dict[str, Any] = {}
        if found.plate is not None:
            plate = {"maker": found.plate.maker, "product": found.plate.model, "serial": found.plate.serial}
        said = {"url": line, "unit": found.unit, "models": found.models, "sure": found.is_sure, "note": found.note}
        print(json.dumps({**said, **plate}))
    if search.left:
        units = [None if each.units is None else _ranges(each.units) for each in search.left]
        left = [{"url": each.url, "units": text} for each, text in zip(search.left, units, strict=True)]
        print(json.dumps({"not_tried": left}))
