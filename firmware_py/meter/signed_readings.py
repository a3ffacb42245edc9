"""Each closed period of the load profile as a signed OCMF record: durable, on consecutive pages, said until acknowledged.

A period that is handed on twice (a power cut in between) is signed once: what the last page says is compared.
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from firmware_py.home.outbox import Outbox
from firmware_py.meter.registers import EXPORT, IMPORT, TOTAL, ProfileEntry, shown_mwh
from firmware_py.meter.tariff import utc_of
from protocols.evidence import OCMF
from protocols.ocmf import MARK
from protocols.ocmf_writing import (
    EXPORT_OBIS,
    IMPORT_OBIS,
    Identity,
    MeterStatus,
    Reading,
    TimeStatus,
    payload,
    signed,
)
from protocols.ports import Journal

_KEY: Final = "ocmf.last"
_GOOD_RATIO: Final = 0.9
_REGISTERS: Final = ((IMPORT, IMPORT_OBIS), (EXPORT, EXPORT_OBIS))


class _Last(msgspec.Struct, frozen=True):
    """The last page, and what its readings say, but for how far the clock was believed."""

    page: int = 0
    says: str = ""


class SignedReadings:
    """Signs for one meter. The number of a record in the journal is its page.

    `clock` says how far the clock is believed now, `was_set` whether it was set within a stretch of time (microseconds of
    UTC), `is_tampered` whether the meter is open or a magnet is at it.
    """

    def __init__(
        self,
        identity: Identity,
        key: ec.EllipticCurvePrivateKey,
        journal: Journal,
        outbox: Outbox,
        digits: int,
        clock: Callable[[], TimeStatus],
        was_set: Callable[[int, int], bool],
        is_tampered: Callable[[], bool],
    ) -> None:
        self._identity, self._key, self._journal, self._outbox, self._digits = identity, key, journal, outbox, digits
        self._clock, self._was_set, self._is_tampered = clock, was_set, is_tampered
        self._last: _Last | None = None

    async def sign(self, entry: ProfileEntry) -> None:
        """Sign a period and return once the record is durable."""
        last = self._last or await self._recalled()
        text = payload(self._identity, last.page + 1, self.readings(entry))
        says = _says(text)
        if says == last.says:
            return
        record = signed(text, self._key)
        self._last = None  # until it is stored nobody knows whether it is: the next attempt looks
        await self._outbox.store(OCMF, json.dumps(record.decode()).encode())
        self._last = _Last(last.page + 1, says)
        await self._journal.keep(_KEY, msgspec.json.encode(self._last))

    def readings(self, entry: ProfileEntry) -> Sequence[Reading]:
        """Import at both ends of the period, then export."""
        clock, was_set = self._clock(), self._was_set(entry.begin_us, entry.end_us)
        status = MeterStatus.MANIPULATED if self._is_tampered() else MeterStatus.GOOD

        def reading(obis: str, at_us: int, count: int) -> Reading:
            value = Decimal(shown_mwh(count, self._digits)).scaleb(-3)
            is_short = entry.measured_ratio < _GOOD_RATIO
            return Reading(utc_of(at_us), clock, value, obis, "Wh", status, time_error=was_set, energy_error=is_short)

        found = []
        for kind, obis in _REGISTERS:
            end, added = entry.counts.get((kind, TOTAL), 0), entry.added.get((kind, TOTAL), 0)
            found += [reading(obis, entry.begin_us, end - added), reading(obis, entry.end_us, end)]
        return found

    async def _recalled(self) -> _Last:
        """Where the pages ended; a page that was stored and not noted (the power went) is read again."""
        raw = await self._journal.kept(_KEY)
        last = _Last() if raw is None else msgspec.json.decode(raw, type=_Last)
        while batch := await self._journal.pending(OCMF, last.page, 50):
            page, body = batch[-1]
            record = msgspec.json.decode(body, type=str).encode()
            last = _Last(page, _says(record.removeprefix(MARK).rpartition(b"|")[0]))
        return last


def _says(text: bytes) -> str:
    """The moments and registers of a payload."""
    readings: list[dict[str, Any]] = json.loads(text, parse_float=str, parse_int=str)["RD"]
    return json.dumps([(each["TM"][:-2], each["RI"], each["RV"]) for each in readings])
