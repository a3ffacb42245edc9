"""What one source allows at the connection point now, and the wish that makes of it. Pure.

Sign: limits are magnitudes in W, 0 is a limit, None is none.
"""

from enum import StrEnum

import msgspec

from controller.wishes import Band, Rank, Wish


class Known(StrEnum):
    """What is known of a limit; "nobody has said" is not "there is none"."""

    UNKNOWN = "unknown"
    UNLIMITED = "unlimited"
    LIMITED = "limited"


class Caps(msgspec.Struct, frozen=True):
    """The most that may flow in each direction."""

    import_w: float | None = None
    export_w: float | None = None

    def stricter(self, other: "Caps") -> "Caps":
        """Both at once."""
        return Caps(least(self.import_w, other.import_w), least(self.export_w, other.export_w))

    @property
    def are_none(self) -> bool:
        """Whether nothing is limited."""
        return self.import_w is None and self.export_w is None


FREE = Caps()


class Allowed(msgspec.Struct, frozen=True):
    """What a source allows, in which of its states it stands, and a sentence that says why. `until_s`: when that is over by
    itself (monotonic; None: nobody knows).
    """

    source: str
    known: Known
    caps: Caps
    state: str
    why: str
    until_s: float | None = None


def allowed(source: str, caps: Caps, state: str, why: str, until_s: float | None = None) -> Allowed:
    """What a source that has spoken allows."""
    return Allowed(source, Known.UNLIMITED if caps.are_none else Known.LIMITED, caps, state, why, until_s)


def least(one: float | None, other: float | None) -> float | None:
    """The stricter of two limits."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def wish(what: Allowed, good_until_s: float) -> Wish | None:
    """The demand of a grid operator (rank 2); None where nothing is limited."""
    if what.caps.are_none:
        return None
    import_w, export_w = what.caps.import_w, what.caps.export_w
    band = Band(-_or_no_end(export_w), _or_no_end(import_w))
    return Wish(what.source, Rank.GRID_LIMIT, good_until_s, f"{what.why}: {in_words(what.caps)}", within=band)


def in_words(caps: Caps) -> str:
    """Such as `at most 4200 W import and 0 W export`."""
    ends = ((caps.import_w, "import"), (caps.export_w, "export"))
    said = " and ".join(f"{limit_w:g} W {way}" for limit_w, way in ends if limit_w is not None)
    return f"at most {said}" if said else "no limit"


def _or_no_end(limit_w: float | None) -> float:
    return float("inf") if limit_w is None else limit_w
