"""Interval readings as OCMF records, for those who have a verifier of their own: one fiscal page an interval.

Each record holds the energy registers at both ends, as the node read them from the meter. The node signs, not the meter: what
that proves is what docs/evidence.md says.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from protocols.messages import Interval
from protocols.ocmf_writing import (
    EXPORT_OBIS,
    IMPORT_OBIS,
    Identity,
    Reading,
    TimeStatus,
    payload,
    private_key,
    signed,
)

_OBIS: Final = {"energy_import_wh": IMPORT_OBIS, "energy_export_wh": EXPORT_OBIS}


def as_ocmf(intervals: Sequence[Interval], node: str, key_pem: bytes) -> tuple[bytes, ...]:
    """The records, numbered from page 1; an interval without registers has none. ValueError for a key of another kind."""
    key = private_key(key_pem)
    pages = ((interval, tuple(_readings(interval))) for interval in intervals)
    full = [(interval, readings) for interval, readings in pages if readings]
    return tuple(
        signed(
            payload(Identity(interval.counters[0].serial, gateway="busbar", gateway_serial=node), page, readings), key
        )
        for page, (interval, readings) in enumerate(full, 1)
    )


def _readings(interval: Interval) -> Iterator[Reading]:
    """Start first; a register that ran backwards was left out of the interval already."""
    clock = TimeStatus.SYNCHRONISED if interval.clock == "synchronised" else TimeStatus.UNKNOWN
    for at, end in ((interval.start, "start_wh"), (interval.end, "end_wh")):
        for counter in interval.counters:
            if counter.register in _OBIS:
                value = Decimal(repr(getattr(counter, end)))
                yield Reading(datetime.fromisoformat(at), clock, value, _OBIS[counter.register])
