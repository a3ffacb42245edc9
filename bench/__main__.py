"""`make bench`: every measurement there is, one after the other."""

from bench import fleet_physics, one_home

if __name__ == "__main__":
    fleet_physics.main()
    one_home.main([])
