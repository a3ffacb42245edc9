"""Worlds: what a TOML file says of feeder, homes, weather and faults, as physics and devices."""
