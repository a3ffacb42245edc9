"""The meters that send telegrams, by the name used in configurations: each has a line of its own.

The periods are the longest that are usual; how often a meter talks is the operator's business: unverified.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.evidence import Evidence, Sheet
from drivers.telegrams.mode_c import ModeCMeter
from drivers.telegrams.push_meter import PushMeter
from drivers.telegrams.stream import Stream
from protocols.dlms import DlmsReader, Keys
from protocols.iec62056_21 import FIRST_BAUD
from protocols.obis import QUANTITIES
from protocols.p1 import P1Reader
from protocols.ports import Meter
from protocols.sml import SmlReader


@dataclass(frozen=True, slots=True)
class TelegramModel:
    """A meter on a stream of its own; `baud`: the rate it begins with, whatever the URL says."""

    build: Callable[[Stream, Keys | None], Meter]
    sheet: Sheet
    takes_keys: bool = False
    baud: int | None = None


def _p1(stream: Stream, keys: Keys | None) -> Meter:
    return PushMeter(stream, P1Reader(), kind="P1", period_s=10.0)


def _sml(stream: Stream, keys: Keys | None) -> Meter:
    return PushMeter(stream, SmlReader(), kind="SML", period_s=5.0)


def _dlms(stream: Stream, keys: Keys | None) -> Meter:
    return PushMeter(stream, DlmsReader(keys), kind="DLMS", period_s=10.0)


def _mode_c(stream: Stream, keys: Keys | None) -> Meter:
    return ModeCMeter(stream)


def _mode_d(stream: Stream, keys: Keys | None) -> Meter:
    return PushMeter(stream, P1Reader(), kind="IEC 62056-21 mode D", period_s=5.0)


def _sheet(product: str, verified: Evidence, *quirks: str) -> Sheet:
    """Any maker's; what a telegram does not tell is left out of the reading."""
    return Sheet(
        maker="any", product=product, quantities=QUANTITIES, verified=verified, quirks=("as far as told", *quirks)
    )


MODELS: Final[Mapping[str, TelegramModel]] = {
    "p1": TelegramModel(_p1, _sheet("DSMR 2.2 to 5 (P1)", Evidence.DEVICE, "no check sum before version 4")),
    "sml": TelegramModel(_sml, _sheet("SML", Evidence.DEVICE)),
    "dlms-push": TelegramModel(
        _dlms, _sheet("DLMS/COSEM push", Evidence.DEVICE, "lists without scaler and unit give nothing"), takes_keys=True
    ),
    "iec62056-21": TelegramModel(_mode_c, _sheet("IEC 62056-21 mode C", Evidence.UNVERIFIED), baud=FIRST_BAUD),
    "iec62056-21-push": TelegramModel(_mode_d, _sheet("IEC 62056-21 mode D", Evidence.DEVICE, "no check sum")),
}
