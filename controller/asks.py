"""Asks: what a law asks of one load, beside what everybody wishes of the connection point."""

import msgspec

from controller.wishes import Rank


class Ask(msgspec.Struct, frozen=True):
    """`want_w`: what the load is to draw (0: nothing; inf: its most). The rank says what still binds it: an ask of COMFORT_BOUND only
    what is stronger than comfort (connection, grid code, grid operator), an ask of COMFORT or OPTIMISER contracts as well.
    """

    want_w: float
    rank: Rank
    why: str
