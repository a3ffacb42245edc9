"""A meter on a pseudo terminal that answers when it is asked, and changes its baud rate as IEC 62056-21 mode C has it.

A pseudo terminal carries bytes at any speed; what was sent at another rate than the client listens with is made rubbish
here. What the fault words do: drop, half_open, off and a rebooting meter say nothing; garble flips a bit or loses a
byte; late sends later; the rest shows in the values, as with meters that push.
"""

import asyncio
from typing import Final, Self

from sim_hardware.devices.iec62056 import FIRST_BAUD, REQUEST, Iec62056, even
from sim_hardware.devices.push_reading import PushMeter
from sim_hardware.faces.babbler import Babbler
from sim_hardware.faces.pty_line import PtyLine
from sim_hardware.faces.push import PushStream
from sim_hardware.faults import SILENT, Faults

# After the six characters of an acknowledgement at 300 Bd, which a pseudo terminal carries in no time.
REACTION_S: Final = 0.2 + 6 * 10 / FIRST_BAUD


class ModeCFace:
    """One meter on a line of its own; `meter` must encode with `device`."""

    def __init__(self, device: Iec62056, meter: PushMeter, faults: Faults) -> None:
        self.faults, self._device = faults, device
        self._stream = PushStream(meter, faults, self._send, period_s=1.0)
        self._heard = b""
        self._baud = FIRST_BAUD
        self._later: set[asyncio.TimerHandle] = set()
        self.path = ""

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"serial://{self.path}"

    async def __aenter__(self) -> Self:
        """Make the line."""
        self._line = PtyLine(self._received)
        self.path = self._line.path
        self._babbler = Babbler(self._line.send, [self.faults])
        return self

    async def __aexit__(self, *error: object) -> None:
        """Take the line away."""
        for handle in self._later:
            handle.cancel()
        self._babbler.close()
        self._line.close()

    def _received(self, data: bytes) -> None:
        self._heard = (self._heard + bytes(byte & 0x7F for byte in data))[-32:]
        if self._heard.endswith(REQUEST) and self._line.client_baud() == FIRST_BAUD:
            self._heard, self._baud = b"", FIRST_BAUD
            if not any(self.faults.strikes(word) for word in SILENT) and not self.faults.is_booting():
                self._after(REACTION_S, self._device.identification, FIRST_BAUD)
        elif (baud := self._device.acknowledged(self._heard[-6:])) is not None:
            self._heard, self._baud = b"", baud
            telegram = self._stream.telegram()
            if telegram is not None:
                self._after(REACTION_S, telegram, baud)

    def _after(self, delay_s: float, text: bytes, baud: int) -> None:
        self._baud = baud
        self._later.add(asyncio.get_running_loop().call_later(delay_s, self._send, text))

    def _send(self, text: bytes) -> None:
        sent = even(text)
        self._line.send(sent if self._line.client_baud() == self._baud else rubbish(sent))


def rubbish(sent: bytes) -> bytes:
    """What a client hears that listens at another rate."""
    return bytes(byte ^ 0xA5 for byte in sent)
