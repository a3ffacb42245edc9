"""Measurements: each prints its figures with the machine they were made on."""
