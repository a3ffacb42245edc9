"""Boards with relays and inputs on Modbus: Waveshare's Modbus RTU Relay (8 channels), and our simulated relay board.

Source: Waveshare, as a public transcription (nobrega8/mbmap-library, maps/waveshare/modbus-rtu-relay, rev. 1) gives the wiki
        page "Modbus RTU Relay", development protocol V3: relays 1 to 8 are coils 0 to 7, functions 1, 5 and 15; unit 1 at
        9600 baud, 8N1. redpesk-industrial/modbus-binding's waveshare-relay.json has the same coils 0 and 1. Inputs: those
        of the (D) and IO variants are discrete inputs 0 to 7 (Busloom/busloom-devices). The page itself was not read.
        The simulated board: sim_hardware/devices/relay_board.py, its own map with coils from 0.
Quirk:  before development protocol V2 (September 2021) the board was not compatible with Modbus. Coil 0x00FF means all
        relays at once and 0x0200 and up flash one, so an address beyond the last channel is refused here.
Lease:  Waveshare has no watchdog: no hardware fallback. What was switched stays until it is switched back.
"""

from dataclasses import dataclass
from typing import Final

from drivers.evidence import Evidence
from drivers.valid import check_valid
from protocols.faults import NotApplied
from protocols.ports import BitBus, BitTable

WAVESHARE_CHANNELS: Final = 8
VERIFIED: Final = Evidence.LISTS


@dataclass(frozen=True, slots=True)
class CoilRelay:
    """Implements `protocols.ports.Relay`: one channel, counted from 0, of a board with so many."""

    bus: BitBus
    unit: int
    channel: int
    channels: int = WAVESHARE_CHANNELS

    def __post_init__(self) -> None:
        if not 1 <= self.unit <= 247:
            raise ValueError(f"relay board at unit {self.unit}: allowed is 1 to 247")
        if not 0 <= self.channel < self.channels:
            raise ValueError(f"relay {self.channel}: allowed is 0 to {self.channels - 1}")

    async def switch(self, on: bool, valid_s: float) -> None:
        """As `protocols.ports.Relay`; the board has no timer, so `valid_s` is its owner's to keep."""
        check_valid(valid_s)
        await self.bus.write_coils(self.unit, self.channel, [on])
        if await self.is_on() is not on:
            raise NotApplied(f"unit {self.unit}, relay {self.channel}: switched {_word(on)}, reads {_word(not on)}")

    async def is_on(self) -> bool:
        """Whether the board says that it is closed."""
        (on,) = await self.bus.read_bits(self.unit, BitTable.COILS, self.channel, 1)
        return on


@dataclass(frozen=True, slots=True)
class BoardInputs:
    """Implements `protocols.ports.Contacts`: all inputs of a board in one request."""

    bus: BitBus
    unit: int
    inputs: int = WAVESHARE_CHANNELS

    async def closed(self) -> tuple[bool, ...]:
        """Each input, the first first."""
        return await self.bus.read_bits(self.unit, BitTable.CONTACTS, 0, self.inputs)


def _word(on: bool) -> str:
    return "on" if on else "off"
