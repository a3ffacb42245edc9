"""A heat pump's SG-Ready terminals behind two relays.

Source: the four states with their contacts as the Bundesverband Waermepumpe defines them for the label (1:0 blocked, 0:0
        normal, 0:1 encouraged, 1:1 ordered), as quoted in sim_hardware/devices/sg_ready.py: unverified, the rules were not read.
Quirk:  two contacts cannot change at once. From one state to another across both, the first goes first, so that the pump
        sees `normal` or `ordered` for a moment; its own hold time (60 s and more) passes over that.
Lease:  that of its relays; with none of its own a pump stays as it was asked, but for the block, which ends after two hours.
"""

from dataclasses import dataclass
from typing import Final

from protocols.ports import Relay, SgMode

CONTACTS: Final = {
    SgMode.BLOCKED: (True, False),
    SgMode.NORMAL: (False, False),
    SgMode.ENCOURAGED: (False, True),
    SgMode.ORDERED: (True, True),
}
MODES: Final = {contacts: mode for mode, contacts in CONTACTS.items()}


@dataclass(frozen=True, slots=True)
class SgReadyPump:
    """Implements `protocols.ports.Thermostat` on two relays."""

    first: Relay
    second: Relay

    async def ask(self, mode: SgMode, valid_s: float) -> None:
        """As `protocols.ports.Thermostat`; both relays are switched and read back, also where one stands already."""
        first, second = CONTACTS[mode]
        await self.first.switch(first, valid_s)
        await self.second.switch(second, valid_s)

    async def asked(self) -> SgMode:
        """What the two contacts say now."""
        return MODES[await self.first.is_on(), await self.second.is_on()]
