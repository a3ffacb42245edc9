"""Thermometers: what gives `temperature_c` and nothing else."""
