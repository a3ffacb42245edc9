"""Days of whole fleets on virtual time: `PYTHONPATH=. python -m bench.fleet_virtual [hours]` (24).

One home of examples/one-home.toml with a cycle of 1 s, in this process; then a hundred at a cycle of 10 s with broker and
head-end, twice with one seed, a job per core. Wall time and CPU; the two hashes must be the same.
"""

import os
import sys
from pathlib import Path

from firmware_py.fleet.summary import Summary
from firmware_py.fleet.virtual import Run, run_fleet_virtual
from sim_hardware.world.config import WorldConfig, load_world
from sim_hardware.world.plan import Shard

WORLD = Path(__file__).parent.parent / "examples" / "one-home.toml"
HOMES = 100


def main(hours: float = 24.0) -> None:
    """Play and print."""
    one = run_fleet_virtual(Run(_world(1.0), 1, Shard(), hours * 3600.0), jobs=1)
    _tell("one home, cycle 1 s", one, hours)
    many = [run_fleet_virtual(Run(_world(10.0), HOMES, Shard(), hours * 3600.0), os.cpu_count() or 1) for _ in range(2)]
    for each in many:
        _tell(f"{HOMES} homes, cycle 10 s, {each.jobs} jobs", each, hours)
    if many[0].hash != many[1].hash:
        sys.exit("the same seed gave two hashes")


def _world(cycle_s: float) -> WorldConfig:
    config = load_world(WORLD)
    return config.model_copy(update={"node": config.node.model_copy(update={"cycle_s": cycle_s})})


def _tell(what: str, told: Summary, hours: float) -> None:
    per_cycle_ms = 1000.0 * told.cpu_s / told.cycles
    print(
        f"{what}: {hours:g} h in {told.wall_s:.1f} s wall, {told.cpu_s:.1f} s CPU, {per_cycle_ms:.3f} ms a cycle;"
        f" contracts {told.contracts}, hash {str(told.hash)[:16]}"
    )


if __name__ == "__main__":
    main(*(float(each) for each in sys.argv[1:]))
