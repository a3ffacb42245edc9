"""Who listens in on a line: the transcript that fits its devices, with the head of its record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.catalogue import MODELS
from drivers.links import Link, NetLink, parse_url
from drivers.modbus.audience import Through
from drivers.recording.mode_c import ModeCTranscript
from drivers.recording.tap import tapped
from drivers.recording.telegrams import TelegramTranscript
from drivers.recording.transcript import ModbusTranscript, Sink
from drivers.telegrams.models import TelegramModel
from protocols.recording import FORMAT, Head, Recorded


@dataclass(frozen=True, slots=True)
class Plan:
    """What is recorded: the line, its devices (unit id None: they send telegrams), how long a reply is waited for.

    ValueError on a bad URL.
    """

    url: str
    devices: tuple[Recorded, ...]
    timeout_s: float
    masks: bool = True

    def __post_init__(self) -> None:
        """Check the URL."""
        parse_url(self.url)

    def head(self, *, version: str, utc: str) -> Head:
        """The head of the record."""
        link = parse_url(self.url)
        scheme = link.scheme if isinstance(link, NetLink) else "serial"
        baud = None if isinstance(link, NetLink) else self._first_baud or link.baud
        serials: Final = "masked" if self.masks else "kept"
        return Head(FORMAT, version, scheme, self.devices, utc, self.timeout_s, serials, baud)

    def through(self, sink: Sink, now_s: Callable[[], float]) -> Through:
        """The ear for this line, which tells `sink` what it hears."""
        hidden = _hidden(parse_url(self.url))
        first = self.devices[0]
        if self._first_baud is not None:
            baud = self.head(version="", utc="").baud
            return tapped(ModeCTranscript(sink, now_s, baud, masks=self.masks, hidden=hidden))
        if isinstance(MODELS[first.model], TelegramModel):
            return tapped(TelegramTranscript(sink, now_s, first.model, masks=self.masks, hidden=hidden))
        scheme = self.head(version="", utc="").scheme
        models = _models(self.devices) if self.masks else None
        return tapped(
            ModbusTranscript(
                sink, now_s, is_tcp=scheme == "tcp", timeout_s=self.timeout_s, models=models, hidden=hidden
            )
        )

    @property
    def _first_baud(self) -> int | None:
        """The rate at which a meter of mode C is asked; None for any other device."""
        model = MODELS[self.devices[0].model]
        return model.baud if isinstance(model, TelegramModel) else None


def recorded(model: str, unit: int) -> Recorded:
    """A device as the head names it."""
    return Recorded(model, None if isinstance(MODELS[model], TelegramModel) else unit)


def _models(devices: Sequence[Recorded]) -> Mapping[int, str]:
    return {device.unit: device.model for device in devices if device.unit is not None}


def _hidden(link: Link) -> str:
    return link.host if isinstance(link, NetLink) else link.path
