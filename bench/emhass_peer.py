"""One day planned by EMHASS: a day as JSON on stdin, its plan as JSON on stdout. Run it with a Python that has EMHASS (MIT).

Only called by `bench.emhass_day`; EMHASS's own defaults hold where the day says nothing. Its sign of battery power is
turned round here (it counts discharging as positive).
"""

import json
import logging
import sys
import time
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import emhass
import numpy as np
import pandas as pd
from emhass.optimization import Optimization


def settings(day: dict) -> dict:
    """EMHASS's defaults, and the home of this day."""
    folder = Path(emhass.__file__).parent
    conf = json.loads((folder / "data" / "config_defaults.json").read_text())
    battery, loads = day["battery"], day["appliances"]
    steps_per_hour = 3600.0 / day["step_s"]
    conf |= {
        "optimization_time_step": pd.Timedelta(seconds=day["step_s"]),
        "time_zone": "UTC",
        "delta_forecast_daily": timedelta(hours=len(day["load_w"]) / steps_per_hour),
        "num_threads": 1,
        "lp_solver_mip_rel_gap": day["gap"],
        "lp_solver_timeout": day["budget_s"],
        "set_use_pv": True,
        "set_use_battery": True,
        "set_nodischarge_to_grid": False,
        "maximum_power_from_grid": day["import_max_w"],
        "maximum_power_to_grid": day["export_max_w"],
        "battery_discharge_power_max": battery["discharge_max_w"],
        "battery_charge_power_max": battery["charge_max_w"],
        "battery_discharge_efficiency": battery["discharge_efficiency"],
        "battery_charge_efficiency": battery["charge_efficiency"],
        "battery_nominal_energy_capacity": battery["capacity_wh"],
        "battery_minimum_state_of_charge": battery["least"],
        "battery_maximum_state_of_charge": 1.0,
        "battery_target_state_of_charge": battery["soc"],
        "number_of_deferrable_loads": len(loads),
        "nominal_power_of_deferrable_loads": [each["power_w"] for each in loads],
        "minimum_power_of_deferrable_loads": [each["power_w"] for each in loads],
        "operating_hours_of_each_deferrable_load": [each["run_s"] / 3600.0 for each in loads],
        "start_timesteps_of_each_deferrable_load": [each["first"] for each in loads],
        "end_timesteps_of_each_deferrable_load": [each["last"] for each in loads],
        "treat_deferrable_load_as_semi_cont": [True for _ in loads],
    }
    for key, default in (
        ("set_deferrable_load_single_constant", False),
        ("set_deferrable_startup_penalty", 0.0),
        ("deferrable_load_max_cost", 0.0),
        ("set_deferrable_max_startups", 0),
        ("def_minimum_on_time", 0),
        ("def_minimum_off_time", 0),
        ("cost_forecast_per_deferrable_load", None),
        ("is_electric_load", True),
    ):
        conf[key] = [default for _ in loads]
    return conf


def main() -> None:
    """Plan the day several times and print the last plan."""
    day = json.load(sys.stdin)
    conf, logger = settings(day), logging.getLogger("emhass")
    logger.setLevel(logging.ERROR)
    index = pd.date_range("2016-01-01", periods=len(day["load_w"]), freq=conf["optimization_time_step"], tz="UTC")
    data = pd.DataFrame(index=index)
    data["unit_load_cost"], data["unit_prod_price"] = day["import_per_kwh"], day["export_per_kwh"]
    pv, load = (pd.Series(np.array(day[name]), index=index) for name in ("pv_w", "load_w"))
    plan, times = Optimization(conf, conf, conf, "unit_load_cost", "unit_prod_price", "profit", {}, logger), []
    table = None
    for _ in range(day["runs"]):
        began_s = time.perf_counter()
        table = plan.perform_optimization(
            data,
            pv.to_numpy(),
            load.to_numpy(),
            data["unit_load_cost"].to_numpy(),
            data["unit_prod_price"].to_numpy(),
            soc_init=day["battery"]["soc"],
            soc_final=day["battery"]["soc_end"],
            def_total_hours=conf["operating_hours_of_each_deferrable_load"],
            def_start_timestep=conf["start_timesteps_of_each_deferrable_load"],
            def_end_timestep=conf["end_timesteps_of_each_deferrable_load"],
        )
        times.append(time.perf_counter() - began_s)
    answer = {
        "version": version("emhass"),
        "status": str(plan.optim_status),
        "solve_s": times,
        "grid_w": table["P_grid"].tolist(),
        "battery_w": (-table["P_batt"]).tolist(),
        "appliances_w": [table[f"P_deferrable{k}"].tolist() for k in range(len(day["appliances"]))],
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
