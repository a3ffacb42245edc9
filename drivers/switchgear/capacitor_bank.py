"""A capacitor bank's controller, by the generic map of our simulated one.

Source: sim_hardware/devices/capacitor_bank.py, a map of our own that follows no vendor: no real device has it. Register 0 says
        0x4342; 1 steps, 2 steps in, 8 seconds until the next may come in, 13 steps wanted.
"""

from dataclasses import dataclass
from typing import Final

from protocols.faults import BadReply, NotApplied
from protocols.ports import RegisterBus, Table

IDENTITY: Final = 0x4342
WAIT, WANTED = 8, 13


@dataclass(frozen=True, slots=True)
class GenericCapacitorBank:
    """Implements `protocols.ports.CapacitorBank`."""

    bus: RegisterBus
    unit: int

    async def steps(self) -> tuple[int, int]:
        """How many steps there are, and how many are in; BadReply where it is no capacitor bank."""
        identity, steps, inside = await self.bus.read(self.unit, Table.HOLDING, 0, 3)
        if identity != IDENTITY:
            raise BadReply(f"unit {self.unit}: register 0 says 0x{identity:04X}, a capacitor bank 0x{IDENTITY:04X}")
        return steps, inside

    async def steps_in(self) -> int:
        """How many are switched in."""
        return (await self.steps())[1]

    async def wait_s(self) -> int:
        """Seconds until the next step is discharged and may come in; 0 where one is ready, or all are in."""
        (wait_s,) = await self.bus.read(self.unit, Table.HOLDING, WAIT, 1)
        return wait_s

    async def order(self, steps: int) -> None:
        """As `protocols.ports.CapacitorBank`."""
        most, _ = await self.steps()
        if not 0 <= steps <= most:
            raise ValueError(f"{steps} capacitor steps: allowed is 0 to {most}")
        await self.bus.write(self.unit, WANTED, [steps])
        (wanted,) = await self.bus.read(self.unit, Table.HOLDING, WANTED, 1)
        if wanted != steps:
            raise NotApplied(f"unit {self.unit}: ordered {steps} capacitor steps, reads {wanted}")
