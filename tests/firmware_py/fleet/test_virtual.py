"""Fleets on virtual time: the same seed the same bytes, in any number of processes."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from firmware_py.fleet.summary import Part, summed
from firmware_py.fleet.tape import MODULUS
from firmware_py.fleet.virtual import Run, play_virtual, run_fleet_virtual
from sim_hardware.world.config import WorldConfig
from sim_hardware.world.plan import Shard
from sim_hardware.world.world import World

HOME: Mapping[str, Any] = {"name": "home", "spread": 0.2, "pv": {}, "battery": {}}
CYCLE_S = 10.0


def config(*homes: Mapping[str, Any], seed: int = 1, **tables: Any) -> WorldConfig:
    """A world whose nodes decide every ten seconds."""
    world = {"name": "test", "seed": seed, "start": "2026-03-01T10:00:00Z"}
    node = {"cycle_s": CYCLE_S, "interval_s": 300}
    return WorldConfig.model_validate({"world": world, "node": node, "home": list(homes) or [HOME], **tables})


def played(world: WorldConfig, homes: int = 1, shard: Shard | None = None, for_s: float = 1200.0) -> Part:
    """One shard, played here."""
    return play_virtual(Run(world, homes, shard or Shard(), for_s))


def test_the_same_seed_gives_the_same_hash_and_another_another() -> None:
    one, same, other = (played(config(seed=seed), 2, for_s=600.0) for seed in (1, 1, 2))
    assert one.hash_sum == same.hash_sum
    assert one.hash_sum != other.hash_sum


def test_shards_add_up_to_the_fleet() -> None:
    contracts = {"per_day": 96, "power_w": 1000, "duration_s": 120}
    world = config(
        contracts=contracts, random_faults={"per_hour": 6, "words": ["drop", "exception", "freeze", "delay"]}
    )
    whole = played(world, 3)
    parts = [played(world, 3, Shard(index, 2)) for index in (1, 2)]
    together = summed(parts)
    assert whole.contracts.total() >= 1
    assert whole.faults.total() >= 1
    for name in ("homes", "hash_sum", "cycles", "setpoints", "messages", "records", "contracts", "faults"):
        assert getattr(together, name) == getattr(whole, name), name


@pytest.mark.slow
def test_journals_on_disk_are_the_same_row_by_row(tmp_path: Path) -> None:
    world = config({**HOME, "count": 2}, contracts={"per_day": 96, "power_w": 1000, "duration_s": 120})
    dumps = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        play_virtual(Run(world, 2, Shard(), 1200.0, folder))
        dumps.append({path.name: _rows(path) for path in sorted(folder.glob("*.sqlite"))})
    assert list(dumps[0]) == ["home-1.sqlite", "home-2.sqlite"]
    assert dumps[0] == dumps[1]
    assert any("lease/battery" in row for rows in dumps[0].values() for row in rows)


def _rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


@pytest.mark.system
def test_jobs_are_processes_and_change_nothing() -> None:
    run = Run(config(), 2, Shard(), 120.0)
    one, two = run_fleet_virtual(run, 1), run_fleet_virtual(run, 2)
    assert (one.jobs, two.jobs) == (1, 2)
    assert one.hash == two.hash
    assert one.messages_by_topic == two.messages_by_topic


def test_every_cycle_is_played_and_none_is_late() -> None:
    part = played(config(), 2, for_s=600.0)
    assert part.cycles == 2 * 600 / CYCLE_S
    assert part.worst_late_s == 0.0
    assert part.messages["telemetry"] == 2 * 3 * 600 / CYCLE_S


def test_intervals_become_durable_at_the_head_end() -> None:
    part = played(config(), 2, for_s=1000.0)
    assert part.records["interval"] == 2 * 3 * 3  # homes, devices, whole intervals


def test_contracts_are_sent_and_delivered() -> None:
    part = played(config(contracts={"per_day": 96, "power_w": 1000, "duration_s": 300}), 4, for_s=1800.0)
    assert part.contracts == {"delivered": 4 * 1, **part.contracts}
    assert part.setpoints > 4


def test_a_script_strikes_the_devices_it_names() -> None:
    fault = [{"at_s": 100, "for_s": 200, "word": "drop", "device": "home-2/pv"}]
    part = played(config({**HOME, "count": 2}, fault=fault), 2, for_s=600.0)
    assert part.faults.keys() == {"drop"}
    assert part.faults["drop"] >= 2
    assert part.messages["telemetry"] < 2 * 3 * 600 / CYCLE_S


def test_a_nodes_clock_can_be_made_to_jump() -> None:
    fault = [{"at_s": 100, "word": "clock_jump", "argument": 3600.0, "device": "home-1/node"}]
    jumped, still = played(config(fault=fault), for_s=300.0), played(config(), for_s=300.0)
    assert jumped.faults == {"clock_jump": 1}
    assert jumped.hash_sum != still.hash_sum


def test_broken_physics_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: World, dt_s: float) -> None:
        raise ZeroDivisionError("physics")

    monkeypatch.setattr(World, "after", broken)
    with pytest.raises(ZeroDivisionError, match="physics"):
        played(config(), for_s=300.0)


def test_hashes_stay_below_the_modulus() -> None:
    parts = [Part(1, 1.0, 0.0, 0, hash_sum=MODULUS - 1), Part(1, 1.0, 0.0, 0, hash_sum=3)]
    assert summed(parts).hash_sum == 2
