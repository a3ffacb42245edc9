"""The same days planned by EMHASS and by ours: `python -m bench.emhass_day --peer PYTHON [--days 10] [--step-s 900]`.

PYTHON is that of an environment of its own with EMHASS in it (`python -m pip install emhass`; its pins are not ours). A home with
PV, battery and two appliances on days of `bench.home_year`, everything known, every switch whole for the whole day, one thread
for both. EMHASS stops within 0.1 % of its objective, ours at its own gap (decision 0038), so it may end a cent dearer. EMHASS is told to end the day with what ours has stored then. Both plans are paid for by the same sum over what
flows at the meter, from their own powers of battery and appliances, so neither judges itself.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.home_year import QUARTERS, Year, moment, year
from bench.machine import machine
from controller.planning.planner import Planner
from controller.planning.site import Appliance, Battery, Floats, Horizon, Site

PEER: Final = Path(__file__).with_name("emhass_peer.py")
ONE_THREAD: Final = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
IMPORT_W, EXPORT_W = 17_250.0, 10_000.0
GAP: Final = 1e-3
RUNS: Final = 5


def site(of: Year, first: int, step_s: float) -> Site:
    """One day from this quarter on: a dishwasher's two hours by day and a pool pump's three hours at any time."""
    per_step, there = round(900.0 / step_s), slice(first, first + QUARTERS)
    load, pv, buys, sells, air = (
        np.repeat(values[there], per_step)
        for values in (of.load_w, of.pv_w, of.import_per_kwh, of.export_per_kwh, of.outdoor_c)
    )
    steps = len(load)
    hour = steps // 24
    appliances = (
        Appliance("dishwasher", 2000.0, 2 * 3600.0, 8 * hour, 20 * hour),
        Appliance("pool", 1000.0, 3 * 3600.0, 0, steps),
    )
    battery = Battery("battery", 5000.0, 500.0, 10_000.0, 5000.0, 5000.0)
    return Site(
        Horizon(moment(first), step_s, steps), buys, sells, np.full(steps, IMPORT_W), np.full(steps, EXPORT_W), load, pv, air,
        batteries=(battery,), appliances=appliances,
    )  # fmt: skip


def asked(day: Site, stored_wh: float) -> dict[str, Any]:
    """The day in the words of the peer."""
    (battery,) = day.batteries
    return {
        "step_s": day.horizon.step_s,
        "load_w": day.load_w.tolist(),
        "pv_w": day.pv_w.tolist(),
        "import_per_kwh": day.import_per_kwh.tolist(),
        "export_per_kwh": day.export_per_kwh.tolist(),
        "import_max_w": IMPORT_W,
        "export_max_w": EXPORT_W,
        "gap": GAP,
        "budget_s": 45,
        "runs": RUNS,
        "battery": {
            "capacity_wh": battery.most_wh,
            "soc": battery.stored_wh / battery.most_wh,
            "soc_end": stored_wh / battery.most_wh,
            "least": battery.least_wh / battery.most_wh,
            "charge_max_w": battery.charge_max_w,
            "discharge_max_w": battery.discharge_max_w,
            "charge_efficiency": battery.charge_efficiency,
            "discharge_efficiency": battery.discharge_efficiency,
        },
        "appliances": [
            {"power_w": each.power_w, "run_s": each.run_s, "first": each.first, "last": each.last}
            for each in day.appliances
        ],
    }


def paid(day: Site, battery_w: Floats, appliances_w: list[Floats]) -> tuple[float, float]:
    """What the day costs with these powers, and what the battery holds at its end."""
    (battery,), hours = day.batteries, day.horizon.hours
    grid_w = day.load_w - day.pv_w + battery_w + sum(appliances_w)
    price = np.where(grid_w >= 0, day.import_per_kwh, day.export_per_kwh)
    into_w = np.where(battery_w > 0, battery_w * battery.charge_efficiency, battery_w / battery.discharge_efficiency)
    return float(grid_w @ price) * hours / 1000.0, battery.stored_wh + float(into_w.sum()) * hours


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.emhass_day", description=__doc__)
    parser.add_argument("--peer", required=True, help="a Python with EMHASS")
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--step-s", type=float, default=900.0)
    chosen = parser.parse_args(arguments)
    print(machine())
    of, costs, times = year(), list[tuple[float, float]](), list[tuple[float, float]]()
    print("  day          EMHASS   ours    stored at the end Wh     solve s: EMHASS (again)   ours (again)")
    for each in range(chosen.days):
        first = QUARTERS * round(40 + each * 320 / chosen.days)
        day, planner, took = site(of, first, chosen.step_s), Planner(), list[float]()
        for _ in range(RUNS):
            began_s = time.perf_counter()
            plan = planner.plan(day, 45.0, 86_400.0)
            took.append(time.perf_counter() - began_s)
        ours, held_wh = paid(day, plan.power_w["battery"], [plan.power_w[it.name] for it in day.appliances])
        answer = subprocess.run(
            [chosen.peer, str(PEER)], input=json.dumps(asked(day, held_wh)), capture_output=True, text=True, check=True,
            env=ONE_THREAD,
        )  # fmt: skip
        peer = json.loads(answer.stdout[answer.stdout.index('{"version"') :])
        theirs, left_wh = paid(day, np.array(peer["battery_w"]), [np.array(it) for it in peer["appliances_w"]])
        costs.append((theirs, ours))
        times.append((float(np.median(peer["solve_s"][1:])), float(np.median(took[1:]))))
        print(
            f"  {moment(first):%Y-%m-%d} {theirs:8.3f} {ours:8.3f}  {left_wh:8.0f} {held_wh:8.0f}"
            f"       {peer['solve_s'][0]:.3f} ({times[-1][0]:.3f})      {took[0]:.3f} ({times[-1][1]:.3f})  {peer['status']}"
        )
    theirs, ours = np.sum(costs, axis=0)
    slow, fast = np.median(times, axis=0)
    print(
        f"  EMHASS {peer['version']}: {theirs:.2f}; ours {ours:.2f}; medians of later solves {slow:.3f} s and {fast:.3f} s: {slow / fast:.1f} times"
    )


if __name__ == "__main__":
    main()
