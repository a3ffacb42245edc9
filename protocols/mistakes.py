"""Mistakes in a file that somebody wrote: where, what stood there, what is allowed. All of them at once."""

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a configuration: where, what it was, what is allowed."""

    key: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}: {self.allowed}"


def shown(value: object) -> str:
    """A value as a mistake shows it."""
    return json.dumps(value, default=str, ensure_ascii=False)[:120]


def did_you_mean(wrong: str, known: Sequence[str]) -> str:
    """The likeliest of the known words, or all of them."""
    close = difflib.get_close_matches(wrong, known, 1)
    return f"did you mean {close[0]}?" if close else f"allowed are {', '.join(known)}"


def mistakes_of(model: type[BaseModel], error: ValidationError) -> list[Mistake]:
    """What pydantic found wrong with the parts of a file, in the words of this project."""
    # A list whose items are all wrong is not "too short" as well.
    real = (entry for entry in error.errors() if entry["type"] != "too_short" or not entry["input"])
    return [_mistake(model, dict(entry)) for entry in real]


def _mistake(model: type[BaseModel], entry: dict[str, Any]) -> Mistake:
    where = entry["loc"]
    key = ".".join(str(part) for part in where) or "configuration"
    if entry["type"] == "extra_forbidden":
        known = list(_part_at(model, where[:-1]).model_fields)
        return Mistake(key, shown(entry["input"]), f"unknown key; {did_you_mean(str(where[-1]), known)}")
    if entry["type"] == "missing":
        return Mistake(key, "(absent)", "must be there")
    value = "…" if entry["type"] == "value_error" and not where else shown(entry["input"])
    return Mistake(key, value, entry["msg"].removeprefix("Value error, "))


def _part_at(model: type[BaseModel], where: Sequence[str | int]) -> type[BaseModel]:
    """The part of the configuration that stands at a place."""
    for name in where:
        if isinstance(name, str) and name in model.model_fields:
            model = _part_in(model.model_fields[name].annotation) or model
    return model


def _part_in(annotation: object) -> type[BaseModel] | None:
    """The model inside `Part | None`, `tuple[Part, ...]` and the like."""
    if inner := get_args(annotation):
        return next((part for each in inner if (part := _part_in(each)) is not None), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
