"""One power cap in the place of a network: how much of a trade still fits beside what was approved before. Pure.

It stands in for the zone's check of the real network (`protocols.ports.TradeCheck`) until there is one. Imports and exports are
summed apart, at every moment, whoever trades them; an option counts on both sides with all that could be called.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from protocols.contracts import Contract, Option, at_power, power_of
from protocols.ports import TradeVerdict

# Less than this is no trade worth an approval.
LEAST_W = 1.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """A cap (magnitude, W) and the trades approved under it, by contract id."""

    cap_w: float
    name: str = "power cap"
    approved: tuple[Contract, ...] = ()

    def check(self, contract: Contract) -> TradeVerdict:
        """Whether the trade fits: whole, in part, or not at all. The same contract again replaces itself."""
        others = [each for each in self.approved if each.id != contract.id]
        left = {side: self.cap_w - max(_peaks(others, contract, side), default=0.0) for side in _sides(contract)}
        short = [left_w for side, left_w in left.items() if left_w < _side_w(contract, side)]
        if not short:
            return TradeVerdict("full")
        left_w = min(short)
        binding = f"{self.name} of {self.cap_w:g} W, of which {max(left_w, 0.0):g} W are left"
        return TradeVerdict("partly", left_w, binding) if left_w >= LEAST_W else TradeVerdict("refused", None, binding)

    def with_approved(self, contract: Contract, verdict: TradeVerdict) -> Self:
        """The book with what was granted; a refusal takes the trade's earlier self out of it as well."""
        others = tuple(each for each in self.approved if each.id != contract.id)
        if verdict.verdict == "refused":
            return replace(self, approved=others)
        granted = contract if verdict.power_w is None else at_power(contract, verdict.power_w)
        return replace(self, approved=(*others, granted))

    def without_past(self, now: datetime) -> Self:
        """The book without trades that are over."""
        return replace(self, approved=tuple(each for each in self.approved if each.end > now))


def _sides(contract: Contract) -> tuple[int, ...]:
    """Import (1), export (-1), or both."""
    if isinstance(contract, Option):
        return (1, -1) if contract.least_w < 0 < contract.most_w else (1,) if contract.most_w > 0 else (-1,)
    return (1,) if power_of(contract) >= 0 else (-1,)


def _side_w(contract: Contract, side: int) -> float:
    if isinstance(contract, Option):
        return max(contract.most_w, 0.0) if side > 0 else max(-contract.least_w, 0.0)
    return max(side * power_of(contract), 0.0)


def _peaks(others: Iterable[Contract], new: Contract, side: int) -> Iterator[float]:
    """What is approved on a side at each moment of the new trade at which it grows."""
    at_once = [each for each in others if each.start < new.end and new.start < each.end]
    for moment in {max(each.start, new.start) for each in at_once}:
        yield sum(_side_w(each, side) for each in at_once if each.start <= moment < each.end)
