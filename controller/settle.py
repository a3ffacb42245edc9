"""Settle: many wishes, one value. A pure fold in which strong bands bind weak ones.

Every band is cut to what the stronger ones left; where it does not meet them it shrinks to their nearest end, so the
strongest still wins and the weaker gets as close as it may. Inside the last band the weakest preference decides. Among
wishes of the same rank the source's name breaks the tie, so the order of arrival never matters.
"""

from collections.abc import Iterable

import msgspec

from controller.wishes import Band, Wish


class Overruled(msgspec.Struct, frozen=True):
    """A wish that did not get what it asked for: its nearest ask, and who stood in the way."""

    source: str
    asked_w: float
    got_w: float
    by: str
    why: str


class Verdict(msgspec.Struct, frozen=True):
    """The value (None: nobody has a preference), the band left for it, who set it and who was overruled."""

    value_w: float | None
    band: Band
    set_by: str
    why: str
    overruled: tuple[Overruled, ...] = ()

    def clamp_of(self, source: str) -> Overruled | None:
        """How a source was overruled; None where it got what it asked for."""
        return next((entry for entry in self.overruled if entry.source == source), None)


class _Bound(msgspec.Struct, frozen=True):
    """A band and the sources that set its two ends."""

    band: Band = Band()
    least_by: str = "nothing"
    least_why: str = ""
    most_by: str = "nothing"
    most_why: str = ""

    def cut(self, wish: Wish) -> "_Bound":
        if wish.within is None:
            return self
        band = wish.within.within(self.band)
        least = (wish.source, wish.why) if band.least_w > self.band.least_w else (self.least_by, self.least_why)
        most = (wish.source, wish.why) if band.most_w < self.band.most_w else (self.most_by, self.most_why)
        return _Bound(band, *least, *most)


def settle(wishes: Iterable[Wish], now_s: float) -> Verdict:
    """Fold the living wishes, strongest first, into one verdict."""
    living = sorted((w for w in wishes if w.good_until_s > now_s), key=lambda w: (w.rank, w.source))
    bound = _Bound()
    for wish in living:
        bound = bound.cut(wish)
    wanting = [wish for wish in living if wish.want_w is not None]
    weakest = wanting[-1] if wanting else None
    value_w = None if weakest is None or weakest.want_w is None else bound.band.nearest(weakest.want_w)
    set_by, why = _author(bound, weakest, value_w)
    overruled = tuple(entry for wish in living if (entry := _overruled(wish, bound, weakest, value_w)) is not None)
    return Verdict(value_w, bound.band, set_by, why, overruled)


def _author(bound: _Bound, weakest: Wish | None, value_w: float | None) -> tuple[str, str]:
    if weakest is None or weakest.want_w is None or value_w is None:
        return "nothing", "nobody has a preference"
    if value_w > weakest.want_w:
        return bound.least_by, bound.least_why
    if value_w < weakest.want_w:
        return bound.most_by, bound.most_why
    return weakest.source, weakest.why


def _overruled(wish: Wish, bound: _Bound, weakest: Wish | None, value_w: float | None) -> Overruled | None:
    if value_w is None:
        return None
    asked_w = value_w if wish.within is None else wish.within.nearest(value_w)
    if wish.within is None and wish.want_w is not None:
        asked_w = wish.want_w
    if asked_w == value_w:
        return None
    by, why = (bound.least_by, bound.least_why) if value_w > asked_w else (bound.most_by, bound.most_why)
    if by in (wish.source, "nothing") and weakest is not None:
        by, why = weakest.source, weakest.why
    return Overruled(wish.source, asked_w, value_w, by, why)
