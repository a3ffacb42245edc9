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
) -> Split:
    """Share out the change from `site_w` (measured) to `target_w` (wanted) at the connection point.

    `others` says what the devices do that had their part before (controller/loads.py). Producers are limited to keep the site at `least_w` or above, the lower end of what binds it (None: the target).
    """
    flexible_w = target_w - site_w + sum(f.power_w for f in followers)
    follow_w, rest_w = _fill(flexible_w, followers)
    spare_w = 0.0 if least_w is None else max(target_w - least_w, 0.0)
    slack_w = sum(f.band.most_w - follow_w[f.name] for f in followers) - rest_w + spare_w
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
