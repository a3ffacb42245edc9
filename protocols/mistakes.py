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
    where, part = _place(model, entry["loc"])
    key = ".".join(str(part) for part in where) or "configuration"
    if entry["type"] == "extra_forbidden":
        known = list(part.model_fields)
        return Mistake(key, shown(entry["input"]), f"unknown key; {did_you_mean(str(where[-1]), known)}")
    if entry["type"].startswith("union_tag"):
        return _untagged(key, entry)
    if entry["type"] == "missing":
        return Mistake(key, "(absent)", "must be there")
    value = "…" if entry["type"] == "value_error" and not where else shown(entry["input"])
    return Mistake(key, value, entry["msg"].removeprefix("Value error, "))


def _untagged(key: str, entry: dict[str, Any]) -> Mistake:
    """A table whose kind is missing or none of those that there are."""
    named = entry["ctx"]["discriminator"].strip("'")
    known = entry["ctx"].get("expected_tags", "").replace("'", "")
    value = entry["ctx"].get("tag")
    if value is None:
        return Mistake(f"{key}.{named}", "(absent)", "must be there")
    return Mistake(f"{key}.{named}", shown(value), did_you_mean(value, known.split(", ")))


def _place(model: type[BaseModel], where: Sequence[str | int]) -> tuple[list[str | int], type[BaseModel]]:
    """A place as its author knows it, and the part that stands there.

    Where a table may be of several kinds pydantic names the kind as well; that is left out.
    """
    named: list[str | int] = []
    kinds: dict[str, type[BaseModel]] = {}
    for name in where:
        if isinstance(name, str) and name in kinds:
            model, kinds = kinds[name], {}
            continue
        named.append(name)
        if isinstance(name, str) and name in model.model_fields:
            annotation = model.model_fields[name].annotation
            model, kinds = _part_in(annotation) or model, _kinds(annotation)
    return named, model


def _kinds(annotation: object) -> dict[str, type[BaseModel]]:
    """The models inside `tuple[One | Other, ...]` by the one word that their `kind` may be."""
    if inner := get_args(annotation):
        return {tag: part for each in inner for tag, part in _kinds(each).items()}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and "kind" in annotation.model_fields:
        return dict.fromkeys(get_args(annotation.model_fields["kind"].annotation), annotation)
    return {}


def _part_in(annotation: object) -> type[BaseModel] | None:
    """The model inside `Part | None`, `tuple[Part, ...]` and the like."""
    if inner := get_args(annotation):
        return next((part for each in inner if (part := _part_in(each)) is not None), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
