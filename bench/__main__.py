"""`make bench`: every short measurement there is; `ARGS=--long` the long ones too, `ARGS=fleet_physics` those named only.

One alone, with its own arguments: `.venv/bin/python -m bench.fleet_live --help`, and so on for the modules of this folder.
"""

import argparse
from collections.abc import Callable, Mapping

from bench import (
    contracts,
    fleet_live,
    fleet_physics,
    fleet_virtual,
    forecast,
    gallery,
    home_energy,
    interval_energy,
    metrology,
    modbus_tcp,
    one_home,
    planning,
    rebound,
    thousand_devices,
    wire_limit,
)

SHORT: Mapping[str, Callable[[], None]] = {
    "contracts": contracts.main,
    "fleet_physics": fleet_physics.main,
    "gallery": gallery.main,
    "modbus_tcp": modbus_tcp.main,
    "wire_limit": wire_limit.main,
    "metrology": lambda: metrology.main(["--seconds", "20", "--repeats", "2"]),
    "interval_energy": lambda: interval_energy.main(["--intervals", "4"]),
    "forecast": lambda: forecast.main(["--days", "6", "--homes", "H0-A", "H0-L", "--pv", "PV1"]),
    "one_home": lambda: one_home.main([]),
    "rebound": lambda: rebound.main(["--homes", "300", "--seeds", "1"]),
    "planning": lambda: planning.main(["--days", "10", "--loop", "0"]),
    "thousand_devices": thousand_devices.main,
    "hundred_live": lambda: fleet_live.main(["--homes", "100", "--seconds", "15"]),
}
LONG: Mapping[str, Callable[[], None]] = {
    "fleet_virtual": fleet_virtual.main,
    "fleet_live": lambda: fleet_live.main([]),
    "planning_loop": lambda: planning.main([]),
    "home_energy": lambda: home_energy.main([]),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--long", action="store_true", help="a day of fleets on virtual time, 1,000 homes in real time")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join([*SHORT, *LONG])}")
    chosen = parser.parse_args()
    every = {**SHORT, **LONG}
    if unknown := sorted(set(chosen.names) - every.keys()):
        parser.error(f"no {', '.join(unknown)}; there are {', '.join(every)}")
    for name in chosen.names or (every if chosen.long else SHORT):
        print(f"-- {name}")
        every[name]()
