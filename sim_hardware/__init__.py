"""Simulated hardware: physics, devices with real faces, faults, and virtual time. Nothing on a node imports this."""
