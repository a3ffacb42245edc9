"""Charging points for cars, one file for each maker."""
