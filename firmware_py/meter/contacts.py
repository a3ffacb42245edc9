"""The meter's contacts: cover, magnet, supply and button, told as events when they change, also across a power cut.

closed means: the cover is closed, a magnet is there (reed contact), the supply is good, the button is pressed.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from firmware_py.meter.logbook import Logbook
from firmware_py.supervise import keep
from protocols.faults import Fault
from protocols.ports import Journal, WatchedContacts

COVER, MAGNET, SUPPLY, BUTTON = "cover", "magnet", "supply", "button"
NAMES: Final = (COVER, MAGNET, SUPPLY, BUTTON)
# What it is called when a contact opens, and when it closes.
_EVENTS: Final = {
    COVER: ("cover_opened", "cover_closed"),
    MAGNET: ("magnet_gone", "magnet_found"),
    SUPPLY: ("supply_low", "supply_good"),
}
_USUAL: Final = {COVER: True, MAGNET: False, SUPPLY: True}
_KEY: Final = "contacts"


class ContactWatch:
    """Watches contacts of these names for ever. `act` is told of each change (name, closed), after it was noted."""

    def __init__(
        self,
        names: Sequence[str],
        contacts: WatchedContacts,
        journal: Journal,
        logbook: Logbook,
        act: Callable[[str, bool], Awaitable[None]],
    ) -> None:
        self._names, self._contacts, self._journal, self._logbook, self._act = names, contacts, journal, logbook, act
        self._known = dict(_USUAL)
        self._trouble = ""

    @property
    def is_tampered(self) -> bool:
        """Whether the cover is open or a magnet is there, as far as was last seen."""
        return not self._known[COVER] or self._known[MAGNET]

    async def recall(self) -> None:
        """How they stood when the meter was last alive."""
        raw = await self._journal.kept(_KEY)
        if raw is not None:
            self._known |= msgspec.json.decode(raw, type=dict[str, bool])

    async def run(self) -> None:
        """Watch; a chip that fails is tried again."""
        await keep(self._watch, self._fails)

    async def _watch(self) -> None:
        first, button = True, False
        async for states in self._contacts.changes():
            named = dict(zip(self._names, states, strict=True))
            await self._told({name: closed for name, closed in named.items() if name != BUTTON}, first)
            if named.get(BUTTON, False) and not button and not first:
                await self._act(BUTTON, True)
            button, first, self._trouble = named.get(BUTTON, False), False, ""

    async def _told(self, named: dict[str, bool], first: bool) -> None:
        changed = [name for name, closed in named.items() if self._known[name] is not closed]
        for name in changed:
            self._known[name] = named[name]
            self._logbook.note(_EVENTS[name][named[name]], "found so at the start" if first else "")
        if changed:
            await self._journal.keep(_KEY, msgspec.json.encode(self._known))
        for name in changed:
            await self._act(name, named[name])

    def _fails(self, fault: Fault) -> None:
        if str(fault) != self._trouble:
            self._logbook.note("contacts_failed", str(fault))
        self._trouble = str(fault)
