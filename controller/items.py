"""Items: the contracts on energy as tracking takes them, a power each on monotonic time. Pure."""

from typing import Final

import msgspec

from controller.book import Entry
from protocols.contracts import Energy, FallbackName, Option, Reprofile

# Times come back from a restart with the milliseconds of a text: an interval that begins so little before an edge begins at it.
_SLACK_S: Final = 0.5


class Item(msgspec.Struct, frozen=True):
    """A contract to be tracked, between monotonic moments; `power_w` is its energy as a power, or its change.

    `nominated_w`: the baseline of each interval, for a change. `cut_off`: why the site may not follow it now; empty: it may.
    Intervals are counted from `grid_s`, or from the start.
    """

    id: str
    start_s: float
    end_s: float
    interval_s: float
    power_w: float
    is_change: bool = False
    nominated_w: tuple[float, ...] | None = None
    tolerance_w: float = 100.0
    fallback: FallbackName = FallbackName.SELF_CONSUMPTION
    cut_off: str = ""
    grid_s: float | None = None

    @property
    def origin_s(self) -> float:
        """Where the first interval begins."""
        return self.start_s if self.grid_s is None else self.grid_s

    def index(self, at_s: float) -> int:
        """Which interval runs then, counted from 0."""
        return int((at_s - self.origin_s + _SLACK_S) / self.interval_s)

    def nominated_at(self, at_s: float) -> float | None:
        """The nominated power of the interval that runs then; the last one also behind its end."""
        if self.nominated_w is None or len(self.nominated_w) == 0:
            return None
        return self.nominated_w[min(self.index(at_s), len(self.nominated_w) - 1)]


def item_of(entry: Entry, now_s: float, cut_off: str = "") -> Item | None:
    """A contract that has begun as an item; None where it is none on energy, or an option that nobody has called yet."""
    contract, start_s, end_s = entry.contract, entry.start_s, entry.end_s
    call = next((each for each in reversed(entry.calls) if each.start_s <= now_s), None)
    match contract:
        case Energy():
            power_w, nominated_w = contract.energy_wh * 3600.0 / contract.interval_s, None
        case Reprofile():
            power_w, nominated_w = contract.change_w, contract.baseline_w
        case Option() if call is not None:
            power_w, nominated_w = call.change_w, contract.baseline_w
            start_s, end_s = call.start_s, min(call.end_s, end_s)
        case _:
            return None
    return Item(
        id=contract.id,
        start_s=start_s,
        end_s=end_s,
        interval_s=contract.interval_s,
        power_w=power_w,
        is_change=not isinstance(contract, Energy),
        nominated_w=nominated_w,
        tolerance_w=contract.tolerance_w,
        fallback=contract.fallback,
        cut_off=cut_off,
        grid_s=entry.start_s,
    )


def cut_off(hold_s: float | None, site_hold_s: float, link_lost_s: float | None) -> str:
    """Why a contract may not be followed without the link, or nothing."""
    least_s = site_hold_s if hold_s is None else min(hold_s, site_hold_s)
    if link_lost_s is None or link_lost_s <= least_s:
        return ""
    return f"no link to the broker for {link_lost_s:.1f} s, at most {least_s:g} s"
