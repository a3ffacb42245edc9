"""Every table of a world file with its keys, defaults and bounds, out of the schema itself; docs/worlds.md shows them."""

import inspect
import types
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim_hardware.world.config import WorldConfig

PAGE: Final = Path(__file__).parents[3] / "docs" / "worlds.md"
BEGIN, END = "<!-- keys: written by docs/world_keys.py -->\n", "<!-- end of keys -->\n"
BOUNDS: Final = {"gt": "above", "ge": "from", "lt": "below", "le": "to"}
OTHERS: Final = {str: "text", dict: "a table", datetime: "a time with its zone", bool: "`true`, `false`"}
Model = type[BaseModel]


def key_table() -> str:
    """All tables, as Markdown."""
    return "\n".join(_tables(WorldConfig, ""))


def page_with(table: str) -> str:
    """The page with this table in its place."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{head}{BEGIN}{table}{END}{rest.partition(END)[2]}"


def _tables(model: Model, where: str) -> Iterator[str]:
    for key, field in model.model_fields.items():
        part, many = _part(field.annotation)
        if part is None:
            continue
        path = f"{where}{key}"
        yield f"### `{f'[[{path}]]' if many else f'[{path}]'}`\n\n{_said(part)}\n"
        yield "| key | default | allowed |\n|---|---|---|"
        for name, each in part.model_fields.items():
            if _part(each.annotation)[0] is None:
                yield f"| `{name}` | {_default(each)} | {_allowed(each.annotation, each.metadata)} |"
        yield ""
        yield from _tables(part, f"{path}.")


def _said(part: Model) -> str:
    """What the table is, without its name."""
    text = inspect.getdoc(part) or ""
    head, colon, rest = text.partition("]`: ")
    return rest[:1].upper() + rest[1:] if colon else head


def _part(annotation: Any, many: bool = False) -> tuple[Model | None, bool]:  # noqa: ANN401 - any type there is
    """The table behind a type, and whether it is an array of tables."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, many
    for each in get_args(annotation):
        found = _part(each, many or get_origin(annotation) is tuple)
        if found[0] is not None:
            return found
    return None, False


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "must be there"
    if value is None or value == ():
        return "-"
    if isinstance(value, datetime):
        return f"`{value:%Y-%m-%dT%H:%M:%SZ}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{_short(value)}`" if isinstance(value, int | float) else f"`{value}`"


def _allowed(annotation: Any, metadata: list[Any]) -> str:  # noqa: ANN401 - any type there is
    origin, inside = get_origin(annotation), [each for each in get_args(annotation) if each is not type(None)]
    if origin is Annotated:
        return _allowed(inside[0], [*metadata, *inside[1:]])
    if origin in (Union, types.UnionType):
        return _allowed(inside[0], metadata)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in inside)
    if origin is tuple:
        return f"one or a list of: {_allowed(inside[0], [])}"
    if annotation in (int, float):
        return ("whole, " if annotation is int else "") + _bounds(metadata)
    return OTHERS[origin or annotation]


def _bounds(metadata: list[Any]) -> str:
    plain = [inner for each in metadata for inner in (each.metadata if isinstance(each, FieldInfo) else [each])]
    found = [
        f"{word} {_short(getattr(each, key))}" for key, word in BOUNDS.items() for each in plain if hasattr(each, key)
    ]
    return " ".join(found) or "any number"


def _short(number: float) -> str:
    return "2^63" if number == 2**63 else f"{number:,.10g}".replace(",", "_")
