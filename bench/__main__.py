"""`make bench`: every measurement there is, one after the other."""

from bench import fleet_physics

if __name__ == "__main__":
    fleet_physics.main()
