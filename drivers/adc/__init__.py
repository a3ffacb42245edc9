"""Converters that measure voltages and currents, sample by sample."""
