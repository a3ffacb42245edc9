"""Samples in, quantities out: what the meter measures."""
