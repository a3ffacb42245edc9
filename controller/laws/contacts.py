"""Contacts: a ripple-control receiver or a dimming relay of the grid operator limits the connection while it is active.

When blind (the contact was not read for too long, or never): its limit holds. The grid is on the safe side then, and
the owner loses power, not the neighbourhood its voltage.
"""

from collections.abc import Iterable, Iterator
from math import inf

import msgspec

from controller.wishes import Band, Rank, Wish

SOURCE = "contact"


class Limit(msgspec.Struct, frozen=True):
    """A contact and the limits (W, magnitudes; None: none) that it stands for; `is_active` None: not known."""

    name: str
    is_active: bool | None
    import_limit_w: float | None = None
    export_limit_w: float | None = None


def step(limits: Iterable[Limit], good_until_s: float) -> Iterator[Wish]:
    """A wish for each contact that is active or blind."""
    for limit in limits:
        if limit.is_active is False:
            continue
        least_w = -inf if limit.export_limit_w is None else -limit.export_limit_w
        most_w = inf if limit.import_limit_w is None else limit.import_limit_w
        state = "cannot be read" if limit.is_active is None else "is active"
        why = f"contact {limit.name} {state}: {_said(limit)}"
        yield Wish(f"{SOURCE} {limit.name}", Rank.GRID_LIMIT, good_until_s, why, within=Band(least_w, most_w))


def _said(limit: Limit) -> str:
    parts = ((limit.import_limit_w, "import"), (limit.export_limit_w, "export"))
    return " and ".join(f"{value_w:g} W {way} at most" for value_w, way in parts if value_w is not None)
