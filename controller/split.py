"""Split: the power wanted at the connection point, over the devices that can move.

Two kinds of device take part here, after the loads with their steps (controller/loads.py). A *follower* (battery) is told a power. A *producer* (PV) runs free and can only be
limited. Followers go first, in merit order; producers are limited only by what no follower can take, because energy
not produced is lost, and only where a bound demands it: a mere preference is no reason to waste the sun. Each producer
may rise by the slack the followers still have and by what is missing, so a limit is lifted by and by.

What the site does besides is measured, not modelled: meter minus devices. Device lag therefore cannot wind anything up.
"""

from collections.abc import Sequence

import msgspec

from controller.wishes import Band


class Follower(msgspec.Struct, frozen=True):
    """A device that follows a power: what it does now (W, consumption positive) and the band it can reach, and why.

    `ordered`: the part of that band in which a plan wants it (None: all of it).
    """

    name: str
    power_w: float
    band: Band
    bound_why: str
    merit: int = 0
    ordered: Band | None = None

    def takes_w(self, left_w: float) -> float:
        """What it draws of what is left for it, by its orders; they may want more, less, or the contrary."""
        return (self.band if self.ordered is None else self.ordered.within(self.band)).nearest(left_w)


class Producer(msgspec.Struct, frozen=True):
    """A device that can be limited: what it does now (W, production negative), its rating (magnitude), its limit."""

    name: str
    power_w: float
    produce_max_w: float
    limited_to_w: float | None = None


class Split(msgspec.Struct, frozen=True):
    """Powers for the followers, limits for the producers (None: lifted), and what nobody could take, with the reason."""

    follow_w: dict[str, float]
    limit_w: dict[str, float | None]
    short_w: float
    short_why: str


# Less than this is noise of meters and rounding of registers (a SunSpec percent step of a 10 kW unit is 1 to 10 W).
NOISE_W = 10.0


def split(
    site_w: float,
    target_w: float,
    followers: Sequence[Follower],
    producers: Sequence[Producer],
    least_w: float | None = None,
    others: Sequence[str] = (),
    must: Band | None = None,
) -> Split:
    """Share out the change from `site_w` (measured) to `target_w` (wanted) at the connection point.

    `must`: what binds more strongly than the orders of the followers, which are kept otherwise; None: they have none.
    `others` says what the devices do that had their part before (controller/loads.py). Producers are limited to keep the site at `least_w` or above, the lower end of what binds it (None: the target).
    """
    flexible_w = target_w - site_w + sum(f.power_w for f in followers)
    follow_w, rest_w = _fill(flexible_w, followers) if must is None else _kept(flexible_w, target_w, followers, must)
    spare_w = 0.0 if least_w is None else max(target_w - least_w, 0.0)
    slack_w = sum(max(_most_w(f, must) - follow_w[f.name], 0.0) for f in followers) - rest_w + spare_w
    limit_w, curtailed_w = _limit(slack_w, producers)
    raised_w = 0.0 if rest_w >= 0 else _raisable_w(producers)
    short_w = max(rest_w - curtailed_w, 0.0) if rest_w > 0 else min(rest_w + raised_w, 0.0)
    if abs(short_w) <= NOISE_W:
        return Split(follow_w, limit_w, 0.0, "")
    return Split(follow_w, limit_w, short_w, _short_why(short_w, followers, producers, others))


def _fill(flexible_w: float, followers: Sequence[Follower]) -> tuple[dict[str, float], float]:
    """Give each follower in merit order what it can take; the rest is what none could."""
    follow_w, rest_w = {}, flexible_w
    for follower in sorted(followers, key=lambda f: (f.merit, f.name)):
        follow_w[follower.name] = follower.band.nearest(rest_w)
        rest_w -= follow_w[follower.name]
    return follow_w, rest_w


def followed(rest_w: float, followers: Sequence[Follower]) -> dict[str, float]:
    """Each follower keeps what the rest of the site draws (W) away from the connection point, within its orders.

    What orders want against that is beside it: one battery is not emptied into another one.
    """
    follow_w, left_w = {}, -rest_w
    for follower in sorted(followers, key=lambda f: (f.merit, f.name)):
        follow_w[follower.name] = follower.takes_w(left_w)
        left_w -= used_w(follow_w[follower.name], left_w)
    return follow_w


def used_w(taken_w: float, left_w: float) -> float:
    """What of `left_w` a follower that draws `taken_w` takes; nothing where its orders want the contrary."""
    return min(max(taken_w, min(left_w, 0.0)), max(left_w, 0.0))


def _kept(
    flexible_w: float, target_w: float, followers: Sequence[Follower], must: Band
) -> tuple[dict[str, float], float]:
    """As the orders want it; what is missing, first within them, and beyond them only as far as it must be."""
    follow_w = followed(target_w - flexible_w, followers)
    rest_w = _move(follow_w, flexible_w - sum(follow_w.values()), followers, ordered=True)
    reached_w = target_w - rest_w
    needed_w = must.nearest(reached_w) - reached_w
    left_w = _move(follow_w, needed_w, followers, ordered=False)
    return follow_w, rest_w - (needed_w - left_w)


def _move(follow_w: dict[str, float], by_w: float, followers: Sequence[Follower], *, ordered: bool) -> float:
    """Change what each does, in merit order; what is left over."""
    for follower in sorted(followers, key=lambda f: (f.merit, f.name)):
        was_w = follow_w[follower.name]
        moved_w = follower.takes_w(was_w + by_w) if ordered else follower.band.nearest(was_w + by_w)
        follow_w[follower.name], by_w = moved_w, by_w - (moved_w - was_w)
    return by_w


def _most_w(follower: Follower, must: Band | None) -> float:
    return follower.band.most_w if must is None else follower.takes_w(follower.band.most_w)


def _limit(slack_w: float, producers: Sequence[Producer]) -> tuple[dict[str, float | None], float]:
    """Limits that let the producers together change by the slack: down by what each makes, up by what it lacks."""
    slack_w = min(slack_w, sum(p.produce_max_w for p in producers))  # more than all is all; it may be infinite
    total_w = sum(-p.power_w for p in producers)
    limit_w: dict[str, float | None] = {}
    for producer in producers:
        made_w = max(-producer.power_w, 0.0)
        allowed_w = max(made_w + slack_w * _share(producer, producers, down=slack_w < 0), 0.0)
        free = allowed_w >= producer.produce_max_w or (slack_w >= 0 and producer.limited_to_w is None)
        limit_w[producer.name] = None if free else allowed_w
    return limit_w, min(total_w, max(-slack_w, 0.0))


def _share(producer: Producer, producers: Sequence[Producer], *, down: bool) -> float:
    """A producer's part in a change; one that makes nothing has none in a fall and the largest in a rise."""

    def weight_w(each: Producer) -> float:
        made_w = max(-each.power_w, 0.0)
        return made_w if down else max(each.produce_max_w - made_w, 0.0)

    total_w = sum(weight_w(each) for each in producers)
    return weight_w(producer) / total_w if total_w > 0 else 1 / len(producers)


def _raisable_w(producers: Sequence[Producer]) -> float:
    """What limited producers may yet give; unknown until tried, so up to their rating."""
    return sum(p.produce_max_w + p.power_w for p in producers if p.limited_to_w is not None)


def _short_why(
    short_w: float, followers: Sequence[Follower], producers: Sequence[Producer], others: Sequence[str]
) -> str:
    """Name what stands in the way: each device at its end, by its own reason."""
    need = "consumption" if short_w > 0 else "production"
    ends = [f"{f.name} {f.bound_why}" for f in followers]
    ends += [f"{p.name} makes {max(0.0, -p.power_w):.0f} W" for p in producers]
    ends += others
    return f"{abs(short_w):.0f} W of {need} missing: {', '.join(ends) or 'no device can move'}"
