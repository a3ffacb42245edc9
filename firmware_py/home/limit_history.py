"""The limit history: from when to when which limit held, by which source, and whether the meter shows that it was kept."""

from dataclasses import dataclass, replace
from typing import Final

from controller.limits.allowed import Allowed, Caps, Known
from controller.limits.compliance import Tally, begun, measured, verdict
from firmware_py.home.outbox import Outbox
from firmware_py.home.report import clock_status
from protocols.contracts import utc_text
from protocols.limits import LIMIT, LimitRecord
from protocols.messages import encode
from protocols.ports import Clock
from protocols.readings import Reading

# So much of what was measured is lost at most when the power fails.
PIECE_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class _Piece:
    told: Allowed
    since: str
    since_s: float
    tally: Tally


class History:
    """Follows what the sources allow, cycle by cycle."""

    def __init__(self, clock: Clock, outbox: Outbox) -> None:
        self._clock, self._outbox = clock, outbox
        self._pieces: dict[str, _Piece] = {}

    def follow(self, told: tuple[Allowed, ...], now_s: float) -> None:
        """What holds from now on; a record for what begins and one for what ends."""
        for each in told:
            self._follow(each, now_s)
        for gone in self._pieces.keys() - {each.source for each in told}:
            self._end(self._pieces.pop(gone), now_s)

    def measure(self, site: Reading | None, gap_s: float) -> None:
        """Count a reading of the connection point."""
        site_w = None if site is None else site.value("power_w")
        if site is None or site_w is None:
            return
        for source, piece in self._pieces.items():
            if not piece.told.caps.are_none:
                tally = measured(piece.tally, piece.told.caps, site.measured_s, site_w, gap_s)
                self._pieces[source] = replace(piece, tally=tally)

    def close(self) -> None:
        """The node ends: what was measured is said."""
        for piece in self._pieces.values():
            self._end(piece, self._clock.now_s())
        self._pieces.clear()

    def _follow(self, told: Allowed, now_s: float) -> None:
        before = self._pieces.get(told.source)
        if before is None or _kind(before.told) != _kind(told):
            if before is not None:
                self._end(before, now_s)
            is_stricter = before is None or before.told.caps.stricter(told.caps) != before.told.caps
            self._begin(told, now_s, begun(now_s, is_stricter=is_stricter), is_said=True)
        elif now_s - before.since_s >= PIECE_S and not told.caps.are_none:
            self._end(before, now_s)
            # The time to get there goes on where a piece ends in the midst of it.
            self._begin(told, now_s, Tally(now_s, max(now_s, before.tally.counts_from_s)), is_said=False)

    def _begin(self, told: Allowed, now_s: float, tally: Tally, *, is_said: bool) -> None:
        piece = self._pieces[told.source] = _Piece(told, utc_text(self._clock.utc()), now_s, tally)
        if is_said:
            self._outbox.record(LIMIT, encode(self._record(piece)))

    def _end(self, piece: _Piece, now_s: float) -> None:
        tally, until = piece.tally, utc_text(self._clock.utc())
        if piece.told.caps.are_none:
            self._outbox.record(LIMIT, encode(self._record(piece, until=until)))
            return
        record = self._record(
            piece,
            until=until,
            kept=verdict(tally, now_s),
            covered_s=round(tally.covered_s, 3),
            above_s=round(tally.above_s, 3),
            above_wh=round(tally.above_wh, 3),
            worst_above_w=round(tally.worst_w, 1),
        )
        self._outbox.record(LIMIT, encode(record))

    def _record(self, piece: _Piece, **found: float | str) -> LimitRecord:
        told = piece.told
        return LimitRecord(
            source=told.source,
            since=piece.since,
            known=told.known,
            state=told.state,
            why=told.why,
            clock=clock_status(self._clock),
            import_limit_w=told.caps.import_w,
            export_limit_w=told.caps.export_w,
            **found,  # type: ignore[arg-type]
        )


def _kind(told: Allowed) -> tuple[Known, Caps, str]:
    """What of it makes it another limit; its words alone do not."""
    return told.known, told.caps, told.state
