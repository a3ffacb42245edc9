"""What one home-step of the vectorised physics costs: `PYTHONPATH=. python -m bench.fleet_physics [homes]`.

CPU time of one thread, least and median of many steps at 1 s; memory as the arrays held and, with temporaries, at most.
The ratio to one pass of `a += b` over as many homes carries over between machines, the nanoseconds do not.
"""

import sys
import time
import tracemalloc

import numpy as np

from bench.machine import machine
from sim_hardware.physics.ev import EvParams
from sim_hardware.physics.thermal.heat_pump import HeatPumpParams
from sim_hardware.physics.vector import Floats
from sim_hardware.physics.vector.electric import Batteries, Evs, PvPlants
from sim_hardware.physics.vector.heat import HeatPumps, Houses, WaterHeaters

STEPS = 2_000
# A home draws warm water about 20 minutes a day.
DRAWING = 70
# The next best published: GridLAB-D, house and water heater alone (facts of this project).
GRIDLABD_NS = 6_600.0


class Homes:
    """Every part, each home with its own sizes."""

    def __init__(self, count: int, seed: int) -> None:
        random = np.random.default_rng(seed)

        def some(least: float, most: float) -> Floats:
            return random.uniform(least, most, count)

        self.count = count
        self.houses = Houses(
            count,
            1.0,
            envelope_w_per_k=some(100, 250),
            air_j_per_k=some(2e6, 4e6),
            mass_j_per_k=some(2e7, 4e7),
            coupling_w_per_k=1_500.0,
            air_c=some(19, 21),
        )
        self.pumps = HeatPumps(
            count, 1.0, params=HeatPumpParams(), heat_w=some(5e3, 12e3), cop=3.5, setpoint_c=some(19, 22)
        )
        self.tanks = WaterHeaters(
            count, 1.0, volume_l=some(100, 300), loss_w_per_k=1.7, element_w=2_000.0, water_c=some(45, 58)
        )
        self.plants = PvPlants(count, 1.0, peak_w=some(3e3, 10e3), rating_w=10e3)
        self.batteries = Batteries(count, 1.0, capacity_wh=some(5e3, 15e3), rating_w=5_000.0, soc=some(0.1, 0.9))
        self.batteries.request_w[:] = some(-5e3, 5e3)
        self.cars = Evs(
            count,
            1.0,
            params=EvParams(),
            leave_s=some(6, 9) * 3600.0,
            arrive_s=some(15, 20) * 3600.0,
            energy_wh=some(3e3, 10e3),
            day_s=62_000.0,
            soc=some(0.3, 0.9),
        )
        self._draws = np.full(-(-count // DRAWING), 0.1)

    def after(self, step: int) -> None:
        """One second."""
        rows = np.arange(step % DRAWING, self.count, DRAWING)
        self.pumps.after(self.houses.air_c, 3.0)
        self.houses.after(3.0, self.pumps.heat_w)
        self.tanks.after(rows, self._draws[: len(rows)])
        self.plants.after(400.0 + step % 200)
        self.batteries.after()
        self.cars.after()


def _one_pass_ns(count: int) -> float:
    a, b = np.zeros(count), np.ones(count)
    best = min(_timed(lambda: a.__iadd__(b)) for _ in range(500))
    return best / count


def _timed(work: "object") -> float:
    start = time.process_time_ns()
    work()  # type: ignore[operator]
    return float(time.process_time_ns() - start)


def main(count: int = 10_000) -> None:
    """Measure and print."""
    Homes(10, seed=1).after(0)  # what numpy loads when first used is no home's
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    homes = Homes(count, seed=1)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.reset_peak()
    for step in range(5):
        homes.after(step)
    most = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    times = np.array([_timed(lambda step=step: homes.after(step)) for step in range(STEPS)]) / count
    one_pass = _one_pass_ns(count)
    print(f"{machine()}, {count} homes, 1 s steps")
    print(f"CPU per home-step: least {times.min():.1f} ns, median {np.median(times):.1f} ns")
    print(f"one pass of a += b: {one_pass:.2f} ns; a home-step is {times.min() / one_pass:.0f} passes")
    print(f"memory per home: {held / count:.0f} B held, {most / count:.0f} B at most")
    print(f"GridLAB-D house and water heater ({GRIDLABD_NS:g} ns) over this: {GRIDLABD_NS / times.min():.0f} times")


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))
