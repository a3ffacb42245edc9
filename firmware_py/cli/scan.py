"""`busbar scan`: find the devices on a line, and the lines that a configuration needs; exit code 1 where nobody answers."""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from drivers.links import BAUDS, NetLink, open_bus, parse_url
from drivers.scan import Found
from drivers.scan import scan as scan_line
from firmware_py.cli.options import BAD_INPUT, FAULT, Json, parse_duration, stop
from protocols.faults import LinkDown

Hit = tuple[str, Found]


def scan(
    url: Annotated[str, typer.Argument(help="tcp://host[:port], rtu+tcp://host:port or serial:///dev/ttyUSB0")],
    units: Annotated[str, typer.Option(help="Units to ask, such as 1-10,100 (1 to 255).")] = "1-10",
    bauds: Annotated[str, typer.Option(help="Baud rates of a serial line, in order.")] = "9600,19200,115200",
    parities: Annotated[str, typer.Option(help="Parities of a serial line, of N, E and O.")] = "NE",
    timeout: Annotated[str, typer.Option(help="How long to wait for each answer.")] = "300ms",
    as_json: Json = False,
) -> None:
    """Find the devices on a line: every unit is asked who it is, nothing is written."""
    timeout_s = parse_duration(timeout)
    try:
        lines, asked = list(_lines(url, bauds, parities)), _units(units)
    except ValueError as error:
        stop(str(error), BAD_INPUT)
    most_s = 2 * timeout_s * len(lines) * len(asked)
    print(
        f"busbar: asking {len(asked)} units on {len(lines)} settings, {most_s:.0f} s if all are silent", file=sys.stderr
    )
    hits: list[Hit] = []
    try:
        asyncio.run(_scan(lines, asked, timeout_s, hits))
    except LinkDown as fault:
        stop(str(fault), FAULT)
    except KeyboardInterrupt:
        print("busbar: interrupted; this is what was found", file=sys.stderr)
    (_print_json if as_json else _print_table)(hits)
    raise typer.Exit(0 if hits else FAULT)


async def _scan(lines: list[str], units: list[int], timeout_s: float, hits: list[Hit]) -> None:
    """Every setting of the line until one is answered: a line has one setting."""
    for line in lines:
        bus = open_bus(line, timeout_s, retries=0)
        try:
            async for found in scan_line(bus, units):
                if isinstance(found, Found):
                    hits.append((line, found))
                    print(f"busbar: {line} unit {found.unit}: {_what(found)}", file=sys.stderr)
        finally:
            await bus.close()
        if hits:
            return


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


def _what(found: Found) -> str:
    plate = found.plate
    name = " ".join(part for part in (plate.maker, plate.model, plate.serial) if part) if plate is not None else ""
    models = " or ".join(found.models)
    return "; ".join(part for part in (name, models, found.note) if part)


def _print_table(hits: list[Hit]) -> None:
    if not hits:
        print("nobody answered")
        return
    table = Table()
    for column in ("unit", "device", "model", "remark"):
        table.add_column(column)
    for _, found in hits:
        plate = found.plate
        name = " ".join(part for part in (plate.maker, plate.model, plate.serial) if part) if plate is not None else "?"
        table.add_row(str(found.unit), name, " or ".join(found.models) or "-", found.note)
    Console().print(table)
    if toml := [_toml(line, found) for line, found in hits if found.models]:
        print("\n" + "\n".join(toml))


def _toml(line: str, found: Found) -> str:
    """The device as a configuration names it; of several guesses the first, and the others beside it."""
    model, *others = found.models
    remark = f"  # or {', '.join(others)}: {found.note}" if others else f"  # {found.note}" if found.note else ""
    return f'[[device]]\nname = "unit-{found.unit}"\nmodel = "{model}"{remark}\nurl = "{line}"\nunit = {found.unit}\n'


def _print_json(hits: list[Hit]) -> None:
    for line, found in hits:
        plate: dict[str, Any] = {}
        if found.plate is not None:
            plate = {"maker": found.plate.maker, "product": found.plate.model, "serial": found.plate.serial}
        said = {"url": line, "unit": found.unit, "models": found.models, "sure": found.is_sure, "note": found.note}
        print(json.dumps({**said, **plate}))
