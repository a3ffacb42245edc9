"""Reach: what the connection point can be brought to with the devices there are, as a power and as an energy.

The rest of the house is expected to go on as it does now. What a battery holds counts: it gives for so long and no longer.
"""

from typing import Final

import msgspec

from controller.wishes import Band

# One way through a battery and its inverter, so that an empty one is told of a little early rather than late.
EFFICIENCY: Final = 0.95


class Part(msgspec.Struct, frozen=True):
    """A device that follows: its power now, the band it reaches (W), what it can still give and take (Wh; None: no end),
    and what stands in its way.
    """

    name: str
    power_w: float
    band: Band
    gives_wh: float | None
    takes_wh: float | None
    why: str

    def least_wh(self, left_s: float) -> float:
        """The energy of giving all it can, negative."""
        wh = self.band.least_w * left_s / 3600.0
        return wh if self.gives_wh is None else max(wh, -self.gives_wh)

    def most_wh(self, left_s: float) -> float:
        """The energy of taking all it can."""
        wh = self.band.most_w * left_s / 3600.0
        return wh if self.takes_wh is None else min(wh, self.takes_wh)

    def empty_in_s(self) -> float | None:
        """How long it can give all it has, where that has an end."""
        return (
            None if self.gives_wh is None or self.band.least_w >= 0.0 else self.gives_wh / -self.band.least_w * 3600.0
        )

    def full_in_s(self) -> float | None:
        """How long it can take all it may, where that has an end."""
        return None if self.takes_wh is None or self.band.most_w <= 0.0 else self.takes_wh / self.band.most_w * 3600.0


class Reach(msgspec.Struct, frozen=True):
    """The house without its devices (W), the devices that follow, and what producers can be held back and let go by (W)."""

    rest_w: float
    parts: tuple[Part, ...] = ()
    held_back_w: float = 0.0
    let_go_w: float = 0.0

    def power(self) -> Band:
        """What the connection point can be brought to now."""
        least_w = self.rest_w - self.let_go_w + sum(part.band.least_w for part in self.parts)
        most_w = self.rest_w + self.held_back_w + sum(part.band.most_w for part in self.parts)
        return Band(least_w, max(least_w, most_w))

    def energy(self, left_s: float) -> Band:
        """What can flow in the time that is left (Wh)."""
        hours = left_s / 3600.0
        least_wh = (self.rest_w - self.let_go_w) * hours + sum(part.least_wh(left_s) for part in self.parts)
        most_wh = (self.rest_w + self.held_back_w) * hours + sum(part.most_wh(left_s) for part in self.parts)
        return Band(least_wh, max(least_wh, most_wh))

    def why(self, left_s: float, *, importing: bool) -> str:
        """What stands in the way of more import, or of less."""
        return ", ".join(_why(part, left_s, importing=importing) for part in self.parts) or "no device can move"


def _why(part: Part, left_s: float, *, importing: bool) -> str:
    ends_s = part.full_in_s() if importing else part.empty_in_s()
    if ends_s is not None and ends_s < left_s:
        return f"{part.name} is {'full' if importing else 'empty'} in {ends_s:.0f} s"
    return f"{part.name} {part.why}"
