"""`busbar device`: a meter that is not known yet: begin its file, and try it on the device; a drive, moved by hand."""

import asyncio
import json
import re
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from drivers.candidate import TEMPLATE, Seen, examine, load
from drivers.catalogue import MODELS
from drivers.links import Buses, parse_url
from drivers.register_meter import MeterType
from drivers.switchgear.capacitor_bank import GenericCapacitorBank
from drivers.switchgear.tap_changer import GenericTapChanger
from firmware_py.cli.home import loaded_or_stop
from firmware_py.cli.options import BAD_INPUT, FAULT, Json, parse_duration, stop
from firmware_py.compose_loads import build_switchgear
from firmware_py.config_loads import SwitchgearConfig
from protocols.faults import Fault
from protocols.mistakes import did_you_mean
from protocols.ports import Nameplate
from protocols.quantities import QUANTITIES

app = typer.Typer(
    help="A meter that is not in the catalogue yet: begin its file, and try it. A drive: move it by hand.",
    epilog="Example: busbar device new meridian-m3",
    no_args_is_help=True,
)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,31}")


@app.command("new", epilog="Example: busbar device new meridian-m3 --dir drivers/meters")
def new(
    name: Annotated[str, typer.Argument(help="Its name in configurations: a-z, 0-9 and -.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where to write the file.")] = Path(),
) -> None:
    """Write a file to fill in: less than 40 lines, in the form of those in drivers/meters."""
    if not _NAME.fullmatch(name):
        stop(f"name {name!r}: 2 to 32 of a-z 0-9 - and a letter first are allowed", BAD_INPUT)
    if name in MODELS:
        stop(f"name {name!r}: is taken by {MODELS[name].sheet.maker} {MODELS[name].sheet.product}", BAD_INPUT)
    path = folder / f"{name.replace('-', '_')}.py"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.replace("@NAME@", name))
    except OSError as error:
        stop(f"{path}: {error.strerror}", BAD_INPUT)
    print(path)


@app.command("test", epilog="Example: busbar device test meridian_m3.py --url tcp://192.0.2.10 --unit 1")
def try_file(
    file: Annotated[Path, typer.Argument(help="The device file; it is Python and is run.")],
    url: Annotated[str, typer.Option(help="tcp://host:port, rtu+tcp://host:port or serial:///dev/ttyUSB0?baud=9600")],
    unit: Annotated[int, typer.Option(min=1, max=255, help="Modbus unit id.")] = 1,
    model: Annotated[str | None, typer.Option(help="Which of its types, where it declares several.")] = None,
    timeout: Annotated[str, typer.Option(help="How long to wait for each answer.")] = "1s",
    as_json: Json = False,
) -> None:
    """Read a device with a file that is being written: each quantity with its registers, raw and in its unit.

    Exit code 1 where the device does not answer or a value can not be believed, 2 where the file is wrong.
    """
    timeout_s = parse_duration(timeout)
    try:
        kind = _chosen(load(file), model)
        parse_url(url)
    except (OSError, ValueError) as error:
        stop(str(error), BAD_INPUT)
    try:
        plate, seen = asyncio.run(_look(url, unit, timeout_s, kind))
    except Fault as fault:
        stop(str(fault), FAULT)
    (_print_json if as_json else _print_table)(plate, seen)
    raise typer.Exit(0 if all(each.is_believable for each in seen) else FAULT)


@app.command("order", epilog="Example: busbar device order home.toml transformer 3")
def order(
    config: Annotated[Path, typer.Argument(help="The node's TOML file.", metavar="CONFIG.toml")],
    name: Annotated[str, typer.Argument(help="A [[switchgear]] of it.")],
    value: Annotated[int | None, typer.Argument(help="Tap position, or capacitor steps. Without: only say it.")] = None,
) -> None:
    """Move a tap changer or a capacitor bank by hand, or say how it stands. No law of a node moves them yet.

    It keeps what it is ordered. Exit code 1 where it does not answer or refuses, 2 where the order is wrong.
    """
    switchgear = {each.name: each for each in loaded_or_stop(config).home.switchgear}
    if name not in switchgear:
        stop(
            f"switchgear {name!r}: {did_you_mean(name, sorted(switchgear)) if switchgear else 'there is none'}",
            BAD_INPUT,
        )
    try:
        print(asyncio.run(_ordered(switchgear[name], value)))
    except ValueError as error:
        stop(f"{name}: {error}", BAD_INPUT)
    except Fault as fault:
        stop(f"{name}: {fault}", FAULT)


async def _ordered(config: SwitchgearConfig, value: int | None) -> str:
    buses = Buses()
    try:
        match build_switchgear(config, buses.get):
            case GenericTapChanger() as drive:
                if value is not None:
                    await drive.go_to(value)
                state = await drive.state()
                moves = "moves" if state.is_moving else "stands"
                told = "" if value is None else f"told tap {value}, "
                return f"{config.name}: {told}{moves} at tap {state.position} of {state.lowest} to {state.highest}"
            case GenericCapacitorBank() as bank:
                if value is not None:
                    await bank.order(value)
                steps, inside = await bank.steps()
                return f"{config.name}: {inside} of {steps} steps in, the next after {await bank.wait_s()} s"
    finally:
        await buses.close()


def _chosen(types: tuple[MeterType, ...], model: str | None) -> MeterType:
    names = [each.name for each in types]
    if model is None and len(types) == 1:
        return types[0]
    if model not in names:
        raise ValueError(f"--model {model or '(none)'}: the file declares {', '.join(names)}")
    return types[names.index(model)]


async def _look(url: str, unit: int, timeout_s: float, kind: MeterType) -> tuple[Nameplate, list[Seen]]:
    buses = Buses()
    try:
        bus = buses.get(url, timeout_s)
        plate = await kind.build(bus, unit).probe()
        seen = await examine(bus, unit, kind.registers)
        if kind.extras is not None and not set(plate.lacks) & {field.quantity for field in kind.extras.fields}:
            seen += await examine(bus, unit, kind.extras)
        return plate, seen
    finally:
        await buses.close()


def _print_json(plate: Nameplate, seen: list[Seen]) -> None:
    fields = {
        each.field.quantity: {
            "address": each.field.address,
            "words": _hex(each),
            "value": each.value,
            "believable": each.is_believable,
        }
        for each in seen
    }
    print(json.dumps({"serial": plate.serial, "lacks": plate.lacks, "fields": fields}))


def _print_table(plate: Nameplate, seen: list[Seen]) -> None:
    table = Table(
        title=" ".join(part for part in (plate.maker, plate.model, plate.serial) if part), title_justify="left"
    )
    for column in ("quantity", "register", "as", "words", "value", "unit", ""):
        table.add_column(column, justify="right" if column == "value" else "left")
    for each in seen:
        field, value = each.field, "-" if each.value is None else f"{each.value:,.3f}".replace(",", " ")
        place = f"{field.address:#06x} ({field.address})"
        doubt = "" if each.is_believable else "absurd"
        unit = QUANTITIES[field.quantity].unit
        table.add_row(field.quantity, place, field.shape.name.lower(), _hex(each), value, unit, doubt)
    console = Console()
    console.print(table)
    if plate.lacks:
        console.print(f"lacks: {', '.join(plate.lacks)}")


def _hex(seen: Seen) -> str:
    return " ".join(f"{word:04x}" for word in seen.words)
