"""Who talks on a serial line without being asked: every reader of telegrams listens, and the first that believes one wins."""

import asyncio
import re
from typing import Final

from drivers.modbus.channel import Channel
from drivers.scan import Found
from protocols.dlms import DlmsReader
from protocols.p1 import P1Reader
from protocols.ports import Nameplate
from protocols.sml import SmlReader
from protocols.telegrams import Event, Rejected, Telegram, TelegramReader, looks_like

# The usual rates: P1 from version 4 on; SML, P1 before it and mode D; DLMS on M-Bus. Which meter keeps which: unverified.
BAUDS: Final = (115200, 9600, 2400)
_REMEMBERED: Final = 2048
_P1_SUM: Final = re.compile(rb"![0-9A-F]{4}\r?\n")
_CIPHERED: Final = b"\xe6\xe7\x00\xdb"  # the LLC header and general-glo-ciphering


class Listener:
    """Bytes in; what talks there, once it is known. `remark`: what came in without becoming a telegram, empty for silence."""

    def __init__(self) -> None:
        self._readers: dict[str, TelegramReader] = {"p1": P1Reader(), "sml": SmlReader(), "dlms-push": DlmsReader()}
        self._size = 0
        self._last = b""

    def feed(self, data: bytes) -> Found | None:
        """Take what arrived; who sent it, as soon as one whole telegram is believed (without a check sum: the second)."""
        self._size += len(data)
        self._last = (self._last + data)[-_REMEMBERED:]
        for model, reader in self._readers.items():
            for event in reader.feed(data):
                if (found := self._heard(model, event)) is not None:
                    return found
        return None

    @property
    def remark(self) -> str:
        """For whoever reads why nothing was found although somebody talks."""
        return f"{self._size} bytes came, no telegram; {looks_like(self._last)}" if self._size else ""

    def _heard(self, model: str, event: Event) -> Found | None:
        match event:
            case Telegram(maker, product, serial):
                plate = Nameplate(maker, product, serial)
                if model == "p1" and not _P1_SUM.search(self._last):
                    return Found(None, ("iec62056-21-push", "p1"), plate, "no check sum: either of them reads it")
                return Found(None, (model,), plate)
            case Rejected() if model == "dlms-push" and _CIPHERED in self._last:
                return Found(None, (model,), note="ciphered: key_file is needed")
            case _:
                return None


async def listen(channel: Channel, listener: Listener, for_s: float) -> Found | None:
    """Listen for so long, or until it is known who talks; LinkDown where the line goes away."""
    try:
        async with asyncio.timeout(for_s):
            while True:
                if (found := listener.feed(await channel.some())) is not None:
                    return found
    except TimeoutError:
        return None
