"""Which homes there are: names, copies of the world, the shard of a fleet, and the seed of each home's own draws.

What a home is drawn as depends on the world's seed and its own name alone, so that it is the same in every shard.
"""

from dataclasses import dataclass
from random import Random

from sim_hardware.world.config import WorldConfig


@dataclass(frozen=True, slots=True)
class HomePlan:
    """One home: its name, its `[[home]]` block, the copy of the world it is in, and its number within block and copy."""

    name: str
    block: int
    copy: int
    number: int


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `index` of `count`, from 1."""

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise ValueError(
                f"shard {self.index}/{self.count}: 1/{self.count} to {self.count}/{self.count} are allowed"
            )

    @classmethod
    def from_text(cls, text: str) -> "Shard":
        """From `2/8`."""
        index, slash, count = text.partition("/")
        if not (slash and index.isdecimal() and count.isdecimal()):
            raise ValueError(f"shard {text!r}: i/n is allowed, such as 2/8")
        return cls(int(index), int(count))

    def has(self, unit: int) -> bool:
        """Whether the unit of this number (from 0) is in it."""
        return unit % self.count == self.index - 1


def planned(config: WorldConfig, homes: int | None = None, shard: Shard | None = None) -> list[HomePlan]:
    """The homes of a shard, `homes` in all (None: as many as the file has; more: copies of it, the last one cut).

    Homes that share a feeder stay together: they are dealt to shards by whole copies, homes alone one by one.
    """
    per_copy = sum(block.count for block in config.home)
    total = per_copy if homes is None else homes
    if total < 1:
        raise ValueError(f"homes {total}: at least 1 is allowed")
    plans = [_plan(config, number, per_copy) for number in range(total)]
    part = shard or Shard()
    alone = config.feeder.kind == "alone" and config.island is None
    units = [number if alone else plan.copy for number, plan in enumerate(plans)]
    if part.count > units[-1] + 1:
        what = "homes" if alone else "copies of the feeder, which must stay whole"
        raise ValueError(f"shard {part.index}/{part.count}: there are only {units[-1] + 1} {what}")
    return [plan for unit, plan in zip(units, plans, strict=True) if part.has(unit)]


def _plan(config: WorldConfig, number: int, per_copy: int) -> HomePlan:
    copy, left = divmod(number, per_copy)
    for index, block in enumerate(config.home):
        if left < block.count:
            return HomePlan(f"{block.name}-{copy * block.count + left + 1}", index, copy, left)
        left -= block.count
    raise AssertionError("divmod leaves less than there are homes")


def drawer(seed: int, home: str, what: str) -> Random:
    """The generator of one thing of one home: more draws in one must not change another."""
    return Random(f"{seed} {home} {what}")
