"""Mistakes in a configuration: what one is, and those that no part of it can see alone.

These are looked for in the raw values, so that another mistake hides none of them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from drivers.catalogue import MODELS, MeterModel
from drivers.links import parse_url
from drivers.modbus.serial_channel import SerialSettings


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


def tables(raw: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    """The tables of an array such as `[[device]]`, each with its key (`device.0`); what is no table is left out."""
    array = raw.get(key)
    items = enumerate(array) if isinstance(array, list) else ()
    return [(f"{key}.{index}", item) for index, item in items if isinstance(item, dict)]


def table(raw: dict[str, Any], key: str) -> dict[str, Any]:
    """A table such as `[site]`; empty where it is none."""
    found = raw.get(key)
    return found if isinstance(found, dict) else {}


def crossed(raw: dict[str, Any]) -> Iterator[Mistake]:
    """Names that stand twice, a site meter that is none, a serial line with two settings."""
    devices = tables(raw, "device")
    yield from _names(devices)
    yield from _site_meter(table(raw, "site").get("meter"), devices)
    yield from _lines(devices)


def _names(devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    seen: list[object] = []
    for key, device in devices:
        name = device.get("name")
        if isinstance(name, str) and name in seen:
            yield Mistake(f"{key}.name", shown(name), "stands twice; device names must differ")
        seen.append(name)


def _site_meter(meter: object, devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    if not isinstance(meter, str) or not devices:
        return
    models = {str(device.get("name")): device.get("model") for _, device in reversed(devices)}
    if meter not in models:
        yield Mistake("site.meter", shown(meter), f"allowed are the devices {', '.join(reversed(models))}")
        return
    model = models[meter]
    if isinstance(model, str) and model in MODELS and not isinstance(MODELS[model], MeterModel):
        yield Mistake("site.meter", shown(meter), f"{model} is not a meter")


def _lines(devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    ports: dict[str, SerialSettings] = {}
    for key, device in devices:
        url = device.get("url")
        try:
            link = parse_url(url) if isinstance(url, str) else None
        except ValueError:
            continue  # said already
        if isinstance(link, SerialSettings) and (first := ports.setdefault(link.path, link)) != link:
            first_s = f"baud={first.baud}&parity={first.parity}&stopbits={first.stopbits}"
            yield Mistake(
                f"{key}.url", shown(url), f"{link.path} is used with {first_s} above; one line has one setting"
            )
