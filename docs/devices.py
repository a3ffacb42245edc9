"""Writes docs/devices.md, the table of supported devices, from the catalogue. Run: PYTHONPATH=. .venv/bin/python docs/devices.py"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from drivers.catalogue import MODELS, BatteryModel, ChargerModel, InverterModel, MeterModel, Model
from drivers.evidence import Sheet
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

A charger is read and published as a meter is; a node does not control it yet. Relays, inputs, SG-Ready contacts, the tap
changer and the capacitor bank have drivers (`drivers/switchgear/`) that no configuration names yet.

Relays and contacts on the node's own GPIO lines (`drivers/gpio/`, extra `gpio`, Linux 5.10 or later): a line is
`gpiochip0:17`, `gpiochip0:NAME` or `NAME`; options are active-low, pull and debounce. **No hardware fallback**: `close`
drives the relay's safe state, but a killed process leaves the line as the kernel leaves it, which differs by chip and
kernel. Wire it so that a floating line is the safe state. Not tried on real hardware yet.
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
        sheet.verified,
        measured(sheet.unverified),
        quirks,
    )
    return row(cells)


def lines() -> Iterator[str]:
    yield row(("name", "device", "kind", "measures", "evidence", "weaker", "quirks"))
    yield row(["---"] * 7)
    in_order = sorted(MODELS.items(), key=lambda item: (kind_of(item[1]), item[1].sheet.maker, item[0]))
    for name, model in in_order:
        yield line(name, model)


def page() -> str:
    """The whole page."""
    return f"{HEAD}\n{''.join(lines())}"


if __name__ == "__main__":
    PAGE.write_text(page())
