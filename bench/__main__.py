"""`make bench`: every measurement there is, one after the other."""

from bench import fleet_physics, gallery, one_home

if __name__ == "__main__":
    fleet_physics.main()
    gallery.main()
    one_home.main([])
