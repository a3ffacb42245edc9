"""A tap changer's motor drive, by the generic map of our simulated one.

Source: sim_hardware/devices/tap_changer.py, a map of our own that follows no vendor: no real device has it. Register 0 says
        0x5443; 1 position, 2 lowest, 3 highest (signed), 5 status (bit 0: moves), 11 remote, 12 position wanted.
Sign:   a higher position gives a higher voltage.
Quirk:  while the motor runs an order is refused as busy (6); in local mode with exception 2, said here as such.
"""

from dataclasses import dataclass
from typing import Final

from protocols.faults import BadReply, DeviceRefused, NotApplied
from protocols.ports import RegisterBus, Table
from protocols.registers import Shape

IDENTITY: Final = 0x5443
REMOTE, WANTED = 11, 12
LOCAL_CODE: Final = 2


@dataclass(frozen=True, slots=True)
class TapState:
    """What the drive says: where it stands and may go, and whether it moves."""

    position: int
    lowest: int
    highest: int
    is_moving: bool


@dataclass(frozen=True, slots=True)
class GenericTapChanger:
    """Implements `protocols.ports.TapChanger`."""

    bus: RegisterBus
    unit: int

    async def state(self) -> TapState:
        """Position, range and motor in one request; BadReply where it is no tap changer."""
        words = await self.bus.read(self.unit, Table.HOLDING, 0, 6)
        if words[0] != IDENTITY:
            raise BadReply(f"unit {self.unit}: register 0 says 0x{words[0]:04X}, a tap changer says 0x{IDENTITY:04X}")
        position, lowest, highest = (int(Shape.S16.decode([word])) for word in words[1:4])
        return TapState(position, lowest, highest, bool(words[5] & 1))

    async def position(self) -> int:
        """Where it stands."""
        return (await self.state()).position

    async def go_to(self, position: int) -> None:
        """As `protocols.ports.TapChanger`; NotApplied where another order reads back."""
        state = await self.state()
        if not state.lowest <= position <= state.highest:
            raise ValueError(f"tap position {position}: allowed is {state.lowest} to {state.highest}")
        (remote,) = await self.bus.read(self.unit, Table.HOLDING, REMOTE, 1)
        if not remote:
            raise DeviceRefused(f"unit {self.unit}: the tap changer stands on local", LOCAL_CODE)
        await self.bus.write(self.unit, WANTED, [position & 0xFFFF])
        (wanted,) = await self.bus.read(self.unit, Table.HOLDING, WANTED, 1)
        if wanted != position & 0xFFFF:
            raise NotApplied(f"unit {self.unit}: ordered tap {position}, reads {Shape.S16.decode([wanted]):g}")
