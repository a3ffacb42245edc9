"""What a step of each world of the gallery costs, no node in it: `PYTHONPATH=. python -m bench.gallery [steps]`.

CPU time of one thread, least and median of many steps as long as the file has them; then the network's part of it, and
how long the world takes to build (the first of pandapower's networks pays for its import).
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sim_hardware.world.config import load_world
from sim_hardware.world.networked import Networked
from sim_hardware.world.world import World

EXAMPLES = Path(__file__).parents[1] / "examples"
STEPS = 500


def main(steps: int = STEPS) -> None:
    """Measure and print."""
    print(f"{'world':24} {'homes':>6} {'buses':>6} {'build s':>8} {'least ms':>9} {'median ms':>10} {'network ms':>11}")
    for file in (EXAMPLES / "one-home.toml", *sorted((EXAMPLES / "worlds").glob("*.toml"))):
        began_s = time.process_time()
        world = World(load_world(file))
        build_s = time.process_time() - began_s
        whole_ms, network_ms = _whole(world, steps), _network(world, steps)
        buses = len(world.supply.network.feeder.buses) if isinstance(world.supply, Networked) else 0
        print(
            f"{file.stem:24} {len(world.homes):6} {buses:6} {build_s:8.2f} {whole_ms.min():9.3f}"
            f" {np.median(whole_ms):10.3f} {np.median(network_ms):11.3f}"
        )


def _whole(world: World, steps: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return _timed(steps, lambda: world.after(world.step_s))


def _network(world: World, steps: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    power_w, reactive_var = world.meters.power[:, 0].copy()
    return _timed(steps, lambda: world.supply.after(world.step_s, power_w, reactive_var))


def _timed(steps: int, work: Callable[[], None]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    out = np.empty(steps)
    for step in range(steps):
        start = time.process_time_ns()
        work()
        out[step] = (time.process_time_ns() - start) / 1e6
    return out


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
