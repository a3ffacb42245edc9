"""Mistakes in `[[grid_limit]]` that no part of it can see alone, looked for in the raw values like the others."""

from collections.abc import Iterator
from typing import Any

from drivers.gpio.lines import line_name
from firmware_py.tables import tables
from protocols.mistakes import Mistake, shown

Tables = list[tuple[str, dict[str, Any]]]


def crossed_limits(limits: Tables, issuers: Tables, devices: Tables) -> Iterator[Mistake]:
    """Names that stand twice, guards that may not limit, contacts that are nowhere or twice."""
    yield from _names(limits)
    yield from _guards(limits, issuers)
    taken: list[tuple[object, object]] = []
    urls = {device.get("url") for _, device in devices}
    for key, limit in limits:
        if limit.get("kind") == "contacts":
            yield from _contacts(key, limit, taken)
            yield from _serial_line(key, limit, urls)


def _names(limits: Tables) -> Iterator[Mistake]:
    seen: list[object] = []
    for key, limit in limits:
        name = limit.get("name")
        if isinstance(name, str) and name in seen:
            yield Mistake(f"{key}.name", shown(name), "stands twice; names of grid limits must differ")
        seen.append(name)


def _guards(limits: Tables, issuers: Tables) -> Iterator[Mistake]:
    operators = [str(issuer.get("name")) for _, issuer in issuers if issuer.get("role", "any") in ("any", "grid")]
    seen: list[tuple[object, object]] = []
    for key, limit in limits:
        if limit.get("kind") != "guard":
            continue
        issuer, use = limit.get("issuer"), limit.get("use")
        if isinstance(issuer, str) and issuer not in operators:
            said = f"allowed are {', '.join(operators)}" if operators else "none has it"
            yield Mistake(f"{key}.issuer", shown(issuer), f'must be an issuer with role = "grid"; {said}')
        if (issuer, use) in seen:
            yield Mistake(f"{key}.use", shown(use), f"{issuer} limits it already; a guard limits each once")
        seen.append((issuer, use))


def _contacts(key: str, limit: dict[str, Any], taken: list[tuple[object, object]]) -> Iterator[Mistake]:
    url, chips = limit.get("url"), set()
    for where, contact in tables(limit, "contact"):
        wanted, other = ("line", "input") if url is None else ("input", "line")
        here, place = f"{key}.{where}", contact.get(wanted)
        if place is None or other in contact:
            on = "a board has an input (from 0) and no line" if url is not None else "without url a GPIO line is needed"
            yield Mistake(f"{here}.{wanted}", shown(place), on)
            continue
        if ((url, limit.get("unit", 1)), place) in taken:
            yield Mistake(f"{here}.{wanted}", shown(place), "stands twice; each contact counts once")
        taken.append(((url, limit.get("unit", 1)), place))
        chips |= _chip(place)
    if len(chips) > 1:
        yield Mistake(f"{key}.contact", shown(sorted(chips)), "the lines of one grid limit must be of one chip")


def _chip(place: object) -> set[str]:
    try:
        return {line_name(place).chip or ""} if isinstance(place, str) else set()
    except ValueError:
        return set()  # said already


def _serial_line(key: str, limit: dict[str, Any], urls: set[object]) -> Iterator[Mistake]:
    """A board may share a serial line with devices, under the same settings."""
    url = limit.get("url")
    if not isinstance(url, str) or not url.startswith("serial:"):
        return
    path = url.partition("?")[0]
    for other in sorted(str(each) for each in urls):
        if other.partition("?")[0] == path and other != url:
            yield Mistake(f"{key}.url", shown(url), f"the line is used as {other} above; one line has one setting")
