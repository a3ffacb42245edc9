"""The connection's own limits: fuse and grid contract, the strongest wish of all.

When blind: nothing changes; the limits do not depend on any reading.
"""

from dataclasses import dataclass

from controller.wishes import Band, Rank, Wish

SOURCE = "connection"


@dataclass(frozen=True, slots=True)
class Params:
    """What may flow through the connection point at most, both magnitudes in W."""

    import_limit_w: float
    export_limit_w: float


def step(params: Params, good_until_s: float) -> Wish:
    """The band that nothing may leave."""
    why = f"the connection allows {params.import_limit_w:g} W import and {params.export_limit_w:g} W export"
    band = Band(-params.export_limit_w, params.import_limit_w)
    return Wish(SOURCE, Rank.SAFETY, good_until_s, why, within=band)
