"""Records of every line of a home node, for `busbar home --record`: a file a line, named by its first device."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from drivers.links import Link, parse_url
from drivers.modbus.audience import Through, directly
from drivers.recording.file import RecordFile
from drivers.recording.lines import Plan, recorded
from firmware_py.config import DeviceConfig, HomeConfig
from firmware_py.config_loads import ChargerConfig


@contextmanager
def recorders(home: HomeConfig, folder: Path) -> Iterator[Callable[[str], Through]]:
    """Who listens in on the line of a URL; OSError where a file cannot be made."""
    folder.mkdir(parents=True, exist_ok=True)
    label = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    plans: dict[Link, tuple[Plan, RecordFile]] = {}
    with ExitStack() as files:
        for link, devices in _lines(home).items():
            first = devices[0]
            plan = Plan(first.url, tuple(recorded(device.model, device.unit) for device in devices), first.timeout_s)
            head = plan.head(version=version("busbar"), utc=datetime.now(UTC).isoformat(timespec="seconds"))
            file = files.enter_context(RecordFile(folder / f"{first.name}-{label}.jsonl", head))
            plans[link] = plan, file
        yield lambda url: _through(plans.get(parse_url(url)))


def _lines(home: HomeConfig) -> dict[Link, list[DeviceConfig | ChargerConfig]]:
    """Relays, contacts and drives tell nothing worth a record, and have no model to mask by: theirs alone is not recorded."""
    found: dict[Link, list[DeviceConfig | ChargerConfig]] = {}
    devices: tuple[DeviceConfig | ChargerConfig, ...] = (*home.device, *home.charger)
    for device in devices:
        found.setdefault(parse_url(device.url), []).append(device)
    return found


def _through(recorded_: tuple[Plan, RecordFile] | None) -> Through:
    if recorded_ is None:
        return directly
    plan, file = recorded_
    return plan.through(file.put, asyncio.get_running_loop().time)
