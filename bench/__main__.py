"""`make bench`: every short measurement there is; the long ones with `ARGS=--long`.

One alone: `.venv/bin/python -m bench.fleet_live --help`, and so on for the modules of this folder.
"""

import argparse

from bench import fleet_live, fleet_physics, fleet_virtual, one_home

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--long", action="store_true", help="a day of fleets on virtual time, 1,000 homes in real time")
    chosen = parser.parse_args()
    fleet_physics.main()
    one_home.main([])
    if chosen.long:
        fleet_virtual.main()
        fleet_live.main([])
    else:
        fleet_live.main(["--homes", "100", "--seconds", "15"])
