"""The tables of a TOML file as it was read, before anybody has checked it."""

from typing import Any


def tables(raw: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    """The tables of an array such as `[[device]]`, each with its key (`device.0`); what is no table is left out."""
    array = raw.get(key)
    items = enumerate(array) if isinstance(array, list) else ()
    return [(f"{key}.{index}", item) for index, item in items if isinstance(item, dict)]


def table(raw: dict[str, Any], key: str) -> dict[str, Any]:
    """A table such as `[site]`; empty where it is none."""
    found = raw.get(key)
    return found if isinstance(found, dict) else {}
