"""Limit compliance: what flowed beyond a limit, with the allowance for getting there. No statistics, no baseline."""

from datetime import datetime, timedelta
from fractions import Fraction

from controller.settlement.series import Lack, Series, Span, exact
from protocols.contracts import Dispatch


def allowance(row: Span, contract: Dispatch, over_w: Fraction) -> Fraction:
    """What may flow beyond the limit in an interval (milliwatt-hours) by a site that stood `over_w` above it before.

    It may stand there for `settle_s` from the start; from there its excess falls by `ramp_w_per_s`, or is gone at once.
    """
    from_s, to_s = _since(contract.start, row.start), _since(contract.start, row.end)
    return (_allowed(to_s, contract, over_w) - _allowed(from_s, contract, over_w)) * 1000 / 3600


def _allowed(until_s: Fraction, contract: Dispatch, over_w: Fraction) -> Fraction:
    """Watt-seconds allowed from the start up to a moment."""
    if over_w <= 0:
        return Fraction(0)
    settle_s = exact(contract.settle_s)
    held_s = min(until_s, settle_s)
    if contract.ramp_w_per_s is None or until_s <= settle_s:
        return over_w * held_s
    ramp = exact(contract.ramp_w_per_s)
    falling_s = min(until_s - settle_s, over_w / ramp)
    return over_w * held_s + over_w * falling_s - ramp * falling_s * falling_s / 2


def power_before(contract: Dispatch, readings: Series, interval_s: int) -> Fraction | Lack:
    """The mean power (W) of the interval before the contract."""
    span = Span(contract.start - timedelta(seconds=interval_s), contract.start)
    energy = readings.energy(span)
    return energy if isinstance(energy, Lack) else Fraction(energy * 3600, 1000) / span.seconds


def _since(start: datetime, moment: datetime) -> Fraction:
    return Span(start, moment).seconds
