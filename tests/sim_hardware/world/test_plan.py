"""Which homes a shard has."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sim_hardware.world.config import WorldConfig
from sim_hardware.world.plan import Shard, drawer, planned


def config(kind: str = "alone", **counts: int) -> WorldConfig:
    """A world with so many homes of each block."""
    homes = [{"name": name, "count": count} for name, count in counts.items()]
    return WorldConfig.model_validate({"world": {"name": "w"}, "feeder": {"kind": kind}, "home": homes})


def test_names_count_through_the_copies() -> None:
    names = [plan.name for plan in planned(config(villa=1, flat=2), homes=8)]
    assert names == ["villa-1", "flat-1", "flat-2", "villa-2", "flat-3", "flat-4", "villa-3", "flat-5"]


def test_copies_are_numbered_and_the_last_is_cut() -> None:
    assert [plan.copy for plan in planned(config("street", villa=3), homes=7)] == [0, 0, 0, 1, 1, 1, 2]


@given(homes=some.integers(1, 60), shards=some.integers(1, 9), street=some.booleans())
def test_shards_part_the_fleet(homes: int, shards: int, street: bool) -> None:
    world = config("street" if street else "alone", villa=2, flat=3)
    units = -(-homes // 5) if street else homes
    whole = {plan.name for plan in planned(world, homes)}
    if shards > units:
        with pytest.raises(ValueError, match=f"there are only {units} "):
            planned(world, homes, Shard(1, shards))
        return
    parts = [planned(world, homes, Shard(index, shards)) for index in range(1, shards + 1)]
    assert sum(len(part) for part in parts) == homes
    assert {plan.name for part in parts for plan in part} == whole
    if street:
        copies = [{plan.copy for plan in part} for part in parts]
        assert sum(len(each) for each in copies) == len(set().union(*copies)), "a feeder was torn"


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/0", "-1/2", "1/2/3"])
def test_a_shard_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="allowed"):
        Shard.from_text(text)


def test_no_home_is_no_fleet() -> None:
    with pytest.raises(ValueError, match="homes 0: at least 1"):
        planned(config(villa=1), 0)


def test_draws_of_one_thing_do_not_move_another() -> None:
    assert drawer(1, "home-1", "size").random() != drawer(1, "home-1", "load").random()
    assert drawer(1, "home-1", "size").random() == drawer(1, "home-1", "size").random()
