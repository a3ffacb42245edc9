"""`make bench`: every measurement there is, one after the other; `ARGS="fleet_physics"` for those named only."""

import sys

from bench import fleet_physics, fleet_virtual, gallery, one_home, thousand_devices

BENCHES = {
    "fleet_physics": fleet_physics.main,
    "fleet_virtual": fleet_virtual.main,
    "gallery": gallery.main,
    "one_home": lambda: one_home.main([]),
    "thousand_devices": thousand_devices.main,
}

if __name__ == "__main__":
    wanted = sys.argv[1:] or list(BENCHES)
    if unknown := sorted(set(wanted) - BENCHES.keys()):
        sys.exit(f"bench: no {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    for name in wanted:
        print(f"-- {name}")
        BENCHES[name]()
