"""Writes docs/devices.md, the table of supported devices, from the catalogue. Run: PYTHONPATH=. .venv/bin/python docs/devices.py"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from drivers.catalogue import (
    MODELS,
    PUMPS,
    THERMOMETERS,
    BatteryModel,
    ChargerModel,
    InverterModel,
    MeterModel,
    Model,
    Timer,
)
from drivers.evidence import Evidence, Sheet
from drivers.switchgear import relays
from drivers.telegrams.models import TelegramModel

PAGE = Path(__file__).parent / "devices.md"
HEAD = """# Supported devices

Made by `docs/devices.py` from the declarations in `drivers/`, where each file names its sources with revision and page,
the sign, the limits and what was left out. `busbar read <url> --model <name>` reads one.

Evidence, best first. None was yet read from a device of ours.

| evidence | means |
|---|---|
| device | read from a device of ours, or from a capture of one |
| document | each register read in the maker's own document |
| lists | each register found alike in two public lists that do not copy each other |
| unverified | found in one public list only: compare the first reading with the display |

"Weaker" are the quantities of which less is known than the evidence says: their place, their scale or their sign.
In brackets: phases 1 to 3, their sum, import and export.

"Controls" is what a node may tell it, and what ends that when nobody renews it:

| ends | means |
|---|---|
| own timer | the device falls back by itself, after the time and into the state that it was told before the value |
| own timer, while nobody reads it | the same, but a node that still reads it keeps it alive: the guardian lets it go |
| fixed | after a time, or into a state, that only its installer sets |
| none | **no hardware fallback**: it keeps what it was told until the node, or its guardian, lets it go |

A charger is controlled where it stands under `[[charger]]`; under `[[device]]` it is only read, as a meter is. What else is switched
stands in the second table, each under a key of its own; [loads.md](loads.md) says what a node does with them.

Relays and contacts on the node's own GPIO lines (`drivers/gpio/`, extra `gpio`, Linux 5.10 or later): a line is
`gpiochip0:17`, `gpiochip0:NAME` or `NAME`; options are active-low and debounce. **No hardware fallback**: let go, the relay
is open, but a killed process leaves the line as the kernel leaves it, which differs by chip and kernel, until the guardian
drives it. Wire it so that a floating line is the safe state. Not tried on a kernel's chip yet: where this was written the
kernel is built without GPIO (`CONFIG_GPIOLIB`), so neither `gpio-sim` nor `gpio-mockup` can be loaded.
"""
NAMES = re.compile(r"(?P<stem>.+?)(?:_(?P<part>l[123]|import|export))?_[^_]+")


def row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def kind_of(model: Model) -> str:
    match model:
        case MeterModel() | TelegramModel():
            return "meter"
        case InverterModel():
            return "inverter"
        case BatteryModel():
            return "battery"
        case ChargerModel():
            return "charger"


def controls(model: Model) -> str:
    """What it may be told, and what ends that."""
    match model:
        case MeterModel() | TelegramModel():
            return ""
        case InverterModel(timer=timer):
            return f"production limit ({timer})"
        case BatteryModel(timer=timer):
            return f"power ({timer})"
        case ChargerModel(timer=timer):
            return f"current per phase ({timer})"


def measured(quantities: Sequence[str]) -> str:
    """Quantities in few words: `voltage (123), power (123, sum), energy (import, export)`."""
    parts: dict[str, list[str]] = {}
    for name in quantities:
        found = NAMES.fullmatch(name)
        assert found is not None, name
        parts.setdefault(found["stem"].replace("_", " "), []).append(found["part"] or "sum")
    return ", ".join(f"{stem}{said(tuple(found))}" for stem, found in parts.items())


def said(parts: Sequence[str]) -> str:
    phases = "".join(part[1] for part in parts if part in ("l1", "l2", "l3"))
    words = [word for word in (phases, *(part for part in ("sum", "import", "export") if part in parts)) if word]
    return "" if words == ["sum"] else f" ({', '.join(words)})"


def line(name: str, model: Model) -> str:
    sheet: Sheet = model.sheet
    quirks = "; ".join(sheet.quirks)
    device = f"{sheet.maker} {sheet.product}"
    cells = (
        f"`{name}`",
        device,
        kind_of(model),
        measured(sheet.quantities),
        controls(model),
        sheet.verified,
        measured(sheet.unverified),
        quirks,
    )
    return row(cells)


def lines() -> Iterator[str]:
    yield row(("name", "device", "kind", "measures", "controls", "evidence", "weaker", "quirks"))
    yield row(["---"] * 8)
    in_order = sorted(MODELS.items(), key=lambda item: (kind_of(item[1]), item[1].sheet.maker, item[0]))
    for name, model in in_order:
        yield line(name, model)


# What stands under a key of its own: the key, the device, what it is told and what ends that, its evidence, its quirks.
SWITCHED = (
    (
        "`[[relay]]`",
        "Waveshare Modbus RTU Relay, 8 channels",
        f"on, off ({Timer.NONE})",
        relays.VERIFIED,
        "function 15, development protocol V2 and later",
    ),
    ("`[[relay]]`", "a GPIO line by libgpiod 2", f"on, off ({Timer.NONE})", Evidence.DOCUMENT, "see above"),
    (
        "`[[grid_limit]]`",
        "inputs of a Modbus relay board, or GPIO lines",
        "",
        relays.VERIFIED,
        "contacts of the grid operator (docs/limits.md)",
    ),
    (
        "`[[heat_pump]]`",
        "SG-Ready by two relays",
        f"blocked, normal, encouraged or ordered ({Timer.NONE})",
        Evidence.UNVERIFIED,
        "the label ends a block after two hours; that of its relays otherwise",
    ),
    *(
        (
            "`[[heat_pump]]`",
            f"model `{name}`",
            f"surplus in W ({pump.timer})",
            pump.verified,
            "off unless `control = true`",
        )
        for name, pump in PUMPS.items()
    ),
    (
        "`[[switchgear]]`",
        "`tap-changer`, our simulated one",
        "tap position, by hand",
        Evidence.UNVERIFIED,
        "no real device has its map; keeps its position",
    ),
    (
        "`[[switchgear]]`",
        "`capacitor-bank`, our simulated one",
        "steps, by hand",
        Evidence.UNVERIFIED,
        "no real device has its map; keeps its steps",
    ),
)


def switched() -> Iterator[str]:
    yield row(("key", "device", "controls", "evidence", "quirks"))
    yield row(["---"] * 5)
    yield from map(row, SWITCHED)


def thermometers() -> Iterator[str]:
    yield row(("model", "device", "evidence", "quirks"))
    yield row(["---"] * 4)
    for name, model in sorted(THERMOMETERS.items()):
        sheet = model.sheet
        yield row((f"`{name}`", f"{sheet.maker} {sheet.product}", sheet.verified, "; ".join(sheet.quirks)))


def page() -> str:
    """The whole page."""
    feels = f"## Thermometers\n\nEach a `[[thermometer]]` of its own.\n\n{''.join(thermometers())}"
    return f"{HEAD}\n{''.join(lines())}\n## What is switched\n\n{''.join(switched())}\n{feels}"


if __name__ == "__main__":
    PAGE.write_text(page())
