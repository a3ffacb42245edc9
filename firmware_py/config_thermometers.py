"""`[[thermometer]]`: its part of a configuration, the mistakes that no key of it can see alone, and the driver it means."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from drivers.catalogue import THERMOMETERS, FileThermometer
from drivers.links import parse_url
from drivers.thermometers.registers import ProbeType
from drivers.thermometers.w1_therm import folder_of
from firmware_py.compose_loads import BusOf
from firmware_py.config_parts import Number, Part, TopicLevel
from protocols.mistakes import Mistake, did_you_mean, shown
from protocols.ports import Meter

# A register answers at once; a probe on the kernel's bus converts for 0.75 s, and each waits for those before it.
TIMEOUT_S: Final = 1.0
FILE_TIMEOUT_S: Final = 5.0


def _known(value: str) -> str:
    if value not in THERMOMETERS:
        raise ValueError(did_you_mean(value, sorted(THERMOMETERS)))
    return value


def _url(value: str) -> str:
    if value.startswith("file:"):
        folder_of(value)
    else:
        parse_url(value)
    return value


class ThermometerConfig(Part):
    """`[[thermometer]]`: one probe: `channel` of the board at `unit` on the line of `url`, or the `file://` folder of a
    probe on the kernel's 1-Wire bus. `timeout_s`: absent, 1 on a line and 5 for a folder.
    """

    name: TopicLevel
    model: Annotated[str, AfterValidator(_known)]
    url: Annotated[str, AfterValidator(_url)]
    unit: Annotated[int, Field(ge=1, le=255)] = 1
    channel: Annotated[int, Field(ge=0, le=255)] = 0
    timeout_s: Annotated[Number, Field(gt=0, le=30)] | None = None


def build_thermometer(config: ThermometerConfig, bus_of: BusOf) -> Meter:
    """The driver of a configured thermometer on its line."""
    model, timeout_s = THERMOMETERS[config.model], config.timeout_s
    if isinstance(model, FileThermometer):
        return model.build(config.url, FILE_TIMEOUT_S if timeout_s is None else timeout_s)
    bus = bus_of(config.url, TIMEOUT_S if timeout_s is None else timeout_s)
    return model.build(bus, config.unit, config.channel)


def crossed_thermometers(thermometers: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    """A url that the model cannot have, a channel that it does not have, and a probe that is named twice."""
    seen: dict[object, str] = {}
    for key, part in thermometers:
        model, url = THERMOMETERS.get(str(part.get("model"))), part.get("url")
        if model is None or not isinstance(url, str):
            continue  # said already
        if isinstance(model, ProbeType):
            yield from _on_a_line(key, part, model)
        else:
            yield from _in_a_folder(key, part)
        place = (url, part.get("unit", 1), part.get("channel", 0))
        if (first := seen.setdefault(place, key)) != key:
            yield Mistake(f"{key}.channel", shown(part.get("channel", 0)), f"is the probe of {first} too")


def _on_a_line(key: str, part: dict[str, Any], model: ProbeType) -> Iterator[Mistake]:
    if str(part["url"]).startswith("file:"):
        yield Mistake(f"{key}.url", shown(part["url"]), f"{part['model']} stands on a line: tcp:// or serial://")
    channel = part.get("channel", 0)
    if isinstance(channel, int) and not 0 <= channel < model.channels:
        allowed = f"0 to {model.channels - 1}" if model.channels > 1 else "0"
        yield Mistake(f"{key}.channel", shown(channel), f"{allowed} is allowed for {part['model']}")


def _in_a_folder(key: str, part: dict[str, Any]) -> Iterator[Mistake]:
    if not str(part["url"]).startswith("file:"):
        yield Mistake(f"{key}.url", shown(part["url"]), "file:///sys/bus/w1/devices/28-… is allowed for w1-therm")
    for name in ("unit", "channel"):
        if name in part:
            yield Mistake(f"{key}.{name}", shown(part[name]), f"{part['model']} has none: its folder says all")
