"""Fleets: the real home node in every home of a world, on virtual time or in real time."""
